/** What is kept of calls, joined to the server and to this browser's storage: one note a call, however often it is drawn. */
import { signal } from "@preact/signals";
import { api, Refusal } from "./api";
import { type Draft, type Keep, type Means, Note, sameWords, type Words, written } from "./note";
import type { CallAfter, MyNote, ReasonBody, TicketLine, TicketRequest } from "./wire";

const PREFIX = "kakehashi.note.";
// Notes that wait in this browser; more than these is a server that was away for days.
const KEPT_MOST = 30;
// The server takes nothing about a call that ended 36 hours ago. A few days more to copy the words by hand.
const FORGOTTEN_MS = 7 * 24 * 3_600_000;
// After an outage a call may be known only when the journal has been written down.
const UNKNOWN_MOST_MS = 10 * 60_000;
const LOOK_AGAIN_MS = 2_000;
// Somebody who logs out waits no longer than this for a server that does not answer.
const LEAVE_MOST_MS = 2_000;

/** Counts changes of notes, so that what shows one is drawn anew. */
export const noteChanges = signal(0);
/** What the server said of the call that is shown. */
export const after = signal<CallAfter | null>(null);
export const reasons = signal<readonly ReasonBody[]>([]);

/** Words of a call that is not shown, which the server does not take. */
export interface Unsaved extends Words {
  readonly callId: string;
  readonly at: number; // when they were typed, in ms
  readonly refusal: unknown; // null: another version is stored
}

/** For their owner to copy or to discard; in the order in which they turned out so. */
export const unsaved = signal<readonly Unsaved[]>([]);

let owner = "";
let shown: string | null = null;
const notes = new Map<string, Note>();

interface Stored extends Draft {
  readonly at: number;
}

function read(key: string): Stored | null {
  try {
    const found = JSON.parse(localStorage.getItem(key) ?? "null") as Stored | null;
    if (!found || typeof found.note !== "string" || typeof found.version !== "number") return null;
    if (!Array.isArray(found.reasons) || !found.reasons.every((one) => typeof one === "string")) return null;
    return { ...found, note: written(found.note), at: typeof found.at === "number" ? found.at : 0 };
  } catch {
    return null;
  }
}

function write(key: string, draft: Stored): void {
  try {
    localStorage.setItem(key, JSON.stringify(draft));
  } catch {
    // No room, or none allowed: the note is still on the page and is saved from there.
  }
}

function remove(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // Not allowed: then nothing was stored either.
  }
}

