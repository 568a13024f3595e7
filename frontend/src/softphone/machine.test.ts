import { expect, it } from "vitest";
import {
  type CallEvent,
  type CallState,
  callTable,
  type LineEvent,
  type LineState,
  lineTable,
  may,
  microphoneProblem,
  next,
} from "./machine";

const lineEvents: LineEvent[] = [
  "start", "no_tls", "turn", "opened", "missing", "denied", "in_use", "registered", "disconnected", "rejected",
  "server_away", "again", "stop",
];
const callEvents: CallEvent[] = ["incoming", "answer", "answered", "hang_up", "ended"];

const run = (...events: LineEvent[]): LineState =>
  events.reduce<LineState>((state, event) => next(lineTable, state, event), "off");
const ring = (...events: CallEvent[]): CallState =>
  events.reduce<CallState>((state, event) => next(callTable, state, event), "none");

it("becomes a phone: its turn, the microphone, the line", () => {
  expect(run("start")).toBe("elsewhere");
  expect(run("start", "turn", "opened", "registered")).toBe("ready");
});

it("comes back by itself when the connection does", () => {
  expect(run("start", "turn", "opened", "registered", "disconnected", "disconnected", "registered")).toBe("ready");
  expect(run("start", "turn", "opened", "disconnected", "registered")).toBe("ready");
});

it.each([
  ["missing", "no_microphone"],
  ["denied", "microphone_refused"],
  ["in_use", "microphone_busy"],
] as const)("does not ring without a microphone (%s), and asks again when told to", (event, state) => {
  expect(run("start", "turn", event)).toBe(state);
  expect(may(lineTable, state, "registered")).toBe(false);
  expect(run("start", "turn", event, "again", "opened", "registered")).toBe("ready");
});

it("does not ask again by itself where Asterisk refused", () => {
  expect(run("start", "turn", "opened", "registered", "rejected")).toBe("refused");
  expect(lineEvents.filter((event) => may(lineTable, "refused", event))).toEqual(["again", "stop"]);
});

it("stays with whoever took the phone elsewhere, until somebody takes it here", () => {
  for (const before of [["registered"], ["registered", "disconnected"], []] as const)
    expect(run("start", "turn", "opened", ...before, "taken")).toBe("taken");
  expect(lineEvents.filter((event) => may(lineTable, "taken", event))).toEqual(["again", "stop"]);
});

it("can be switched off from everywhere", () => {
  for (const state of Object.keys(lineTable) as LineState[]) expect(next(lineTable, state, "stop")).toBe("off");
});

it("a call: rings, is answered, ends from either side", () => {
  expect(ring("incoming", "answer", "answered", "ended")).toBe("none");
  expect(ring("incoming", "answer", "answered", "hang_up", "ended")).toBe("none");
  expect(ring("incoming", "hang_up", "ended")).toBe("none");
  expect(ring("incoming", "ended")).toBe("none"); // the caller gave up
  expect(ring("incoming", "answer", "ended")).toBe("none"); // while it was being connected
});

it("what is pressed once too often means nothing", () => {
  expect(may(callTable, "answering", "answer")).toBe(false);
  expect(may(callTable, "ending", "hang_up")).toBe(false);
  expect(may(callTable, "none", "answer")).toBe(false);
});

it("every pair of state and event leads to a state of the table, or throws and says both", () => {
  const pairs = <S extends string, E extends string>(table: Readonly<Record<S, unknown>>, events: E[]) =>
    (Object.keys(table) as S[]).flatMap((state) => events.map((event) => [state, event] as const));
  for (const [state, event] of pairs<LineState, LineEvent>(lineTable, lineEvents)) {
    if (may(lineTable, state, event)) expect(Object.keys(lineTable)).toContain(next(lineTable, state, event));
    else expect(() => next(lineTable, state, event)).toThrow(`${state}: ${event}`);
  }
  for (const [state, event] of pairs<CallState, CallEvent>(callTable, callEvents)) {
    if (may(callTable, state, event)) expect(Object.keys(callTable)).toContain(next(callTable, state, event));
    else expect(() => next(callTable, state, event)).toThrow(`${state}: ${event}`);
  }
});

it("names what is wrong with a microphone by the browser's own error", () => {
  expect(microphoneProblem("NotAllowedError")).toBe("denied");
  expect(microphoneProblem("SecurityError")).toBe("denied");
  expect(microphoneProblem("NotFoundError")).toBe("missing");
  expect(microphoneProblem("OverconstrainedError")).toBe("missing");
  expect(microphoneProblem("NotReadableError")).toBe("in_use");
  expect(microphoneProblem("")).toBe("missing");
});
