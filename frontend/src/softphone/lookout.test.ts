import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ANSWER_MS, EVERY_MS, JITTER_MS, Lookout } from "./lookout";

let asked: (() => void)[]; // how each question is answered
let silent: number;
let answers: boolean;
let lookout: Lookout;

beforeEach(() => {
  vi.useFakeTimers();
  [asked, silent, answers] = [[], 0, true];
  lookout = new Lookout(
    (answered) => {
      asked.push(answered);
      if (answers) setTimeout(answered, 30);
    },
    () => (silent += 1),
    () => 0.5,
  );
});
afterEach(() => void vi.useRealTimers());

it("asks again and again, and says nothing while it is answered", () => {
  lookout.start();
  vi.advanceTimersByTime(60_000);
  expect([asked.length, silent]).toEqual([Math.floor(60_000 / (EVERY_MS + JITTER_MS / 2 + 30)), 0]);
});

it("says once that nobody answers, within 2 s of the question, and asks no more until it is started anew", () => {
  lookout.start();
  answers = false;
  vi.advanceTimersByTime(EVERY_MS + JITTER_MS / 2 + ANSWER_MS - 1);
  expect([asked.length, silent]).toEqual([1, 0]);
  vi.advanceTimersByTime(1);
  expect(silent).toBe(1);
  asked[0]?.(); // TCP got through after all: that connection is given up
  lookout.doubt();
  vi.advanceTimersByTime(60_000);
  expect([asked.length, silent]).toEqual([1, 1]);
  answers = true;
  lookout.start();
  vi.advanceTimersByTime(60_000);
  expect([asked.length > 10, silent]).toEqual([true, 1]);
});

it("a doubt asks at once, and not twice", () => {
  lookout.doubt(); // there is no line
  lookout.start();
  lookout.doubt();
  lookout.doubt();
  expect(asked.length).toBe(1);
  vi.advanceTimersByTime(EVERY_MS);
  lookout.doubt();
  expect([asked.length, silent]).toEqual([2, 0]);
});

it("an answer to an earlier question is none to this one", () => {
  lookout.start();
  answers = false;
  lookout.doubt();
  lookout.start(); // another WebSocket
  lookout.doubt();
  asked[0]?.();
  vi.advanceTimersByTime(ANSWER_MS);
  expect(silent).toBe(1);
});

it("stopped, it neither asks nor says anything", () => {
  lookout.start();
  answers = false;
  lookout.doubt();
  lookout.stop();
  vi.advanceTimersByTime(60_000);
  expect([asked.length, silent]).toEqual([1, 0]);
});

it("a page that stood still reads first what came meanwhile", () => {
  lookout.start();
  answers = false;
  lookout.doubt();
  const now = performance.now();
  const clock = vi.spyOn(performance, "now").mockReturnValue(now + ANSWER_MS + 60_000);
  vi.advanceTimersByTime(ANSWER_MS);
  expect(silent).toBe(0);
  asked[0]?.();
  vi.advanceTimersByTime(1_000);
  expect(silent).toBe(0);
  lookout.doubt();
  vi.advanceTimersByTime(ANSWER_MS); // late again, and again nobody answers
  clock.mockReturnValue(now + 200_000);
  vi.advanceTimersByTime(ANSWER_MS);
  expect(silent).toBe(1);
  clock.mockRestore();
});
