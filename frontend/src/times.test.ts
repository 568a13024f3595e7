import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { duration, sameDay, startOfDay } from "./times";

describe("the beginning of a day", () => {
  it("is the desk's midnight, wherever the browser is", () => {
    expect(startOfDay("2026-11-21", "Asia/Tokyo")).toBe("2026-11-20T15:00:00.000Z");
    expect(startOfDay("2026-11-21", "UTC")).toBe("2026-11-21T00:00:00.000Z");
    expect(startOfDay("2026-12-31", "Asia/Tokyo", 1)).toBe("2026-12-31T15:00:00.000Z");
    expect(startOfDay("", "Asia/Tokyo")).toBeNull();
    expect(startOfDay("yesterday", "Asia/Tokyo")).toBeNull();
  });

  it("is right on the days that clocks are moved", () => {
    expect(startOfDay("2026-03-29", "Europe/Berlin")).toBe("2026-03-28T23:00:00.000Z");
    expect(startOfDay("2026-03-30", "Europe/Berlin")).toBe("2026-03-29T22:00:00.000Z");
    expect(startOfDay("2026-10-26", "Europe/Berlin")).toBe("2026-10-25T23:00:00.000Z");
  });

  it("reads 00:00 of that day there", () => {
    const zones = ["Asia/Tokyo", "Europe/London", "America/Los_Angeles", "Australia/Adelaide", "Asia/Kathmandu"];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4000 }), fc.constantFrom(...zones), (days, zone) => {
        const day = new Date(Date.UTC(2024, 0, 1 + days)).toISOString().slice(0, 10);
        const at = new Date(startOfDay(day, zone) ?? "");
        const shown = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
        expect(shown.format(at)).toBe(`${day} 00:00`);
      }),
      { numRuns: 300 },
    );
  });
});

it("knows when two instants are on one day there", () => {
  expect(sameDay("2026-11-20T15:00:00Z", "2026-11-21T14:59:00Z", "Asia/Tokyo")).toBe(true);
  expect(sameDay("2026-11-20T14:59:00Z", "2026-11-20T15:00:00Z", "Asia/Tokyo")).toBe(false);
});

it("writes durations as people read them", () => {
  expect([0, 7.9, 60, 754, 3723, -5].map(duration)).toEqual(["0:00", "0:07", "1:00", "12:34", "1:02:03", "0:00"]);
});
