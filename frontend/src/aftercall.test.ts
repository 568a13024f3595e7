// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { after, beginNotes, discard, endNotes, forgetOldDrafts, lookAt, lookAway, noteOf, reasons, stopNotes, unsaved } from "./aftercall";
import { api, Refusal } from "./api";
import type { CallAfter, NoteRequest, NoteSaved } from "./wire";

const CALL = "6f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c11";
const OTHER = "7f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c12";
const DAY_MS = 24 * 3_600_000;
const key = (who: string, call = CALL) => `kakehashi.note.demo.${who}.${call}`;
const empty: CallAfter = { call_id: CALL, mine: { version: 0, note: "", reasons: [] }, others: [], tickets: [], has_tickets: false, reason_required: false };
const shown = () => true;

const save = vi.spyOn(api, "saveNote");
const look = vi.spyOn(api, "after");
const tree = vi.spyOn(api, "reasons");
let sent: [string, NoteRequest][] = [];
const taken = async (call: string, body: NoteRequest): Promise<NoteSaved> => {
  sent.push([call, body]);
  return { saved: true, mine: { note: body.note, reasons: body.reasons ?? [], version: body.version + 1 } };
};
const refused = (status: number, why: string) => async () => {
  throw new Refusal(status, why, "");
};
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  sent = [];
  save.mockReset().mockImplementation(taken);
  look.mockReset().mockResolvedValue(empty);
  tree.mockReset().mockResolvedValue({ reasons: [] });
  beginNotes("demo", "sato");
});
afterEach(() => {
  stopNotes();
  vi.useRealTimers();
});

it("sends nothing of the one who left under the next log-in, and has it when they are back", async () => {
  await lookAt(CALL, shown);
  save.mockImplementation(refused(401, "not_logged_in"));
  noteOf(CALL)?.edit({ note: "佐藤のメモ" });
  await pass(1_000);
  expect(noteOf(CALL)?.state).toBe("kept");
  stopNotes();
  save.mockReset().mockImplementation(taken);
  beginNotes("demo", "suzuki");
  await pass(120_000);
  expect(save).not.toHaveBeenCalled();
  expect(JSON.parse(localStorage.getItem(key("sato")) ?? "{}")).toMatchObject({ note: "佐藤のメモ", version: 0 });
  stopNotes();
  beginNotes("demo", "sato");
  await pass(0);
  expect(sent).toEqual([[CALL, { version: 0, note: "佐藤のメモ", reasons: [] }]]);
  expect(localStorage.getItem(key("sato"))).toBeNull();
});

it("saves what is typed before the log-in ends, and waits only so long", async () => {
  await lookAt(CALL, shown);
  noteOf(CALL)?.edit({ note: "typed a moment ago" });
  await endNotes();
  expect(sent.map(([, body]) => body.note)).toEqual(["typed a moment ago"]);
  expect(noteOf(CALL)).toBeNull();
  beginNotes("demo", "sato");
  await lookAt(CALL, shown);
  save.mockImplementation(() => new Promise(() => undefined));
  noteOf(CALL)?.edit({ note: "the server hangs" });
  let over = false;
  void endNotes().then(() => (over = true));
  await pass(2_000);
  expect(over).toBe(true);
});

it("leaves alone the drafts of another log-in whose name begins with this one", async () => {
  const draft = JSON.stringify({ version: 0, note: "x", reasons: [], at: Date.now() });
  localStorage.setItem(key("sato.two"), draft);
  beginNotes("demo", "sato");
  await pass(60_000);
  expect(save).not.toHaveBeenCalled();
  expect(localStorage.getItem(key("sato.two"))).toBe(draft);
});

it.each([
  [503, "unavailable"],
  [404, "not_found"],
  [0, "unreachable"],
])("can be written in while nobody says what is stored (%s)", async (status, why) => {
  look.mockImplementation(refused(status, why));
  await lookAt(CALL, shown);
  noteOf(CALL)?.edit({ note: "書けます" });
  await pass(700);
  expect(sent).toEqual([[CALL, { version: 0, note: "書けます", reasons: [] }]]);
  look.mockResolvedValue({ ...empty, mine: { version: 1, note: "書けます", reasons: [] } });
  await pass(2_000);
  expect(after.value?.call_id).toBe(CALL);
  expect(noteOf(CALL)?.draft).toMatchObject({ version: 1, note: "書けます" });
});

it("takes what is stored when it is told late and nothing was typed", async () => {
  look.mockImplementation(refused(503, "unavailable"));
  await lookAt(CALL, shown);
  look.mockResolvedValue({ ...empty, mine: { version: 4, note: "stored", reasons: [] } });
  await pass(2_000);
  expect(noteOf(CALL)?.draft.note).toBe("stored");
  expect(save).not.toHaveBeenCalled();
});

