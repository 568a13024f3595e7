import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ended, forget, pass, passing, stateOf } from "./passing";

let tell: (status: number | null) => void;
let asked: number;
let letGo: number;

beforeEach(() => {
  vi.useFakeTimers();
  forget();
  asked = letGo = 0;
});
afterEach(() => void vi.useRealTimers());

function ask(to = "Suzuki"): void {
  pass(
    to,
    (told) => {
      asked += 1;
      tell = told;
    },
    () => {
      letGo += 1;
      ended(); // as the phone does
    },
  );
}

it("reads what Asterisk says", () => {
  const said = [200, 202, 400, 403, 404, 408, 481, 486, 500, 503, 603, null].map(stateOf);
  expect(said).toEqual([
    "passed", "passed", "not_here", "forbidden", "nobody", "unknown", "unknown", "gone", "refused", "gone", "forbidden", "unknown",
  ]);
});

it("lets go of the leg when the caller is gone on, and says so for a while", () => {
  ask();
  expect(passing.value).toEqual({ to: "Suzuki", state: "asked" });
  tell(200);
  expect([passing.value, letGo]).toEqual([{ to: "Suzuki", state: "passed" }, 1]);
  vi.advanceTimersByTime(59_000);
  expect(passing.value).not.toBeNull();
  vi.advanceTimersByTime(2_000);
  expect(passing.value).toBeNull();
});

it.each([400, 403, 404, 500, null])("never lets go of a caller whom Asterisk may have left here (%s)", (status) => {
  ask();
  tell(status);
  vi.advanceTimersByTime(120_000);
  expect(letGo).toBe(0);
});

it("asks once at a time, and again after a refusal", () => {
  ask();
  ask("Roadside");
  expect([asked, passing.value?.to]).toEqual([1, "Suzuki"]);
  tell(404);
  ask("Roadside");
  expect([asked, passing.value]).toEqual([2, { to: "Roadside", state: "asked" }]);
});

it("without a word it says that it does not know, and still hears a late one", () => {
  ask();
  vi.advanceTimersByTime(9_900);
  expect(passing.value?.state).toBe("asked");
  vi.advanceTimersByTime(200);
  expect([passing.value?.state, letGo]).toEqual(["unknown", 0]);
  tell(200);
  expect([passing.value?.state, letGo]).toEqual(["passed", 1]);
});

it("a word about an earlier call ends no later one", () => {
  ask();
  const late = tell;
  ended();
  expect(passing.value?.state).toBe("gone");
  late(200);
  expect([passing.value?.state, letGo]).toEqual(["gone", 0]);
  forget(); // it rings
  late(200);
  vi.advanceTimersByTime(120_000);
  expect([passing.value, letGo]).toEqual([null, 0]);
});

it("the end of a call says nothing about one that nobody passed on", () => {
  ended();
  expect(passing.value).toBeNull();
});
