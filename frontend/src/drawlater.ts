/**
 * Who answers goes first: while a call is being answered the page draws nothing. It has one thread, and a pop takes it for
 * some 20 ms between the browser's steps of an answer; the caller hears nothing meanwhile.
 */
import { effect, type ReadonlySignal } from "@preact/signals";
import { options } from "preact";
import type { CallState } from "./softphone/machine";

// An answer that takes longer than this waits for the network, and leaves the thread free.
export const LONGEST_MS = 60;

/** From now on, for the whole page. Returns what takes it back. */
export function drawAfterAnswer(call: ReadonlySignal<CallState>): () => void {
  const before = options.debounceRendering;
  let waiting: (() => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const drawNow = () => {
    clearTimeout(timer);
    const draw = waiting;
    waiting = null;
    draw?.();
  };
  options.debounceRendering = (draw) => {
    if (call.peek() !== "answering") return queueMicrotask(draw);
    waiting = draw;
    timer = setTimeout(drawNow, LONGEST_MS);
  };
  const stop = effect(() => {
    if (call.value !== "answering" && waiting) queueMicrotask(drawNow);
  });
  return () => {
    stop();
    drawNow();
    if (before) options.debounceRendering = before;
    else delete options.debounceRendering;
  };
}
