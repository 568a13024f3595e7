// @vitest-environment happy-dom
import { expect, it, vi } from "vitest";
import type { Listener } from "./socket";
import type { Me, Pop } from "./wire";

const did: string[] = [];
let saved = true;
let saving: Promise<void> = Promise.resolve();
let socket: Listener;
vi.mock("./socket", () => ({
  DeskSocket: class {
    constructor(_: string, listener: Listener) {
      socket = listener;
    }
    open = () => void did.push("open");
    send = (message: { type: string }) => did.push(message.type) > 0;
    close = () => undefined;
  },
}));
const begun: boolean[] = [];
vi.mock("./softphone/softphone", () => ({ startPhone: async (same: boolean) => void begun.push(same), stopPhone: (hangsUp = true) => void did.push(hangsUp ? "stopPhone" : "stopPhone after the call") }));
vi.mock("./softphone/quality", () => ({ stopTelling: () => void did.push("stopTelling"), tellAs: () => undefined }));
vi.mock("./aftercall", () => ({
  beginNotes: () => undefined,
  endNotes: async () => void did.push("endNotes"),
  forgetOldDrafts: () => undefined,
  isSaved: () => saved,
  savedSoon: () => saving,
  stopNotes: () => void did.push("stopNotes"),
}));
const { api, Refusal } = await import("./api");
vi.spyOn(api, "logout").mockImplementation(async () => {
  did.push("logout");
  return new Response();
});
const { chooseState, connection, enter, leave, me: somebody, sessionOver, socketBlocked } = await import("./session");
const { offered } = await import("./softphone/autoanswer");

const me = { tenant: "demo", time_zone: "Asia/Tokyo", user: { login: "sato", roles: ["agent"], must_change: false } } as unknown as Me;
const pop = (phase: Pop["phase"]) =>
  ({ call_id: "c", revision: 1, phase, queue: { id: "members" }, caller: { kind: "withheld", number: null } }) as unknown as Pop;
const tell = (phase: Pop["phase"]) =>
  socket.message({ type: "snapshot", at: new Date().toISOString(), pop: pop(phase), talk: null, agent_seq: 1 } as never);

it("knows queue and caller of the call that rings, not of the one that talks", () => {
  enter(me);
  tell("ringing");
  expect(offered.value).toMatchObject({ callId: "c", queue: "members" });
  expect(offered.value?.caller).not.toBe("");
  tell("talking");
  expect(offered.value).toEqual({ callId: "c", queue: null, caller: "" });
});

it("forgets what the server said of a ring once the server is away", () => {
  enter(me);
  tell("ringing");
  socket.connection("lost");
  expect(offered.value).toBeNull();
});

it("saves notes before it logs out, then forgets whatever was of this log-in", async () => {
  enter(me);
  tell("ringing");
  did.length = 0;
  await leave();
  expect(did).toEqual(["endNotes", "logout", "stopPhone after the call", "stopNotes", "stopTelling"]);
  expect(offered.value).toBeNull();
});

it("asks for no socket that the server would refuse", () => {
  did.length = 0;
  enter({ ...me, user: { ...me.user, roles: ["qa", "download", "privacy"] } });
  expect(did).toEqual([]);
  enter(me);
  expect(did).toEqual(["open"]);
});

it("has the reason saved before after-call work is finished, and finishes that call's only", async () => {
  enter(me);
  tell("ended");
  did.length = 0;
  let done = () => undefined as void;
  saved = false;
  saving = new Promise((resolve) => (done = resolve));
  chooseState("wrap_up");
  expect(did).toEqual(["state.set"]); // only "available" waits
  chooseState("available");
  expect(did).toEqual(["state.set"]);
  done();
  await saving;
  await Promise.resolve();
  expect(did).toEqual(["state.set", "state.set"]);
  saving = new Promise((resolve) => (done = resolve));
  chooseState("available");
  tell("ringing"); // somebody else meanwhile
  done();
  await saving;
  await Promise.resolve();
  expect(did).toHaveLength(2);
  saved = true;
  tell("ended");
  chooseState("available");
  expect(did).toHaveLength(3);
});

it("keeps the call that is on when the log-in ends by itself, and says that it ended", async () => {
  enter(me);
  tell("talking");
  did.length = 0;
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ key: "not_logged_in", title: "" }), { status: 401 }));
  await expect(api.myCalls()).rejects.toThrow();
  vi.unstubAllGlobals();
  expect(did).toEqual(["stopPhone after the call", "stopNotes", "stopTelling"]);
  expect([somebody.value, sessionOver.value]).toEqual([null, true]);
});

it("says to the phone whether the same person logged in again: a call of theirs goes on", async () => {
  const other = { ...me, user: { ...me.user, login: "suzuki" } };
  enter(me);
  begun.length = 0;
  enter(me);
  await leave();
  enter(me);
  enter(other);
  enter(me);
  expect(begun).toEqual([true, true, false, false]);
});

it("says that no WebSocket comes through when the server answers all the same, and does not say it of one that goes away", async () => {
  const asked = vi.spyOn(api, "me").mockResolvedValue(me);
  const refused = async (times: number) => {
    for (let n = 0; n < times; n += 1) {
      socket.doubt();
      await Promise.resolve();
      await Promise.resolve();
    }
    return [connection.value, socketBlocked.value];
  };
  await leave();
  enter(me);
  expect(await refused(2)).toEqual(["connecting", false]); // a server that stops does so, too
  asked.mockRejectedValueOnce(new Refusal(0, "unreachable", ""));
  expect(await refused(1)).toEqual(["lost", false]);
  expect(await refused(2)).toEqual(["lost", false]);
  tell("ringing");
  expect(await refused(1)).toEqual(["lost", true]);
  expect(offered.value).toBeNull();
  socket.connection("open");
  expect([connection.value, socketBlocked.value]).toEqual(["open", false]);
  const late = refused(3);
  await leave();
  expect(await late).toEqual(["connecting", false]); // of a log-in that is over
  asked.mockRestore();
});

it("reads today's calls again when after-call work is over: a reason may have been given in it", async () => {
  vi.useFakeTimers();
  enter(me);
  tell("ended");
  const calls = vi.spyOn(api, "myCalls").mockResolvedValue({ calls: [] });
  socket.message({ type: "snapshot", at: new Date().toISOString(), pop: null, talk: null, agent_seq: 1 } as never);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(calls).toHaveBeenCalledOnce();
  vi.useRealTimers();
});