it("asks no more once the call is not shown, or nobody is logged in", async () => {
  look.mockImplementation(refused(503, "unavailable"));
  await lookAt(CALL, shown);
  lookAway(CALL);
  await pass(60_000);
  expect(look).toHaveBeenCalledTimes(1);
  look.mockResolvedValue({ ...empty, tickets: [{ state: "queued" } as never] });
  await lookAt(CALL, shown);
  expect(after.value).not.toBeNull();
  stopNotes();
  expect(after.value).toBeNull();
  await pass(60_000);
  expect(look).toHaveBeenCalledTimes(2);
});

it("reads the reasons with each call, and when one of them is none any more", async () => {
  const one = { id: "car", parent: null, name_ja: "車両", name_en: "Car", words: "" };
  await lookAt(CALL, shown);
  tree.mockResolvedValue({ reasons: [one] });
  await lookAt(OTHER, shown);
  await pass(0);
  expect(reasons.value).toEqual([one]);
  tree.mockResolvedValue({ reasons: [] });
  save.mockImplementation(refused(400, "no_such_reason"));
  noteOf(OTHER)?.edit({ reasons: ["car"] });
  await pass(700);
  expect(reasons.value).toEqual([]);
  tree.mockResolvedValue({ reasons: [one] });
  await lookAt(CALL, shown);
  await pass(0);
  stopNotes();
  expect(reasons.value).toEqual([]); // another tenant's, perhaps
});

it("works where the browser gives no storage", async () => {
  const forbidden = () => {
    throw new DOMException("", "SecurityError");
  };
  const real = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get: forbidden });
  try {
    beginNotes("demo", "sato");
    await lookAt(CALL, shown);
    noteOf(CALL)?.edit({ note: "words" });
    await pass(700);
    expect(noteOf(CALL)?.state).toBe("saved");
  } finally {
    if (real) Object.defineProperty(globalThis, "localStorage", real);
  }
});

it.each([
  [409, "too_late"],
  [403, "no_agent"],
])("lists words that are never taken (%s %s) to their owner, until they are discarded", async (status, why) => {
  save.mockImplementation(refused(status, why));
  localStorage.setItem(key("sato"), JSON.stringify({ version: 0, note: "of yesterday", reasons: [], at: Date.now() - DAY_MS }));
  beginNotes("demo", "sato");
  await pass(0);
  expect(unsaved.value).toMatchObject([{ callId: CALL, note: "of yesterday", refusal: { key: why } }]);
  expect(localStorage.getItem(key("sato"))).not.toBeNull();
  stopNotes();
  expect(unsaved.value).toEqual([]);
  beginNotes("demo", "sato");
  await pass(0);
  discard(CALL);
  expect(unsaved.value).toEqual([]);
  expect(localStorage.getItem(key("sato"))).toBeNull();
});

it("lists words over another version once their call is gone from the page", async () => {
  save.mockResolvedValue({ saved: false, mine: { version: 3, note: "theirs", reasons: [] } });
  await lookAt(CALL, shown);
  noteOf(CALL)?.edit({ note: "mine" });
  await pass(700);
  expect(unsaved.value).toEqual([]); // its own place asks
  lookAway(CALL);
  expect(unsaved.value).toMatchObject([{ callId: CALL, note: "mine", refusal: null }]);
  look.mockResolvedValue({ ...empty, mine: { version: 3, note: "theirs", reasons: [] } });
  await lookAt(CALL, shown);
  expect([unsaved.value.length, noteOf(CALL)?.state]).toEqual([0, "changed"]);
});

it("takes an unknown call for one that is written down soon, for ten minutes", async () => {
  save.mockImplementation(refused(404, "not_found"));
  localStorage.setItem(key("sato"), JSON.stringify({ version: 0, note: "w", reasons: [], at: Date.now() }));
  beginNotes("demo", "sato");
  await pass(9 * 60_000);
  expect(unsaved.value).toEqual([]);
  await pass(2 * 60_000);
  expect(unsaved.value).toMatchObject([{ note: "w", refusal: { status: 404 } }]);
});

it("forgets drafts of whoever did not come back within a week", () => {
  const draft = (at?: number) => JSON.stringify({ version: 0, note: "w", reasons: [], ...(at === undefined ? {} : { at }) });
  localStorage.setItem(key("a"), draft(Date.now() - 8 * DAY_MS));
  localStorage.setItem(key("b"), draft(Date.now() - 6 * DAY_MS));
  localStorage.setItem(key("c"), draft());
  localStorage.setItem("kakehashi.keys", "on");
  forgetOldDrafts();
  expect([key("a"), key("b"), key("c"), "kakehashi.keys"].map((one) => localStorage.getItem(one) !== null)).toEqual([false, true, true, true]);
  vi.setSystemTime(Date.now() + 8 * DAY_MS);
  forgetOldDrafts();
  expect(localStorage.getItem(key("c"))).toBeNull();
});
