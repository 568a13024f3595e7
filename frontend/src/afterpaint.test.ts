// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { afterPaint } from "./afterpaint";

let visibility: DocumentVisibilityState = "visible";
beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(document, "visibilityState", "get").mockImplementation(() => visibility);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it("waits until what is seen has been drawn", () => {
  visibility = "visible";
  const work = vi.fn();
  afterPaint(work);
  expect(work).not.toHaveBeenCalled();
  vi.advanceTimersByTime(50);
  expect(work).toHaveBeenCalledOnce();
});

it("does not wait where nobody looks: timers are late there", () => {
  visibility = "hidden";
  const work = vi.fn();
  afterPaint(work)();
  expect(work).toHaveBeenCalledOnce();
});

it("can be called off", () => {
  visibility = "visible";
  const work = vi.fn();
  afterPaint(work)();
  vi.advanceTimersByTime(1_000);
  expect(work).not.toHaveBeenCalled();
});
