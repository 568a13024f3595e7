import fc from "fast-check";
import { expect, test } from "vitest";
import { afterSilence, beforeTransfer, isBefore, lanesOf, mark, transfersOf, viewAt, ZOOMS } from "./lanes";
import { momentAddress, secondAsked } from "./moments";
import type { CallRecord } from "./wire";

const at = (second: number): string => new Date(Date.parse("2026-11-22T01:00:00Z") + second * 1000).toISOString();

const call = {
  arrived_at: at(0),
  recording: { began_at: at(0) },
  menu_at: at(1),
  queued_at: at(10),
  answered_at: at(20),
  voicemail_at: null,
  ended_at: at(100),
  talks: [
    { agent: "sato", answered_at: at(20), ended_at: at(50) },
    { agent: "ito", answered_at: at(52), ended_at: null },
  ],
  holds: [{ began_at: at(30), ended_at: at(35) }],
  consultations: [],
  journey: [
    { at: at(0), what: "arrived" },
    { at: at(20), what: "answered" },
    { at: at(50), what: "transferred" },
    { at: at(120), what: "recording_stored" },
  ],
} as unknown as CallRecord;

test("the call's way in lanes, cut to what can be heard", () => {
  expect(lanesOf(call, 90).map(({ kind, agent, spans }) => [kind, agent, ...spans.map(({ from, to }) => `${from}-${to}`)])).toEqual([
    ["menu", null, "1-10"],
    ["queue", null, "10-20"],
    ["agent", "sato", "20-50"],
    ["agent", "ito", "52-90"],
    ["hold", null, "30-35"],
  ]);
  expect(lanesOf(call, 0)).toEqual([]);
});

test("what lies before the sound is said of its lane, and drawn nowhere", () => {
  const later = (began: number) =>
    lanesOf({ ...call, recording: { began_at: at(began) } } as CallRecord, 60)
      .slice(0, 2)
      .map(({ kind, spans, before }) => [kind, before, ...spans.map(({ from, to }) => `${from}-${to}`)]);
  expect(later(12)).toEqual([["menu", 11], ["queue", 2, "0-8"]]);
  expect(later(1.9)).toEqual([["menu", 0, "0-8.1"], ["queue", 0, "8.1-18.1"]]);
  expect([0, -0.9, -1, -5].map(isBefore)).toEqual([false, false, true, true]);
});

test("jumps", () => {
  expect(transfersOf(call)).toEqual([50]);
  expect([0, 40, 60].map((position) => beforeTransfer([50], position))).toEqual([40, 40, 40]);
  expect(beforeTransfer([50, 80], 40)).toBe(70);
  expect(beforeTransfer([3], 0)).toBe(0);
  expect(beforeTransfer([], 0)).toBeNull();
  expect([mark(call, 0, 1, 90), mark(call, 20, 1, 90), mark(call, 50, 1, 90), mark(call, 20, -1, 90)]).toEqual([20, 50, null, 0]);
});

test("a silence is left shortly before its end, and never backwards", () => {
  expect([9, 10.1, 10.4, 14.8].map((second) => afterSilence([[10, 15]], second))).toEqual([null, null, 14.7, null]);
  fc.assert(
    fc.property(fc.float({ min: 0, max: 100, noNaN: true }), fc.float({ min: 0, max: 100, noNaN: true }), fc.float({ min: 0, max: 100, noNaN: true }), (from, to, second) => {
      const end = afterSilence([[from, to]], second);
      return end === null || (end > second && end < to);
    }),
  );
});

test("what is shown holds the second that is heard, at every zoom", () => {
  fc.assert(
    fc.property(fc.constantFrom(...ZOOMS), fc.double({ min: 1, max: 20_000, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (zoom, length, share) => {
      const view = viewAt(zoom, share * length, length);
      expect(view.from).toBeGreaterThanOrEqual(0);
      expect(view.to).toBeLessThanOrEqual(length + 1e-6);
      expect(share * length).toBeGreaterThanOrEqual(view.from - 1e-6);
      expect(share * length).toBeLessThanOrEqual(view.to + 1e-6);
    }),
  );
});

test("a moment's address", () => {
  expect(momentAddress("https://cti.example", "a-b", 83.456)).toBe("https://cti.example/qa/a-b?t=83.5");
  expect(["?t=83.5", "t=0", "t=-1", "t=1e9", "t=", "x=1"].map(secondAsked)).toEqual([83.5, 0, null, null, null, null]);
});
