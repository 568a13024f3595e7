import { signal } from "@preact/signals";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { afterS, answerByPolicy, answersAfterS, BY_HAND, offered, policy } from "./autoanswer";
import { decibels, stand } from "./meter";

const QUEUES = { members: 2, urgent: 0 };
const call = (queue: string | null) => ({ callId: "c", queue, caller: "" });

beforeEach(() => {
  vi.useFakeTimers();
  policy.value = BY_HAND;
  offered.value = null;
});
afterEach(() => {
  vi.useRealTimers();
});

// The rule of docs/softphone.md, line by line: agent's word, queue, seconds.
it.each([
  ["queue", "members", 2],
  ["queue", "urgent", 0],
  ["queue", "roadside", null],
  ["queue", null, null],
  ["queue", undefined, null],
  ["always", "members", 2],
  ["always", "roadside", 1],
  ["always", null, 1],
  ["always", undefined, 1],
  ["never", "members", null],
  ["never", undefined, null],
] as const)("%s, %s: %s", (agent, queue, seconds) => {
  expect(afterS({ agent, queues: QUEUES }, queue)).toBe(seconds);
});

it("answers once, seconds after the ring, however late the server says which call it is", () => {
  policy.value = { agent: "queue", queues: QUEUES };
  const answer = vi.fn();
  const stop = answerByPolicy(answer);
  vi.advanceTimersByTime(1_500);
  expect(answersAfterS.value).toBeNull();
  offered.value = call("members");
  expect(answersAfterS.value).toBe(2);
  vi.advanceTimersByTime(499);
  expect(answer).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(answer).toHaveBeenCalledTimes(1);
  stop();
  expect(answersAfterS.value).toBeNull();
});

it("goes by the queue that came with the ring until the server says another, also while the server is away", () => {
  policy.value = { agent: "queue", queues: QUEUES };
  offered.value = call(null); // the talk before, still
  const answer = vi.fn();
  const stop = answerByPolicy(answer, () => true, "members");
  expect(answersAfterS.value).toBe(2);
  offered.value = call("urgent");
  expect(answersAfterS.value).toBe(0);
  offered.value = call("roadside");
  expect(answersAfterS.value).toBeNull();
  offered.value = null; // the server is lost
  expect(answersAfterS.value).toBe(2);
  stop();
  offered.value = null;
  answerByPolicy(answer, () => true, "urgent")();
  const now = answerByPolicy(answer, () => true, "urgent");
  vi.advanceTimersByTime(0);
  expect(answer).toHaveBeenCalledTimes(1);
  now();
});

it("answers nothing that ended, was declined or is no longer to be answered so", () => {
  policy.value = { agent: "always", queues: {} };
  const answer = vi.fn();
  const stop = answerByPolicy(answer);
  vi.advanceTimersByTime(900);
  stop();
  policy.value = { agent: "always", queues: { members: 0 } };
  offered.value = call("members");
  vi.advanceTimersByTime(60_000);
  const other = answerByPolicy(answer);
  policy.value = { agent: "never", queues: {} };
  vi.advanceTimersByTime(60_000);
  other();
  expect(answer).not.toHaveBeenCalled();
});

it("waits while nobody would be heard, and answers when that has passed", () => {
  policy.value = { agent: "always", queues: {} };
  const answer = vi.fn();
  const heard = signal(false);
  const stop = answerByPolicy(answer, () => heard.value);
  vi.advanceTimersByTime(5_000);
  expect([answer.mock.calls.length, answersAfterS.value]).toEqual([0, null]);
  heard.value = true;
  vi.advanceTimersByTime(0);
  expect(answer).toHaveBeenCalledTimes(1);
  stop();
});

it("shows loudness as ears hear it", () => {
  expect(decibels(new Float32Array(64))).toBe(-Infinity);
  expect(decibels(new Float32Array(64).fill(1))).toBe(0);
  expect(stand(decibels(new Float32Array(64).fill(0.1)))).toBeCloseTo(2 / 3);
  expect([stand(-Infinity), stand(-90), stand(0), stand(6)]).toEqual([0, 0, 1, 1]);
});
