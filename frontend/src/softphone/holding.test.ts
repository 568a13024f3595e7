import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ask, ended, holding, holds, notHeld, takenOver, told } from "./holding";
import type { Outcome } from "./reoffer";

let say: (outcome: Outcome) => void;
let sent: number;
const press = (wanted: boolean) =>
  ask(wanted, (tell) => {
    sent += 1;
    say = tell;
  });

beforeEach(() => {
  vi.useFakeTimers();
  ended();
  sent = 0;
});
afterEach(() => void vi.useRealTimers());

it("is on hold when Asterisk has agreed, and says by how long ago it was", () => {
  press(true);
  expect(holding.value).toBe("asking");
  vi.advanceTimersByTime(1_000);
  say("done");
  expect(holding.value).toBe("held");
  vi.advanceTimersByTime(9_000);
  expect(holds()).toEqual([{ began_ago_s: 10, ended_ago_s: null }]);
  press(false);
  vi.advanceTimersByTime(2_000);
  say("done");
  expect([holding.value, holds()]).toEqual(["no", [{ began_ago_s: 12, ended_ago_s: 2 }]]);
  told();
  expect(holds()).toEqual([]);
});

it("asks once at a time", () => {
  press(false);
  press(true);
  press(true);
  press(false);
  expect(sent).toBe(1);
});

it.each([
  ["refused", "no", []],
  ["silent", "held", [{ began_ago_s: 0, ended_ago_s: null }]], // nobody is heard who believes that they are not
] as const)("a hold that was %s", (outcome, state, kept) => {
  press(true);
  say(outcome);
  expect([holding.value, notHeld.value, holds()]).toEqual([state, { wanted: true, why: outcome }, kept]);
  vi.advanceTimersByTime(60_000);
  expect(notHeld.value).toBeNull();
});

it("a resume that failed can be pressed again, and is one hold", () => {
  press(true);
  say("done");
  for (const outcome of ["refused", "silent"] as const) {
    press(false);
    say(outcome);
    expect([holding.value, notHeld.value]).toEqual(["held", { wanted: false, why: outcome }]);
  }
  vi.advanceTimersByTime(3_000);
  press(false);
  say("done");
  expect([notHeld.value, holds()]).toEqual([null, [{ began_ago_s: 3, ended_ago_s: 0 }]]);
});

it("a word about an earlier call is of no later one", () => {
  press(true);
  const late = say;
  ended();
  late("done");
  expect([holding.value, holds()]).toEqual(["no", []]);
});

it("what goes on is told of again when it is over, unless the server has it", () => {
  press(true);
  say("done");
  told();
  expect(holds()).toHaveLength(1);
  takenOver();
  press(false);
  say("done");
  expect(holds()).toEqual([]);
});
