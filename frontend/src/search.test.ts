import fc from "fast-check";
import { expect, test } from "vitest";
import { dayOf, FIELDS, fromAddress, marked, seconds, share, times, toAddress, tooShort, toQuery, unreadable } from "./search";

const NOON = Date.parse("2026-11-22T03:00:00Z"); // 12:00 in Tokyo

test("an address is a search and back, whatever is in it", () => {
  const value = fc.string({ minLength: 1, maxLength: 50 }).filter((text) => text.trim() === text && text !== "");
  const search = fc.dictionary(fc.constantFrom(...FIELDS), value);
  fc.assert(
    fc.property(search, (given) => {
      expect(fromAddress(toAddress(given))).toEqual({ ...given });
    }),
  );
  expect(fromAddress("t=83.5&evil=1&queue=members&queue=b")).toEqual({ queue: "members" });
});

test("lengths, shares and days as people write them", () => {
  expect(["90", "1:30", "1:02:03", "", "1:", "a", "-5"].map(seconds)).toEqual([90, 90, 3723, null, null, null, null]);
  expect(dayOf("yesterday", NOON, "Asia/Tokyo")).toBe("2026-11-21");
  expect(dayOf("today", Date.parse("2026-11-22T16:00:00Z"), "Asia/Tokyo")).toBe("2026-11-23");
  expect(toQuery({ since: "yesterday", until: "yesterday", min_length: "1:30", min_silence: "40%", max_length: "?" }, NOON, "Asia/Tokyo")).toEqual({
    since: "2026-11-20T15:00:00.000Z",
    until: "2026-11-21T15:00:00.000Z",
    min_duration_s: "90",
    min_silence: "0.4",
  });
});

test("figures as an input method leaves them, and what is none", () => {
  expect(["１：３０", "９０"].map(seconds)).toEqual([90, 90]);
  expect(["４０％", "40 %", "12.5", "0", "100", "101", "", "%", "-1", "1e1", "abc"].map(share)).toEqual([
    0.4, 0.4, 0.125, 0, 1, null, null, null, null, null, null,
  ]);
  expect(["３", "0", "100", "101", "1.5", "", "two"].map(times)).toEqual([3, 0, 100, null, null, null, null]);
  const asked = { min_silence: "abc", min_transfers: "２", max_transfers: "0", min_length: "１：００" };
  expect(unreadable(asked)).toBe("min_silence");
  expect(unreadable({ ...asked, min_silence: "５%" })).toBeNull();
  expect(toQuery(asked, NOON, "Asia/Tokyo")).toEqual({ min_transfers: "2", max_transfers: "0", min_duration_s: "60" });
  expect(tooShort({ number: "０９０－１２３４" })).toBe(false);
  expect(tooShort({ number: "０９０" })).toBe(true);
});

test("what was looked for is marked, in whichever kana", () => {
  expect(marked("本日レッカーを手配", "れっかー")).toEqual([
    { text: "本日", hit: false },
    { text: "レッカー", hit: true },
    { text: "を手配", hit: false },
  ]);
  fc.assert(fc.property(fc.string(), fc.string(), (text, words) => marked(text, words).map((one) => one.text).join("") === text));
});
