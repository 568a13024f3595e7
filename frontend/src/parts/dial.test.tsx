// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { emptyDesk } from "../desk";
import { dialling, forgetDialling, lookDialling, toAsk } from "../dial";
import { choose } from "../i18n";
import { connection, desk, leave, me } from "../session";
import type { AgentBody, LineBody, Me } from "../wire";
import { DialBox, DialSaid } from "./dial";
import { TalkControls } from "./talk";
import { Text } from "./text";

const sato: AgentBody = { agent: "sato", name: "", state: "available", reason: "", since: "2026-11-22T01:00:00Z", until: null, phone: "idle", phone_since: null, skills: [] };
const talking = (may: LineBody["may"]): LineBody => ({
  call_id: "c1",
  role: "first",
  phase: "talking",
  since: "2026-11-22T01:00:00Z",
  partner: null,
  outside: null,
  may,
  recording: { state: "on", since: "2026-11-22T01:00:00Z", until: null, may: [] },
});
const dialled: string[] = [];

let away = false;
let held: Promise<void> | null = null;

beforeEach(() => {
  choose("en");
  forgetDialling();
  dialled.length = 0;
  vi.stubGlobal("fetch", async (path: string, init?: RequestInit) => {
    if (init?.method === "POST" && path === "/api/my/dial") {
      dialled.push((JSON.parse(String(init.body)) as { number: string }).number);
      return new Response(JSON.stringify({ call_id: "c2", number: "03-6458-1234" }), { status: 200 });
    }
    if (path !== "/api/my/dial") return new Response(null, { status: 204 });
    if (away) throw new TypeError("no network");
    await held;
    return new Response(JSON.stringify({ number: "+815012345000", left: 29 }), { status: 200 });
  });
});
afterEach(() => {
  cleanup();
  desk.value = emptyDesk;
  me.value = null;
  vi.unstubAllGlobals();
  away = false;
  held = null;
});

it("shows the field when the server is back that was away at the first look", async () => {
  away = true;
  connection.value = "open";
  render(<DialBox />);
  await lookDialling();
  expect(screen.queryByRole("textbox")).toBeNull();
  connection.value = "lost";
  await waitFor(() => expect(dialling.value).toBeNull());
  away = false;
  connection.value = "open";
  await waitFor(() => expect(screen.getByRole("textbox")).toBeTruthy());
});

it("is nobody's after a log-out, nor is an answer that comes later", async () => {
  await lookDialling();
  expect(dialling.value?.left).toBe(29);
  let answer = () => undefined as void;
  held = new Promise((resolve) => (answer = resolve));
  const late = lookDialling();
  await leave();
  expect(dialling.value).toBeNull();
  answer();
  await late;
  expect(dialling.value).toBeNull();
});

const TICKET = "牽引を手配、東京レッカー 03-6458-1234";

/** Somebody's text on the page, seen by an agent who may dial. */
async function shown(state: Partial<typeof emptyDesk>) {
  me.value = { user: { roles: ["agent"] } } as Me;
  connection.value = "open";
  desk.value = { ...emptyDesk, agent: sato, ...state };
  await lookDialling();
  const talk = desk.value.talk;
  render(
    <>
      {talk && <TalkControls talk={talk} />}
      <DialSaid />
      <p>
        <Text text={TICKET} />
      </p>
    </>,
  );
}

it("calls a number that stands in somebody's text, and nothing else of it", async () => {
  await shown({});
  const number = screen.getByRole("button", { name: "Call 03-6458-1234" });
  fireEvent.click(number);
  await screen.findByText(/Your phone rings/);
  expect(dialled).toEqual(["03-6458-1234"]);
  expect(number.closest("p")?.textContent).toBe(TICKET);
});

it("asks outside in a call: the number stands in the field, and a person says yes", async () => {
  history.replaceState(null, "", "/agent");
  await shown({ agent: { ...sato, phone: "in_use" as AgentBody["phone"] }, talk: talking(["hold", "consult", "consult_outside"]) });
  fireEvent.click(screen.getByRole("button", { name: "Ask 03-6458-1234 while the caller waits" }));
  const field = await screen.findByRole<HTMLInputElement>("combobox");
  expect(field.value).toBe("03-6458-1234");
  expect((await screen.findAllByRole("option")).map((one) => one.querySelector(".whom-name")?.textContent)).toEqual(["03-6458-1234"]);
  expect(dialled).toEqual([]);
});

it("asks for it on the page that has the call's controls", async () => {
  history.replaceState(null, "", "/qa");
  me.value = { user: { roles: ["agent"] } } as Me;
  desk.value = { ...emptyDesk, agent: sato, talk: talking(["consult_outside"]) };
  await lookDialling();
  render(<Text text={TICKET} />);
  fireEvent.click(screen.getByRole("button", { name: /^Ask/ }));
  expect(location.pathname).toBe("/agent");
});

it("says why not, to whoever comes by keyboard too, when nobody outside can be asked", async () => {
  await shown({ agent: { ...sato, phone: "in_use" as AgentBody["phone"] }, talk: talking(["hold"]) });
  const number = screen.getByRole("button", { name: /03-6458-1234/ });
  expect(number.getAttribute("aria-disabled")).toBe("true");
  expect(number.getAttribute("aria-label")).toContain("You are on a call");
  fireEvent.click(number);
  expect(dialled).toEqual([]);
});

it("is a text for whoever is no agent", async () => {
  await shown({});
  cleanup();
  me.value = { user: { roles: ["qa"] } } as Me;
  render(<Text text={TICKET} />);
  expect(screen.queryByRole("button")).toBeNull();
});

it("asks for nobody in another call than the one in which it was clicked", async () => {
  history.replaceState(null, "", "/qa");
  me.value = { user: { roles: ["agent"] } } as Me;
  desk.value = { ...emptyDesk, agent: sato, talk: talking(["consult_outside"]) };
  await lookDialling();
  render(<Text text={TICKET} />);
  fireEvent.click(screen.getByRole("button", { name: /^Ask/ }));
  cleanup();
  render(<TalkControls talk={{ ...talking(["consult", "consult_outside"]), call_id: "c9" }} />);
  await waitFor(() => expect(toAsk.value).toBeNull());
  expect(screen.queryByRole("combobox")).toBeNull();
});

it("looks once for all the numbers that a page shows", async () => {
  let looks = 0;
  vi.stubGlobal("fetch", async () => {
    looks += 1;
    return new Response(JSON.stringify({ number: "+815012345000", left: 29, order: null }), { status: 200 });
  });
  me.value = { user: { roles: ["agent"] } } as Me;
  connection.value = "open";
  desk.value = { ...emptyDesk, agent: sato };
  render(<Text text={`${TICKET}、03-1111-2222、03-3333-4444`} />);
  await waitFor(() => expect(screen.getAllByRole("button")).toHaveLength(3));
  expect(looks).toBe(1);
});