function keysOf(prefix: string): string[] {
  try {
    return Array.from({ length: localStorage.length }, (_, n) => localStorage.key(n) ?? "").filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

/** Drafts of one person in this browser's storage. Whose they are does not change with who is logged in. */
export function keepOf(person: string): Keep {
  const keyOf = (callId: string): string => `${PREFIX}${person}.${callId}`;
  return {
    get(callId) {
      const found = read(keyOf(callId));
      return found && { version: found.version, note: found.note, reasons: found.reasons };
    },
    put: (callId, { version, note, reasons: chosen }) => write(keyOf(callId), { version, note, reasons: chosen, at: Date.now() }),
    drop: (callId) => remove(keyOf(callId)),
  };
}

/** What ends by itself: nobody answers, or a part is away. A log-in that ended is one of these: the note waits for the next. */
const passes = (error: unknown): boolean =>
  !(error instanceof Refusal) || error.status === 0 || error.status === 401 || error.status === 429 || error.status >= 500;
const unknown = (error: unknown): boolean => error instanceof Refusal && error.status === 404;

/** A note of whoever is logged in now, and theirs for good. */
function begin(callId: string, mine: MyNote | null): Note {
  const keep = keepOf(owner);
  let unknownSince: number | null = null;
  const means: Means = {
    async save(id, body) {
      try {
        return await api.saveNote(id, body);
      } catch (error) {
        if (error instanceof Refusal && error.key === "no_such_reason") readReasons();
        throw error;
      }
    },
    passes(error) {
      if (!unknown(error)) return passes(error);
      unknownSince ??= Date.now();
      return Date.now() - unknownSince < UNKNOWN_MOST_MS;
    },
    keep,
    later(work, ms) {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
    changed() {
      noteChanges.value += 1;
      if (notes.get(callId) === note && callId !== shown) settle(note);
    },
  };
  const note: Note = new Note(callId, mine, means);
  notes.set(callId, note);
  noteChanges.value += 1;
  return note;
}

/** A note that nobody looks at is done with once the server has it, and listed once it is clear that nobody will take it. */
function settle(note: Note): void {
  const { callId, state, draft, refusal } = note;
  if (state === "saving" || state === "kept") return;
  notes.delete(callId);
  note.stop();
  if (state === "saved") return;
  const at = read(`${PREFIX}${owner}.${callId}`)?.at || Date.now();
  const one: Unsaved = { callId, note: draft.note, reasons: draft.reasons, at, refusal: state === "refused" ? refusal : null };
  unsaved.value = [...unsaved.value.filter((other) => other.callId !== callId), one];
}

/** Its owner has copied it, or does not want it. */
export function discard(callId: string): void {
  const listed = unsaved.value.find((one) => one.callId === callId);
  unsaved.value = unsaved.value.filter((one) => one !== listed);
  const kept = keepOf(owner).get(callId);
  // Another window may have newer words of this call.
  if (listed && kept && sameWords(kept, listed)) keepOf(owner).drop(callId);
}

/** The note of a call that is on the page; null until it was looked at. */
export const noteOf = (callId: string): Note | null => notes.get(callId) ?? null;

/** Who is logged in: notes that an earlier page of theirs could not save are saved now. */
export function beginNotes(tenant: string, login: string): void {
  stopNotes();
  owner = `${tenant}.${login}`;
  forgetOldDrafts();
  readReasons();
  const mine = `${PREFIX}${owner}.`;
  const kept = keysOf(mine).map((key) => key.slice(mine.length));
  // A dot: another log-in, whose name begins with this one.
  for (const callId of kept.filter((id) => !id.includes(".")).slice(0, KEPT_MOST)) {
    if (keepOf(owner).get(callId) !== null) begin(callId, null);
  }
}

/** Nobody is logged in any more: nothing of theirs is sent under the next log-in, or shown there. */
export function stopNotes(): void {
  for (const note of notes.values()) note.stop();
  notes.clear();
  clearTimeout(looking);
  shown = null;
  after.value = null;
  unsaved.value = [];
  reasons.value = [];
  noteChanges.value += 1;
}

/** Before the log-in ends: what is typed is saved under it, if the server takes it now. */
export async function endNotes(): Promise<void> {
  const saves = Promise.all([...notes.values()].map((note) => note.saveNow()));
  await Promise.race([saves, new Promise((resolve) => setTimeout(resolve, LEAVE_MOST_MS))]);
  stopNotes();
}

/** Whether there is nothing to save of a call. */
export const isSaved = (callId: string): boolean => notes.get(callId)?.settled ?? true;

/** Saves what is typed of a call now; waits for it, but no longer than people wait for a button. */
export async function savedSoon(callId: string): Promise<void> {
  await Promise.race([notes.get(callId)?.saveNow(), new Promise((resolve) => setTimeout(resolve, LEAVE_MOST_MS))]);
}

/** Drafts of people who did not come back; those of whoever is logged in were listed for days. */
export function forgetOldDrafts(): void {
  for (const key of keysOf(PREFIX)) {
    const found = read(key);
    if (found === null || (found.at !== 0 && Date.now() - found.at > FORGOTTEN_MS)) remove(key);
    else if (found.at === 0) write(key, { ...found, at: Date.now() }); // of a page that wrote no time
  }
}

/** The desk's reasons may change at any time: they are read with every call. */
function readReasons(): void {
  const asking = owner;
  api.reasons().then(
    (tree) => {
      if (asking === owner) reasons.value = tree.reasons;
    },
    () => undefined, // asked for again with the next call
  );
}

let looking: ReturnType<typeof setTimeout> | undefined;

/** Ask what is kept of the call that is shown, and again while something of it is not settled. */
export async function lookAt(callId: string, wanted: () => boolean): Promise<void> {
  if (!wanted()) return;
  shown = callId;
  unsaved.value = unsaved.value.filter((one) => one.callId !== callId); // its own place says so
  readReasons();
  await look(callId, wanted);
}

async function look(callId: string, wanted: () => boolean): Promise<void> {
  clearTimeout(looking);
  let unsettled = true;
  try {
    const told = await api.after(callId);
    if (!wanted()) return;
    after.value = told;
    const note = noteOf(callId);
    if (note) note.learn(told.mine);
    else begin(callId, told.mine);
    unsettled = told.tickets.some((one) => one.state === "sending" || one.state === "queued");
  } catch (error) {
    if (!wanted() || !(passes(error) || unknown(error))) return;
    // Nobody says what is stored: people write all the same, and the save finds out.
    if (!notes.has(callId)) begin(callId, null);
  }
  if (unsettled) looking = setTimeout(() => void look(callId, wanted), LOOK_AGAIN_MS);
}

/** The call is not shown any more. What is typed is saved at once. */
export function lookAway(callId: string): void {
  if (shown !== callId) return;
  clearTimeout(looking);
  shown = null;
  after.value = null;
  const note = noteOf(callId);
  note?.flush();
  if (note) settle(note);
}

/** A ticket: what is stored is told at once, what became of it when it is known. */
export async function askTicket(callId: string, wish: TicketRequest): Promise<TicketLine> {
  const line = await api.askTicket(callId, wish);
  const told = after.value;
  if (told?.call_id === callId) {
    after.value = { ...told, tickets: [...told.tickets.filter((one) => one.key !== line.key), line] };
  }
  return line;
}

/** 32 hex digits: the same wish is asked for under the same key, however often. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
