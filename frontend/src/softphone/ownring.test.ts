// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { beforeEach, expect, it, vi } from "vitest";

const call = signal("none");
const desk = signal<{ pop: { phase: string; reach: string | null } | null }>({ pop: null });
const answer = vi.fn(() => {
  call.value = "talking";
});
vi.mock("./softphone", () => ({ answerByItself: answer, call }));
vi.mock("../session", () => ({ desk }));
await import("./ownring");

const own = { phase: "ringing", reach: "calling" };
const turn = () => new Promise((done) => setTimeout(done, 0));

beforeEach(() => {
  call.value = "none";
  desk.value = { pop: null };
  answer.mockClear();
});

it("answers the agent's own call, whichever comes first: the ring or the word of it", async () => {
  call.value = "ringing";
  desk.value = { pop: own };
  await turn();
  call.value = "none";
  desk.value = { pop: { ...own } };
  await turn();
  call.value = "ringing";
  await turn();
  expect(answer).toHaveBeenCalledTimes(2);
});

it("leaves every other ring to the agent", async () => {
  const others = [null, { phase: "ringing", reach: null }, { phase: "ended", reach: "busy" }, { phase: "talking", reach: "calling" }];
  for (const pop of others) {
    desk.value = { pop };
    call.value = "ringing";
    await turn();
    call.value = "none";
  }
  expect(answer).not.toHaveBeenCalled();
});
