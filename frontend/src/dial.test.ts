// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { asking, callIsHere, dial, dialling, forgetDialling, said } from "./dial";
import { choose } from "./i18n";

const answers: { status: number; body: unknown }[] = [];
const asked: string[] = [];

beforeEach(() => {
  choose("en");
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    asked.push(`${init.method} ${path} ${init.body ?? ""}`.trim());
    const { status, body } = answers.shift() ?? { status: 200, body: { number: "+815012345000", left: 29 } };
    return new Response(JSON.stringify(body), { status });
  });
});
afterEach(() => {
  forgetDialling();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  answers.length = asked.length = 0;
});

it("says that one's own phone rings, and looks how much is left", async () => {
  answers.push({ status: 200, body: { call_id: "c", number: "090-1234-5678" } });
  expect(await dial("09012345678")).toBe(true);
  expect(said.value).toEqual({ refused: false, text: "Your phone rings. Answer it, and 090-1234-5678 is dialled." });
  await vi.waitFor(() => expect(dialling.value?.left).toBe(29));
  expect(asked).toEqual(['POST /api/my/dial {"number":"09012345678"}', "GET /api/my/dial"]);
});

it("says why not, with what varies in it, in the language of the page", async () => {
  answers.push({ status: 409, body: { key: "dial_prefix", title: "", detail: "03, 080" } });
  expect(await dial("0570012345")).toBe(false);
  expect(said.value).toEqual({ refused: true, text: "The desk's rules do not allow this number. Numbers may begin with: 03, 080" });
});

it("asks once for two clicks", async () => {
  answers.push({ status: 200, body: { call_id: "c", number: "090-1234-5678" } });
  const [first, second] = await Promise.all([dial("09012345678"), dial("09012345678")]);
  expect([first, second]).toEqual([true, false]);
  expect(asked.filter((line) => line.startsWith("POST"))).toHaveLength(1);
  expect(asking.value).toBe(false);
});

const RINGS = "Your phone rings. Answer it, and 090-1234-5678 is dialled.";
const ordered = (state: string, call = "c") => ({ status: 200, body: { number: "+815012345000", left: 29, order: { call_id: call, state } } });

async function placed(...looks: { status: number; body: unknown }[]): Promise<void> {
  vi.useFakeTimers();
  answers.push({ status: 200, body: { call_id: "c", number: "090-1234-5678" } }, ordered("asked"), ...looks);
  await dial("09012345678");
  await vi.advanceTimersByTimeAsync(0);
}

it("says it when an order turns out never taken: the phone does not ring", async () => {
  await placed(ordered("asked"), ordered("lost"));
  await vi.advanceTimersByTimeAsync(1_500);
  expect(said.value?.text).toBe(RINGS);
  await vi.advanceTimersByTimeAsync(2_500);
  expect(said.value).toEqual({ refused: true, text: expect.stringContaining("was not dialled") });
  const looked = asked.length;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(asked.length).toBe(looked);
});

it("says it when nobody can tell, once Asterisk takes the order up no more", async () => {
  await placed(...Array.from({ length: 5 }, () => ordered("asked")));
  await vi.advanceTimersByTimeAsync(17_900);
  expect(said.value?.text).toBe(RINGS);
  await vi.advanceTimersByTimeAsync(200);
  expect(said.value?.refused).toBe(true);
});

it.each(["taken", "none"])("says nothing of an order that is %s", async (state) => {
  const answer = state === "none" ? { status: 200, body: { number: "+815012345000", left: 29, order: null } } : ordered(state);
  await placed(...Array.from({ length: 5 }, () => answer));
  await vi.advanceTimersByTimeAsync(30_000);
  expect(said.value?.text).toBe(RINGS);
});

it("looks no more when its phone rings, and says nothing of another order", async () => {
  await placed(ordered("lost", "another"), ordered("lost"));
  await vi.advanceTimersByTimeAsync(1_500);
  expect(said.value?.text).toBe(RINGS);
  callIsHere("c");
  await vi.advanceTimersByTimeAsync(30_000);
  expect(said.value?.text).toBe(RINGS);
});
