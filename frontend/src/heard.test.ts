import fc from "fast-check";
import { expect, test } from "vitest";
import { joinSpans, lanesHeard, sittingsOf } from "./heard";
import type { TrailEntry } from "./wire";

let number = 0;
const entry = (who: string, what: string, minute: number, seconds: unknown, from = 0): TrailEntry => ({
  entry_id: (number += 1),
  at: new Date(Date.parse("2026-11-22T01:00:00Z") + minute * 60_000).toISOString(),
  who,
  what: `recording.${what}`,
  which: "call",
  detail: { seconds, bytes: [from, 999] },
  address: "192.0.2.1",
});

test("what broke off counts with the seconds that were really sent, not with those that were asked for", () => {
  const [one, ...others] = sittingsOf([entry("mori", "listen_cut", 1, [0, 20]), entry("mori", "listened", 0, [0, 90])]);
  expect(others).toEqual([]);
  expect(one).toMatchObject({ who: "mori", way: "heard", spans: [{ from: 0, to: 20 }] });
});

test("of two requests the one that broke off is found by where it began, and by whose it was", () => {
  const newestFirst = [
    entry("mori", "listen_cut", 3, [0, 5], 0),
    entry("abe", "listened", 2, [0, 90], 0),
    entry("mori", "listened", 1, [60, 90], 600),
    entry("mori", "listened", 0, [0, 90], 0),
  ];
  const found = new Map(sittingsOf(newestFirst).map((one) => [one.who, one.spans]));
  expect(found.get("mori")).toEqual([{ from: 0, to: 5 }, { from: 60, to: 90 }]);
  expect(found.get("abe")).toEqual([{ from: 0, to: 90 }]);
});

test("a player's many requests are one sitting; who comes back after half an hour sits down again; a download is another thing", () => {
  const newestFirst = [
    entry("mori", "downloaded", 61, [0, 90]),
    entry("mori", "listened", 60, [10, 20]),
    entry("mori", "listened", 20, [30, 60]),
    entry("mori", "listened", 0, [0, 30]),
  ];
  const found = sittingsOf(newestFirst);
  expect(found.map((one) => [one.way, one.spans])).toEqual([
    ["taken", [{ from: 0, to: 90 }]],
    ["heard", [{ from: 10, to: 20 }]],
    ["heard", [{ from: 0, to: 60 }]],
  ]);
});

test("not a second sent is a sitting without seconds; other acts and strange details are none", () => {
  const newestFirst = [
    entry("mori", "held", 2, undefined),
    entry("mori", "listen_cut", 1, [40, 40], 7),
    entry("mori", "listened", 0, [40, 90], 7),
  ];
  expect(sittingsOf(newestFirst)).toMatchObject([{ who: "mori", spans: [] }]);
  expect(sittingsOf([entry("mori", "listened", 0, "all of it")])).toMatchObject([{ spans: [] }]);
});

test("a cut whose beginning is on an earlier page of the trail stands for itself", () => {
  expect(sittingsOf([entry("mori", "listen_cut", 0, [3, 8])])).toMatchObject([{ spans: [{ from: 3, to: 8 }] }]);
});

test("a lane a person, within the sound", () => {
  const sittings = sittingsOf([entry("mori", "listened", 100, [80, 200]), entry("abe", "listened", 50, [95, 99]), entry("mori", "listened", 0, [0, 10])]);
  expect(lanesHeard(sittings, 90, (login) => login.toUpperCase())).toEqual([
    { kind: "heard", agent: "mori", label: "MORI", before: 0, spans: [{ from: 0, to: 10 }, { from: 80, to: 90 }] },
  ]);
});

test("joined spans lie apart and in order, and cover what was covered", () => {
  const span = fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 60 })).map(([from, long]) => ({ from, to: from + long }));
  fc.assert(
    fc.property(fc.array(span, { maxLength: 12 }), (spans) => {
      const joined = joinSpans(spans);
      for (const [at, one] of joined.entries()) {
        const next = joined[at + 1];
        if (next) expect(next.from).toBeGreaterThan(one.to + 1);
      }
      for (const one of spans) expect(joined.some((whole) => whole.from <= one.from && one.to <= whole.to)).toBe(true);
    }),
  );
});
