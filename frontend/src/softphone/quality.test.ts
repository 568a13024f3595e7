// @vitest-environment happy-dom
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { api, Refusal } from "../api";
import { add, type Counted, counted, gradeOf, heard, measure, NOTHING, rating, report, sounds, stopTelling, tellAs } from "./quality";

const CLEAN: Counted = {
  received: 250,
  lostIn: 0,
  jitterInMs: 2,
  sent: 250,
  lostOut: 0,
  jitterOutMs: 1,
  roundTripMs: 20,
};

// The same table stands in tests/unit/domain/test_quality.py: page and server must not disagree.
it.each([
  [0.0, 2, 20, 92.4, "good"],
  [0.01, 2, 20, 88.7, "good"],
  [0.05, 2, 20, 76.6, "fair"],
  [0.08, 5, 60, 68.8, "poor"],
  [0.0, 10, 300, 87.2, "good"],
  [0.0, 40, 600, 59.1, "poor"],
] as const)("rates loss %s, jitter %s ms, round trip %s ms", (loss, jitterMs, roundTripMs, value, word) => {
  expect(rating(loss, jitterMs, roundTripMs)).toBeCloseTo(value, 1);
  expect(gradeOf(rating(loss, jitterMs, roundTripMs))).toBe(word);
});

it("reads the browser's counters, and nothing of pictures", () => {
  const report = [
    { type: "inbound-rtp", kind: "audio", packetsReceived: 100, packetsLost: -2, jitter: 0.003 },
    { type: "inbound-rtp", kind: "video", packetsReceived: 9, packetsLost: 9, jitter: 1 },
    { type: "outbound-rtp", kind: "audio", packetsSent: 120 },
    { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.04 },
    { type: "candidate-pair", nominated: false, currentRoundTripTime: 4 },
  ];
  expect(counted(report)).toEqual({
    received: 100, lostIn: 0, jitterInMs: 3, sent: 120, lostOut: null, jitterOutMs: null, roundTripMs: 40,
  });
  const told = { type: "remote-inbound-rtp", kind: "audio", packetsLost: 3, jitter: 0.002, roundTripTime: 0.025 };
  expect(counted([...report, told])).toMatchObject({ lostOut: 3, jitterOutMs: 2, roundTripMs: 25 });
  expect(counted([])).toMatchObject({ received: 0, sent: 0, roundTripMs: null });
});

it("shows the last seconds, not what was before them", () => {
  const bad = { ...CLEAN, received: 450, lostIn: 50, sent: 500 };
  expect(heard(CLEAN, bad)).toMatchObject({ grade: "poor", loss: 0.2 });
  const well = { ...bad, received: 700, sent: 750 };
  expect(heard(bad, well)).toMatchObject({ grade: "good", loss: 0 });
  expect(heard(CLEAN, { ...CLEAN, sent: 500 }).grade).toBe("poor"); // nothing is heard any more
  expect(heard(CLEAN, CLEAN).grade).toBeNull();
});

it("reports nothing that the server would refuse", () => {
  const small = fc.nat(10_000);
  const ms = fc.double({ min: 0, max: 60_000, noNaN: true });
  const look = fc.record({
    received: small, lostIn: small, jitterInMs: ms, sent: small,
    lostOut: fc.option(small), jitterOutMs: fc.option(ms), roundTripMs: fc.option(ms),
  });
  fc.assert(
    fc.property(fc.array(look, { maxLength: 30 }), fc.nat(86_400), (looks, measuredS) => {
      const body = report(looks.reduce(add, NOTHING), measuredS);
      expect(body.jitter_in_max_ms).toBeGreaterThanOrEqual(body.jitter_in_ms);
      expect(body.round_trip_max_ms ?? 0).toBeGreaterThanOrEqual(body.round_trip_ms ?? 0);
      for (const value of [body.received, body.lost_in, body.sent, body.lost_out ?? 0]) {
        expect(Number.isInteger(value) && value >= 0).toBe(true);
      }
    }),
  );
});

describe("while a call is on", () => {
  let received = 0;
  const connection = {
    getStats: async () =>
      new Map<string, unknown>([
        ["in", { type: "inbound-rtp", kind: "audio", packetsReceived: received, packetsLost: 0, jitter: 0.002 }],
        ["out", { type: "outbound-rtp", kind: "audio", packetsSent: received }],
      ]),
  } as unknown as RTCPeerConnection;
  let told: { id: string; received: number }[] = [];
  const answer = vi.spyOn(api, "reportQuality");

  beforeEach(() => {
    vi.useFakeTimers();
    [received, told] = [0, []];
    answer.mockImplementation(async (id, body) => {
      told.push({ id, received: body.received });
      return new Response();
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const pass = async (seconds: number) => {
    for (let n = 0; n < seconds; n++) {
      received += 50;
      await vi.advanceTimersByTimeAsync(1000);
    }
  };

  it("tells every half minute and at the end, of the call it was at", async () => {
    let call: string | null = null;
    const stop = measure(connection, () => call);
    await pass(6);
    expect(sounds.value).toMatchObject({ grade: "good" });
    call = "one"; // the server was late to say which call it is
    await pass(30);
    expect(told).toEqual([{ id: "one", received: 1500 }]);
    call = null; // and is gone when it ends
    stop();
    stop();
    await pass(1);
    expect(told.at(-1)).toEqual({ id: "one", received: 1800 });
    expect(told).toHaveLength(2);
    expect(sounds.value).toBeNull();
    await pass(120);
    expect(told).toHaveLength(2);
  });

  it("is of the call that it was first told, whatever rings at its end", async () => {
    let call = "one";
    const stop = measure(connection, () => call);
    await pass(6);
    call = "two";
    await pass(6);
    stop();
    await pass(1);
    expect(told.map(({ id }) => id)).toEqual(["one"]);
  });

  it("tells nothing under the next log-in", async () => {
    const failing = vi.fn(async () => {
      throw new Refusal(503, "unavailable", "");
    });
    answer.mockImplementation(failing);
    const stop = measure(connection, () => "one");
    await pass(3);
    stop();
    await pass(1);
    expect(failing).toHaveBeenCalledTimes(1);
    stopTelling();
    await pass(200);
    expect(failing).toHaveBeenCalledTimes(1);
  });

  it("tells it under the same person's next log-in, and under nobody else's", async () => {
    for (const [next, times] of [["demo.sato", 1], ["demo.suzuki", 0]] as const) {
      tellAs("demo.sato");
      answer.mockClear();
      const stop = measure(connection, () => "one");
      await pass(3);
      stopTelling(); // the log-in ends in mid-call
      tellAs(next);
      stop();
      await pass(1);
      expect(answer).toHaveBeenCalledTimes(times);
    }
  });

  it("tries the last word again while the server is away, and no more than seven times", async () => {
    const failing = vi.fn(async () => {
      throw new Refusal(503, "unavailable", "");
    });
    answer.mockImplementation(failing);
    const stop = measure(connection, () => "one");
    await pass(3);
    stop();
    await pass(200);
    expect(failing).toHaveBeenCalledTimes(7);
  });

  it("does not try again what is refused for good, and tells nothing of a call without a name", async () => {
    const refused = vi.fn(async () => {
      throw new Refusal(409, "call_long_over", "");
    });
    answer.mockImplementation(refused);
    const stop = measure(connection, () => "one");
    await pass(3);
    stop();
    await pass(100);
    expect(refused).toHaveBeenCalledTimes(1);
    const silent = measure(connection, () => null);
    await pass(40);
    silent();
    await pass(10);
    expect(refused).toHaveBeenCalledTimes(1);
  });
});
