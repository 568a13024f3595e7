import { signal } from "@preact/signals";
import { options } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { drawAfterAnswer, LONGEST_MS } from "./drawlater";
import type { CallState } from "./softphone/machine";

const call = signal<CallState>("none");
let undo = () => undefined as void;
let drawn = 0;
const draw = () => {
  drawn += 1;
};
const ask = () => options.debounceRendering?.(draw);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  call.value = "none";
  drawn = 0;
  undo = drawAfterAnswer(call);
});
afterEach(() => {
  undo();
  vi.useRealTimers();
});

test.each<CallState>(["none", "ringing", "talking", "ending"])("a page whose call is %s draws at once", async (state) => {
  call.value = state;
  ask();
  await Promise.resolve();
  expect(drawn).toBe(1);
});

test("while it answers nothing is drawn, and then once", async () => {
  call.value = "answering";
  ask();
  await Promise.resolve();
  expect(drawn).toBe(0);
  call.value = "talking";
  await Promise.resolve();
  expect(drawn).toBe(1);
  vi.advanceTimersByTime(LONGEST_MS * 2);
  expect(drawn).toBe(1);
});

test("an answer that takes long does not keep the page blank", () => {
  call.value = "answering";
  ask();
  vi.advanceTimersByTime(LONGEST_MS - 1);
  expect(drawn).toBe(0);
  vi.advanceTimersByTime(1);
  expect(drawn).toBe(1);
});

test("taken back, what waited is drawn and the page draws as before", async () => {
  call.value = "answering";
  ask();
  undo();
  expect(drawn).toBe(1);
  expect(options.debounceRendering).toBeUndefined();
});
