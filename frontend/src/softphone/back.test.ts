import { expect, it } from "vitest";
import { FRESH_MS, isFresh } from "./back";

const NOW = 1_800_000_000_000;

it("counts for as long as the agent may still sit here", () => {
  expect(isFresh(String(NOW), NOW)).toBe(true);
  expect(isFresh(String(NOW - FRESH_MS), NOW)).toBe(true);
  expect(isFresh(String(NOW - FRESH_MS - 1), NOW)).toBe(false);
});

it.each([[null], [""], ["yesterday"], [String(NOW + 1)]])("does not count without an instant of the past: %s", (stored) => {
  expect(isFresh(stored, NOW)).toBe(false);
});
