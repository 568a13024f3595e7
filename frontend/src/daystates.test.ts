import { expect, it } from "vitest";
import { sums } from "./daystates";
import type { StateLine } from "./wire";

const MIDNIGHT = Date.parse("2026-11-21T15:00:00Z");
const at = (minutes: number): number => MIDNIGHT + minutes * 60_000;
const line = (state: StateLine["state"], minutes: number, reason = ""): StateLine => ({ state, reason, since: new Date(at(minutes)).toISOString() });
const said = (told: StateLine[], now: StateLine, minutes: number) =>
  sums(told, now, at(minutes), MIDNIGHT).map((one) => [one.state, one.reason, one.seconds / 60]);

it("adds up the day, breaks by their reason, work first", () => {
  const told = [line("offline", 0), line("available", 60), line("break", 90, "lunch"), line("available", 150), line("break", 160, "rest"), line("wrap_up", 170)];
  expect(said(told, line("wrap_up", 170, "call_over"), 175)).toEqual([
    ["available", "", 40],
    ["wrap_up", "", 5],
    ["break", "lunch", 60],
    ["break", "rest", 10],
    ["offline", "", 60],
  ]);
});

it("counts a state that the server has not written down yet, and one of which it has no word at all", () => {
  expect(said([line("available", 10)], line("break", 20, "rest"), 25)).toEqual([["available", "", 10], ["break", "rest", 5]]);
  expect(said([], line("available", 10), 25)).toEqual([["available", "", 15]]);
});

it("begins at midnight, on a page that stays open over it and on one whose clock lags", () => {
  expect(said([line("break", -50, "lunch")], line("available", -30), 5)).toEqual([["available", "", 5], ["break", "lunch", 0]]);
  expect(said([], line("available", 10), 9)).toEqual([["available", "", 0]]);
});
