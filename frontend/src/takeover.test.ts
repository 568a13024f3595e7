// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { LineBody } from "./wire";

const hold = vi.hoisted(() => vi.fn());
const command = vi.hoisted(() => vi.fn());
vi.mock("./softphone/softphone", async (load) => ({ ...(await load<object>()), hold }));
vi.mock("./session", async (load) => ({ ...(await load<object>()), command }));
const { api } = await import("./api");
const { emptyDesk } = await import("./desk");
const { connection, desk } = await import("./session");
const { call } = await import("./softphone/softphone");
const holding = await import("./softphone/holding");
await import("./takeover");

const talk = (phase: LineBody["phase"], role: LineBody["role"] = "first"): LineBody => ({
  call_id: "c1", role, phase, since: "2026-11-22T01:00:00Z", partner: null, outside: null, may: phase === "talking" ? ["hold"] : ["resume"],
  recording: { state: "on", since: "2026-11-22T01:00:00Z", until: null, may: [] },
});
const says = (line: LineBody | null) => void (desk.value = { ...emptyDesk, talk: line });
const tell = vi.spyOn(api, "tellHolds");

beforeEach(() => {
  vi.useFakeTimers();
  tell.mockReset().mockResolvedValue(new Response(null, { status: 204 }));
  hold.mockReset();
  command.mockReset();
  connection.value = "lost";
  call.value = "talking";
  holding.ask(true, (told) => told("done"));
  says(talk("talking"));
});
afterEach(() => {
  holding.ended();
  call.value = "none";
  connection.value = "connecting";
  says(null);
  vi.useRealTimers();
});

it("tells the server of the hold, has it taken over, and lets go of it when that is so", async () => {
  connection.value = "open";
  await vi.advanceTimersByTimeAsync(600);
  expect([tell.mock.calls.map(([id, body]) => [id, body.holds.length]), command.mock.calls]).toEqual([[["c1", 1]], [["hold"]]]);
  says(talk("held"));
  await vi.advanceTimersByTimeAsync(600);
  expect(hold.mock.calls).toEqual([[false]]);
  holding.ask(false, (told) => told("refused")); // at once: an offer of Asterisk's is on its way
  await vi.advanceTimersByTimeAsync(600);
  expect(hold.mock.calls.length).toBe(2); // again, and not for ever
  holding.ask(false, (told) => told("done"));
  await vi.advanceTimersByTimeAsync(60_000);
  expect([command.mock.calls.length, hold.mock.calls.length, holding.holds()]).toEqual([1, 2, []]);
});

it("asks again of a server that does not know the call yet, and not for ever", async () => {
  tell.mockRejectedValue(new TypeError("away"));
  connection.value = "open";
  await vi.advanceTimersByTimeAsync(120_000);
  expect(tell.mock.calls.length).toBe(10);
  connection.value = "lost";
  says(null);
  says(talk("talking"));
  connection.value = "open";
  await vi.advanceTimersByTimeAsync(600);
  expect(tell.mock.calls.length).toBe(11);
});

it("tells of a hold that is over, and asks for nothing", async () => {
  holding.ask(false, (told) => told("done"));
  connection.value = "open";
  await vi.advanceTimersByTimeAsync(60_000);
  expect([tell.mock.calls.length, command.mock.calls, hold.mock.calls]).toEqual([1, [], []]);
});

it.each([
  ["while Asterisk is being asked", (): void => holding.ask(false, () => undefined), talk("talking")],
  ["of the call of a colleague", (): void => undefined, talk("talking", "second")],
  ["without a call", (): void => undefined, null],
] as const)("does nothing %s", async (_, given, line) => {
  given();
  says(line);
  connection.value = "open";
  await vi.advanceTimersByTimeAsync(60_000);
  expect([tell.mock.calls, command.mock.calls, hold.mock.calls]).toEqual([[], [], []]);
});
