// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { emptyDesk } from "../desk";
import { choose, t } from "../i18n";
import type { AgentLive, Board, LineBody, Me, QueueLive } from "../wire";

const passOn = vi.hoisted(() => vi.fn());
const hold = vi.hoisted(() => vi.fn());
vi.mock("../softphone/softphone", async (load) => ({ ...(await load<object>()), passOn, hold }));
const holds = await import("../softphone/holding");
const { call, line } = await import("../softphone/softphone");
const { forget, pass, passing } = await import("../softphone/passing");
const { api } = await import("../api");
const { connection, desk, me } = await import("../session");
const { mayPass } = await import("./alone");
const { AgentPage } = await import("../pages/agent");
const { PhoneBar } = await import("./phonebar");

const AT = "2026-11-22T01:00:00Z";
const colleague = (agent: string, name: string, more: Partial<AgentLive> = {}): AgentLive => ({
  agent, name, state: "available", reason: "", since: AT, phone: "idle", call: null, skills: [], ...more,
});
const queue = { queue: { id: "roadside", name_ja: "ロードサービス", name_en: "Roadside" }, waiting: [], waiting_count: 3 } as unknown as QueueLive;
const board: Board = {
  asterisk_up: true,
  agents: [
    colleague("sato", "佐藤"),
    colleague("takahashi", "高橋", { state: "offline" }),
    colleague("suzuki", "鈴木", { call: { call_id: "c9", phase: "talking", queue: null, since: AT } }),
  ],
  queues: [queue],
};
const talk = (phase: LineBody["phase"], role: LineBody["role"] = "first"): LineBody => ({
  call_id: "c1", role, phase, since: AT, partner: null, outside: null, may: ["hold"],
  recording: { state: "on", since: AT, until: null, may: [] },
});

beforeEach(() => {
  choose("en");
  passOn.mockReset();
  hold.mockReset();
  holds.ended();
  forget();
  me.value = { tenant: "demo", user: { login: "sato", name: "", roles: ["agent"] } } as unknown as Me;
  vi.spyOn(api, "board").mockResolvedValue(board);
  vi.stubGlobal("fetch", async () => new Response(null, { status: 204 }));
  desk.value = { ...emptyDesk, agent: colleague("sato", "佐藤") as never, board, talk: talk("talking") };
  connection.value = "open";
  line.value = "ready";
  call.value = "talking";
  connection.value = "lost"; // the server is killed in the talk
});
afterEach(() => {
  cleanup();
  connection.value = "connecting";
  call.value = "none";
  line.value = "off";
  desk.value = emptyDesk;
  me.value = null;
  vi.unstubAllGlobals();
});

const names = () => screen.getAllByRole("option").map((one) => one.querySelector(".whom-name")?.textContent);
const button = () => screen.getByRole("button", { name: "Transfer" });

it("finds a queue by keyboard, among those whom the server named last, and has the phone pass the caller on", () => {
  render(<AgentPage />);
  fireEvent.click(button());
  const field = screen.getByRole("combobox");
  expect(document.activeElement).toBe(field);
  expect(names()).toEqual(["鈴木", "高橋", "Roadside"]); // not oneself; who was not at work stands behind
  fireEvent.input(field, { target: { value: "road" } });
  fireEvent.keyDown(field, { key: "Enter" });
  expect(passOn.mock.calls).toEqual([["queue-roadside", "Roadside"]]);
  expect(screen.queryByRole("combobox")).toBeNull();
  expect(document.activeElement).toBe(button());
});

it.each([["suzuki", "demo-suzuki", "鈴木"], ["高橋", "demo-takahashi", "高橋"]])("bars nobody for what they were then (%s)", (typed, extension, name) => {
  render(<AgentPage />);
  fireEvent.click(button());
  const field = screen.getByRole("combobox");
  fireEvent.input(field, { target: { value: typed } });
  fireEvent.keyDown(field, { key: "Enter" });
  expect(passOn.mock.calls).toEqual([[extension, name]]);
});

it.each([
  ["talking", "first", true], ["held", "first", true], ["calling", "first", false], ["consulting", "first", false],
  ["swapped", "first", false], ["conference", "first", false], ["talking", "second", false], ["held", "second", false], ["consulting", "second", false], ["swapped", "second", false],
] as const)("who is asked about the caller is passed on to nobody (%s, %s)", (phase, role, can) => {
  expect(mayPass(talk(phase, role))).toBe(can);
  desk.value = { ...desk.value, talk: talk(phase, role) };
  render(<AgentPage />);
  expect(screen.queryByRole("button", { name: "Transfer" }) !== null).toBe(can);
  expect(screen.queryByRole("button", { name: "Hold" }) !== null).toBe(can);
  if (!can) expect(screen.getByText(t("alone.asked"))).toBeTruthy();
});

