/**
 * The caller on hold by this phone itself, while our server, who would do it otherwise, is away; and what of it the server is told
 * when it is back.
 */
import { signal } from "@preact/signals";
import { type Holding, holdTable, may, next } from "./machine";
import type { Outcome } from "./reoffer";

export const holding = signal<Holding>("no");
/** The last try that came to nothing: for a person to read. */
export const notHeld = signal<{ readonly wanted: boolean; readonly why: Exclude<Outcome, "done"> | "not_here" } | null>(null);

interface Past {
  readonly beganMs: number; // performance.now()
  endedMs: number | null; // null: goes on
}

// Long enough to be read beside a talk.
const SHOWN_MS = 60_000;
// More than anybody makes of one call.
const MOST = 100;

let past: Past[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

/** `send` asks Asterisk. What it did not answer counts as on hold: nobody is heard who believes that they are not. */
export function ask(wanted: boolean, send: (told: (outcome: Outcome) => void) => void): void {
  const event = wanted ? "hold" : "resume";
  if (!may(holdTable, holding.value, event)) return;
  say(null);
  holding.value = next(holdTable, holding.value, event);
  const askedMs = performance.now();
  send((outcome) => {
    if (!may(holdTable, holding.value, outcome)) return;
    holding.value = next(holdTable, holding.value, outcome);
    if (outcome !== "done") say({ wanted, why: outcome });
    const last = past.at(-1);
    if (holding.value === "no" && last?.endedMs === null) last.endedMs = askedMs;
    if (holding.value === "held" && wanted) past = [...past, { beganMs: askedMs, endedMs: null }].slice(-MOST);
  });
}

/** Asterisk would play its music to nobody: the caller is not back with this phone. */
export const notHere = (): void => say({ wanted: true, why: "not_here" });

function say(what: typeof notHeld.value): void {
  clearTimeout(timer);
  notHeld.value = what;
  if (what !== null) timer = setTimeout(() => say(null), SHOWN_MS);
}

/** The holds of this call, by how long ago they were: this machine's clock may be wrong. */
export function holds(): { began_ago_s: number; ended_ago_s: number | null }[] {
  const now = performance.now();
  const ago = (at: number) => Math.round(now - at) / 1000;
  return past.map(({ beganMs, endedMs }) => ({ began_ago_s: ago(beganMs), ended_ago_s: endedMs === null ? null : ago(endedMs) }));
}

/** The server knows them. One that goes on is told of again when it is over, should nobody have seen that. */
export function told(): void {
  past = past.filter((one) => one.endedMs === null);
}

/** The server holds the caller by itself now, and knows when that ends: what this phone does is no hold any more. */
export function takenOver(): void {
  past = [];
}

/** The call is over. */
export function ended(): void {
  holding.value = next(holdTable, holding.value, "ended");
  past = [];
  say(null);
}
