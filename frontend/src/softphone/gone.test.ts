import { expect, it } from "vitest";
import { isGone, LOST_MS, lookAt, silence } from "./gone";

it.each([
  ["connected", Infinity, false], // a trunk that sends nothing while its caller listens
  ["completed", Infinity, false],
  ["checking", Infinity, false], // not answered yet
  ["new", Infinity, false],
  ["disconnected", 0, false],
  ["disconnected", LOST_MS - 1, false], // radio comes and goes; Asterisk still waits
  ["disconnected", LOST_MS, true],
  ["disconnected", Infinity, true],
  ["failed", 0, true],
  ["closed", 0, true],
] as const)("%s, silent for %d ms: gone %s", (ice, silentMs, gone) => {
  expect(isGone({ ice, silentMs })).toBe(gone);
});

it("counts from the newest packet, by either of the browsers' calendars", () => {
  const origin = 1_800_000_000_000;
  expect(silence([1_000, 7_000, 3_000], 9_500, origin)).toBe(2_500);
  expect(silence([origin + 7_000], 9_500, origin)).toBe(2_500);
  expect(silence([], 9_500, origin)).toBe(Infinity);
  expect(silence([9_501], 9_500, origin)).toBe(0);
});

it("looks at every receiver of a connection", () => {
  const heard = (...at: number[]) => ({ getSynchronizationSources: () => at.map((timestamp) => ({ timestamp })) });
  const now = performance.now();
  const connection = { iceConnectionState: "disconnected", getReceivers: () => [heard(), heard(now - 8_000)] };
  const seen = lookAt(connection as unknown as RTCPeerConnection);
  expect(seen.ice).toBe("disconnected");
  expect(seen.silentMs).toBeGreaterThanOrEqual(8_000);
  expect(seen.silentMs).toBeLessThan(60_000);
});
