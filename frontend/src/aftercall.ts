/** What is kept of calls, joined to the server and to this browser's storage: one note a call, however often it is drawn. */
import { signal } from "@preact/signals";
import { api, Refusal } from "./api";
import { type Draft, type Keep, type Means, Note, requestOf } from "./note";
import type { CallAfter, NoteSaved, ReasonBody, TicketLine, TicketRequest } from "./wire";

const PREFIX = "kakehashi.note.";
// Notes that wait in this browser; more than these is a server that was away for days.
const KEPT_MOST = 30;
const LOOK_AGAIN_MS = 2_000;

/** Counts changes of notes, so that what shows one is drawn anew. */
export const noteChanges = signal(0);
/** What the server said of the call that is shown. */
export const after = signal<CallAfter | null>(null);
export const reasons = signal<readonly ReasonBody[]>([]);

let owner = "";
const notes = new Map<string, Note>();
const keyOf = (callId: string): string => `${PREFIX}${owner}.${callId}`;

export const storageKeep: Keep = {
  get(callId) {
    try {
      const found = JSON.parse(localStorage.getItem(keyOf(callId)) ?? "null") as Draft | null;
      return found && typeof found.note === "string" && Array.isArray(found.reasons) ? found : null;
    } catch {
      return null;
    }
  },
  put(callId, draft) {
    try {
      localStorage.setItem(keyOf(callId), JSON.stringify(draft));
    } catch {
      // No room, or none allowed: the note is still on the page and is saved from there.
    }
  },
  drop: (callId) => localStorage.removeItem(keyOf(callId)),
};

/** What ends by itself: nobody answers, or a part is away. A log-in that ended is one of these: the note waits for the next. */
const passes = (error: unknown): boolean =>
  !(error instanceof Refusal) || error.status === 0 || error.status === 401 || error.status === 429 || error.status >= 500;

const means: Means = {
  save: (callId, body) => api.saveNote(callId, body),
  passes,
  keep: storageKeep,
  later(work, ms) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  changed() {
    noteChanges.value += 1;
  },
};

/** The note of a call that is on the page; null while nobody knows what is stored. */
export const noteOf = (callId: string): Note | null => notes.get(callId) ?? null;

/** Who is logged in: notes that an earlier page of theirs could not save are saved now. */
export function beginNotes(tenant: string, login: string): void {
  owner = `${tenant}.${login}`;
  notes.clear();
  after.value = null;
  api.reasons().then(
    (tree) => {
      reasons.value = tree.reasons;
    },
    () => undefined, // asked for again with the next call
  );
  for (const callId of keptCalls().slice(0, KEPT_MOST)) void saveKept(callId);
}

function keptCalls(): string[] {
  const mine = `${PREFIX}${owner}.`;
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(mine))
    .map((key) => key.slice(mine.length));
}

async function saveKept(callId: string): Promise<void> {
  const draft = storageKeep.get(callId);
  if (draft === null) return storageKeep.drop(callId);
  try {
    const answer: NoteSaved = await api.saveNote(callId, requestOf(draft));
    // Another version is there: the words wait until the call is looked at, or is too old to be written on.
    if (answer.saved) storageKeep.drop(callId);
  } catch (error) {
    if (error instanceof Refusal && (error.status === 404 || error.key === "too_late")) storageKeep.drop(callId);
  }
}

let looking: ReturnType<typeof setTimeout> | undefined;

/** Ask what is kept of the call that is shown, and again while something of it is not settled. */
export async function lookAt(callId: string, wanted: () => boolean): Promise<void> {
  clearTimeout(looking);
  if (reasons.value.length === 0) api.reasons().then((tree) => (reasons.value = tree.reasons), () => undefined);
  let unsettled = true;
  try {
    const told = await api.after(callId);
    if (!wanted()) return;
    after.value = told;
    if (!notes.has(callId)) {
      notes.set(callId, new Note(callId, told.mine, means));
      means.changed();
    }
    unsettled = told.tickets.some((one) => one.state === "sending" || one.state === "queued");
  } catch (error) {
    if (!wanted() || !passes(error)) return;
  }
  if (unsettled) looking = setTimeout(() => void lookAt(callId, wanted), LOOK_AGAIN_MS);
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
