import { afterEach, expect, test } from "vitest";
import { enough, learn } from "./gather";

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

test("a network that has gone since is never found: the answer does not take this for enough", () => {
  learn([CABLE, RADIO]);
  const done = enough();
  expect(done(CABLE)).toBe(false);
  expect(done(way("10.0.0.1"))).toBe(false);
});