it("what the server said of an earlier call says nothing about one that it never heard of", async () => {
  desk.value = { ...desk.value, talk: talk("consulting") };
  render(<AgentPage />);
  call.value = "none";
  call.value = "talking";
  await waitFor(() => expect(button()).toBeTruthy());
  connection.value = "open"; // it is back, and is asked
  await waitFor(() => expect(screen.getByRole("button", { name: "Hold" })).toBeTruthy());
});

it("without a line to Asterisk, or while it is asked, nothing is chosen", async () => {
  render(<AgentPage />);
  fireEvent.click(button());
  line.value = "lost";
  await waitFor(() => expect(screen.queryByRole("combobox")).toBeNull());
  expect(screen.getByText(t("alone.no_line"))).toBeTruthy();
  fireEvent.click(button());
  expect(screen.queryByRole("combobox")).toBeNull();
  line.value = "ready";
  pass("鈴木", () => undefined, () => undefined);
  await waitFor(() => expect(button().getAttribute("aria-disabled")).toBe("true"));
  fireEvent.click(button());
  expect(screen.queryByRole("combobox")).toBeNull();
});

it("offers no control of a call that has ended without the server", async () => {
  render(<AgentPage />);
  call.value = "none";
  await waitFor(() => expect(screen.queryByRole("button", { name: "Transfer" })).toBeNull());
  expect(screen.queryByRole("button", { name: "Hold" })).toBeNull();
});

it("says in the phone's bar what became of it, of a name of any length", async () => {
  render(<PhoneBar />);
  let tell: (status: number) => void = () => undefined;
  pass("a".repeat(300), (told) => (tell = told), () => undefined);
  const said = () => document.querySelector(".phone-says")?.textContent ?? "";
  await waitFor(() => expect(said()).toContain("Passing the caller on to"));
  expect(said().length).toBeLessThan(80);
  tell(404);
  await waitFor(() => expect(said()).toContain("You still have the caller"));
  choose("ja");
  await waitFor(() => expect(said()).toContain("通話は続いています"));
  expect(passing.value?.state).toBe("nobody");
});

it("reads the board when the page is a phone, once in a while, and keeps it while the server is away", async () => {
  const read = vi.mocked(api.board);
  desk.value = { ...desk.value, board: null };
  read.mockClear();
  connection.value = "open"; // with a call on: at once
  await waitFor(() => expect(desk.value.board).toEqual(board));
  connection.value = "lost";
  connection.value = "open";
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(read).toHaveBeenCalledTimes(1);
  read.mockRejectedValue(new TypeError("no network"));
  connection.value = "lost";
  expect(desk.value.board).toEqual(board);
});

it("holds the caller by the phone itself, and says what it is in", async () => {
  render(<AgentPage />);
  const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
  press("Hold");
  expect(hold.mock.calls).toEqual([[true, false]]);
  let tell: (outcome: "done") => void = () => undefined;
  holds.ask(true, (told) => (tell = told));
  await waitFor(() => expect(button().getAttribute("aria-disabled")).toBe("true"));
  press("Hold"); // Asterisk is being asked
  expect(hold).toHaveBeenCalledTimes(1);
  tell("done");
  await waitFor(() => expect(screen.getByText(t("alone.holds"))).toBeTruthy());
  expect(button().getAttribute("aria-disabled")).toBeNull(); // who is on hold can be passed on
  press("Resume");
  expect(hold.mock.calls.at(-1)).toEqual([false, false]);
  connection.value = "open"; // it is back, and has not taken the hold over yet
  await waitFor(() => expect(screen.getByText(t("alone.back"))).toBeTruthy());
  expect(screen.queryByRole("button", { name: "Transfer" })).toBeNull();
  press("Resume");
  expect(hold).toHaveBeenCalledTimes(3);
  line.value = "lost";
  await waitFor(() => expect(screen.getByRole("button", { name: "Resume" }).getAttribute("aria-disabled")).toBe("true"));
});

it.each(["hold", "resume"] as const)("says in the phone's bar when a %s came to nothing", async (what) => {
  render(<PhoneBar />);
  if (what === "resume") {
    holds.ask(true, (told) => told("done"));
    await waitFor(() => expect(document.querySelector(".phone-says strong")?.textContent).toContain(t("phase.held")));
  }
  for (const outcome of ["refused", "silent"] as const) {
    holds.ask(what === "hold", (told) => told(outcome));
    await waitFor(() => expect(document.querySelector(".phone-says")?.textContent).toContain(t(`phone.notice.${what}_${outcome}`)));
  }
});
