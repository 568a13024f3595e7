// @vitest-environment happy-dom
/** What others wrote, made to break the page: it is shown as it is, whole on demand, and does nothing. */
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it } from "vitest";
import { emptyDesk, reduce } from "../desk";
import { choose } from "../i18n";
import { AgentPage } from "../pages/agent";
import { desk } from "../session";
import type { CallerCard, Pop } from "../wire";
import { Timer } from "./timer";

const SCRIPT = "<script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">";
const LONG = "寿限無".repeat(100);
const ARABIC = "محمد \u202eabc";

function shown(name: string, title: string): void {
  const part = { status: "live", as_of: "2026-11-22T01:00:00Z" } as const;
  const card = {
    link: { ...part, link: null, chosen: null },
    members: { ...part, members: [{ member_id: "M-1", name, name_kana: name, company: name, notes: [name] }] },
    reservations: { ...part, reservations: [{ reservation_id: "R", number: name, member_name: name, terms: [name], vehicle: { vehicle_id: "V", plate: name } }] },
    tickets: { ...part, tickets: [{ ticket_id: "T", title, last_note: title }] },
    calls: { ...part, calls: [] },
    verification: { ...part, verification: null },
  } as unknown as CallerCard;
  const pop = {
    call_id: "6f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c11",
    offer_id: null,
    phase: "ringing",
    caller: { kind: "number", e164: "+819012345678", national: "090-1234-5678" },
    queue: { id: "q", name_ja: name, name_en: name },
    reason_ja: name,
    reason_en: name,
    menu: { language: "ja", is_member: null, reservation_number: null, path: [{ node: "n", keys: "1", label: name }] },
    reach: null,
    callback: null,
    wait_s: 1,
    attempt: 1,
    rang_at: null,
    answered_at: null,
    card,
  } as unknown as Pop;
  desk.value = { ...emptyDesk, pop };
  document.title = "as it was";
  render(<AgentPage />);
}

beforeEach(() => choose("en"));
afterEach(() => {
  cleanup();
  desk.value = emptyDesk;
});

it("shows markup as the letters that it is", () => {
  shown(SCRIPT, SCRIPT);
  expect(document.querySelector("script, img")).toBeNull();
  expect(document.title).toBe("as it was");
  const tickets = screen.getByRole("region", { name: "Tickets" });
  const more = tickets.querySelector<HTMLElement>(".more");
  if (more) fireEvent.click(more);
  expect(tickets.textContent).toContain(SCRIPT);
});

it("folds a name of 300 signs, and shows every one of them when asked", () => {
  shown(LONG, "x");
  const customer = screen.getByRole("region", { name: "Customer" });
  expect(customer.textContent).not.toContain(LONG);
  const more = customer.querySelector<HTMLButtonElement>("button.more");
  expect(more?.getAttribute("aria-expanded")).toBe("false");
  fireEvent.click(more as Element);
  expect(customer.textContent).toContain(LONG);
});

it("keeps right-to-left text, and signs that turn direction, to themselves", () => {
  shown(ARABIC, ARABIC);
  const walker = document.createTreeWalker(document.querySelector(".pop") as Node, 4); // texts
  let found = 0;
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    // The queue's name is the desk's own, by its file.
    if (!text.textContent?.includes(ARABIC) || text.parentElement?.closest(".facts")) continue;
    found += 1;
    expect(text.parentElement?.closest("bdi"), text.parentElement?.outerHTML).not.toBeNull();
  }
  expect(found).toBeGreaterThan(8);
});

it("counts by the desk's clock on a machine whose own is an hour wrong", () => {
  const read = Date.now();
  const at = new Date(read + 3_600_000).toISOString(); // the server's now
  const said = { type: "snapshot", at, pop: null, talk: null, user: null, agent: null, calls_today: [], break_reasons: [], stream_id: "s", agent_seq: 1 };
  desk.value = reduce(emptyDesk, said as never, read);
  render(<Timer since={new Date(read + 3_600_000 - 65_000).toISOString()} />);
  expect(screen.getByRole("timer").textContent).toMatch(/^1:0[4-6]$/);
});
