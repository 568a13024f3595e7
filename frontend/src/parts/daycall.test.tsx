// @vitest-environment happy-dom
/** From "my calls today": a call is opened, completed and closed, by keyboard, and gives way to whoever rings. */
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { beginNotes, stopNotes } from "../aftercall";
import { emptyDesk } from "../desk";
import { dialAsked } from "../dial";
import { choose, timeZone } from "../i18n";
import { AgentPage } from "../pages/agent";
import { desk } from "../session";
import type { CallLine, NoteRequest, Pop, TicketRequest } from "../wire";

const CALL = "6f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c11";
const line = (over: Partial<CallLine>): CallLine => ({
  call_id: CALL,
  caller: { kind: "number", e164: "+819012345678", national: "090-1234-5678" },
  queue: { id: "roadside", name_ja: "車両", name_en: "Roadside" },
  reason: null,
  arrived_at: "2026-11-22T01:15:00Z",
  answered_at: "2026-11-22T01:15:20Z",
  ended_at: "2026-11-22T01:20:00Z",
  talk_s: 280,
  outcome: "accepted",
  end_reason: "completed",
  member_id: "M-1",
  reservation_id: "R-1",
  ticket_id: "T-7",
  reason_missing: true,
  ...over,
});
const missed = line({ call_id: "7f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c12", answered_at: null, outcome: "timed_out", reason_missing: false });
const given = line({ call_id: "8f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c13", arrived_at: "2026-11-22T02:15:00Z", reason_missing: false });

const notes: [string, NoteRequest][] = [];
const wishes: TicketRequest[] = [];
const answer = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

beforeEach(() => {
  choose("en");
  timeZone.value = "Asia/Tokyo";
  localStorage.clear();
  dialAsked.value = true;
  notes.length = wishes.length = 0;
  vi.stubGlobal("fetch", async (path: string, init?: RequestInit) => {
    const body = init?.body ? (JSON.parse(String(init.body)) as unknown) : null;
    const callId = /calls\/([^/]+)\//.exec(path)?.[1] ?? "";
    if (path.endsWith("/after")) {
      return answer({ call_id: callId, mine: { version: 0, note: "", reasons: [] }, others: [], tickets: [], reason_required: true, has_tickets: true });
    }
    if (path.endsWith("/note")) {
      const note = body as NoteRequest;
      notes.push([callId, note]);
      return answer({ saved: true, mine: { ...note, version: note.version + 1 } });
    }
    if (path.endsWith("/tickets")) {
      const wish = body as TicketRequest;
      wishes.push(wish);
      return answer({ ...wish, state: "done", why: null, agent: "sato", asked_at: "2026-11-22T03:00:00Z", changed_at: "2026-11-22T03:00:00Z" }, 202);
    }
    if (path === "/api/reasons") return answer({ reasons: [{ id: "unlock", parent: null, name_ja: "解錠", name_en: "Will not unlock", words: "" }] });
    throw new TypeError("no network");
  });
  beginNotes("demo", "sato");
  desk.value = { ...emptyDesk, callsToday: [given, line({}), missed] };
});
afterEach(() => {
  cleanup();
  stopNotes();
  desk.value = emptyDesk;
  vi.unstubAllGlobals();
});

const press = (key: string, on: Element = document.body) => fireEvent.keyDown(on, { key });
const opened = () => screen.queryByRole("article", { name: /^Call of/ });

async function open(): Promise<HTMLTextAreaElement> {
  render(<AgentPage />);
  press("o");
  expect(document.activeElement?.getAttribute("aria-label")).toContain("10:15"); // whose reason is missing, not the newest
  fireEvent.click(document.activeElement as Element);
  const note = await screen.findByLabelText<HTMLTextAreaElement>("Note");
  await waitFor(() => expect(note.disabled).toBe(false));
  return note;
}

it("completes note, reason and ticket of a call of today, and goes back to its line", async () => {
  const note = await open();
  expect(document.activeElement?.id).toBe("day-call");
  fireEvent.input(note, { target: { value: "折り返し済み" } });
  const reasons = screen.getByRole("combobox", { name: /Reasons/ });
  fireEvent.input(reasons, { target: { value: "unlock" } });
  press("Enter", reasons);
  await waitFor(() => expect(notes.at(-1)).toEqual([CALL, { version: expect.any(Number), note: "折り返し済み", reasons: ["unlock"] }]), { timeout: 5_000 });
  fireEvent.click(screen.getByRole("button", { name: "Open a ticket" }));
  await waitFor(() => expect(wishes).toHaveLength(1));
  expect(wishes[0]).toMatchObject({ do: "open", member_id: "M-1", reservation_id: "R-1", category: "unlock", note: "折り返し済み" });
  await screen.findByRole("list", { name: "Tickets" });
  await waitFor(() => expect(screen.getByRole("button", { name: "Open a ticket" }).getAttribute("aria-disabled")).toBe("false"));
  fireEvent.change(screen.getByRole("combobox", { name: "Which" }), { target: { value: "T-7" } });
  fireEvent.click(screen.getByRole("button", { name: "Join this call to it" }));
  await waitFor(() => expect(wishes.at(-1)).toMatchObject({ do: "join", ticket_id: "T-7" }));
  press("Escape", note);
  await waitFor(() => expect(opened()).toBeNull());
  expect(document.activeElement?.getAttribute("data-call")).toBe(CALL);
});

it("gives way to whoever rings, and what was typed is saved at once", async () => {
  const note = await open();
  fireEvent.input(note, { target: { value: "途中まで" } });
  const part = { status: "pending", as_of: null };
  const card = {
    link: { ...part, link: null, chosen: null },
    members: { ...part, members: [] },
    reservations: { ...part, reservations: [] },
    tickets: { ...part, tickets: [] },
    calls: { ...part, calls: [] },
    verification: { ...part, verification: null },
  };
  const pop = { call_id: "9", offer_id: null, phase: "ringing", caller: { kind: "withheld", e164: null, national: null }, card } as unknown as Pop;
  await act(() => {
    desk.value = { ...desk.value, pop };
  });
  expect(opened()).toBeNull();
  await waitFor(() => expect(notes).toEqual([[CALL, { version: 0, note: "途中まで", reasons: [] }]]), { timeout: 5_000 });
  const button = document.querySelector(`[data-call="${CALL}"]`);
  expect(button?.getAttribute("aria-disabled")).toBe("true");
  fireEvent.click(button as Element);
  await act(() => {
    desk.value = { ...desk.value, pop: null };
  });
  expect(opened()).toBeNull(); // it does not come back by itself
});

it("opens no call that one had no part in", () => {
  render(<AgentPage />);
  expect(document.querySelector(`[data-call="${missed.call_id}"]`)).toBeNull();
  expect(document.querySelectorAll(".open-call")).toHaveLength(2);
});
