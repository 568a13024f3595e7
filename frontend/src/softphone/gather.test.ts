import { afterEach, expect, test, vi } from "vitest";
import { enough, GATHER_MS, learn, leaves, patienceMs, SERVERS_MS } from "./gather";

const way = (address: string, type: RTCIceCandidateType = "host", protocol: RTCIceProtocol = "udp") => ({ address, type, protocol });
const CABLE = way("192.0.2.7");
const RADIO = way("198.51.100.9");

afterEach(() => learn([]));

test("where nothing is known nothing is enough", () => {
  expect(enough()(CABLE)).toBe(false);
});

test("every interface that was found is waited for, in whatever order", () => {
  learn([CABLE, RADIO]);
  const done = enough();
  expect(done(RADIO)).toBe(false);
  expect(done(RADIO)).toBe(false);
  expect(done(CABLE)).toBe(true);
});

test("the next call begins anew", () => {
  learn([CABLE]);
  expect(enough()(CABLE)).toBe(true);
  expect(enough()(RADIO)).toBe(false);
});

test("TCP is not waited for: Asterisk does not speak it", () => {
  learn([CABLE, way("192.0.2.7", "host", "tcp"), way("198.51.100.9", "host", "tcp")]);
  expect(enough()(CABLE)).toBe(true);
});

test("what a server sees of an interface is a way of its own", () => {
  learn([CABLE, way("203.0.113.5", "srflx"), way("203.0.113.5", "relay")]);
  const done = enough();
  expect([done(CABLE), done(way("203.0.113.5", "relay")), done(way("203.0.113.5", "srflx"))]).toEqual([false, false, true]);
});

test("a server's way is worth a longer wait, but only where servers are asked", () => {
  expect(patienceMs(false)).toBe(GATHER_MS);
  expect(patienceMs(true)).toBe(SERVERS_MS);
  expect(SERVERS_MS).toBeLessThan(5_000); // whoever rings hears nothing meanwhile
});

test("a server that answered nobody at the look around is not waited for, a relay that did is", () => {
  const RELAY = way("203.0.113.7", "relay");
  learn([CABLE]);
  expect(enough()(CABLE)).toBe(true);
  learn([CABLE, RELAY]);
  const done = enough();
  expect([done(CABLE), done(RELAY)]).toEqual([false, true]);
});

test("with relays only, the relay is all there is to wait for", () => {
  const RELAY = way("203.0.113.7", "relay");
  learn([RELAY]);
  expect(enough()(RELAY)).toBe(true);
});

test("a network that has gone since is never found: the answer does not take this for enough", () => {
  learn([CABLE, RADIO]);
  const done = enough();
  expect(done(CABLE)).toBe(false);
  expect(done(way("10.0.0.1"))).toBe(false);
});

test("an answer leaves a while after its first way, and never with nothing but what Asterisk cannot use", () => {
  vi.useFakeTimers();
  try {
    learn([CABLE, RADIO]);
    const ready = vi.fn();
    const told = leaves(() => false);
    told({ candidate: way("192.0.2.7", "host", "tcp"), ready });
    vi.advanceTimersByTime(10 * GATHER_MS);
    expect(ready).not.toHaveBeenCalled();
    told({ candidate: CABLE, ready });
    vi.advanceTimersByTime(GATHER_MS - 1);
    expect(ready).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ready).toHaveBeenCalledTimes(1);
  } finally {
    vi.useRealTimers();
  }
});

test("with every way that is known an answer leaves at once", () => {
  learn([CABLE]);
  const ready = vi.fn();
  leaves(() => false)({ candidate: CABLE, ready });
  expect(ready).toHaveBeenCalledTimes(1);
});
