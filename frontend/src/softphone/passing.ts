/**
 * The phone passes its caller on by itself (REFER, RFC 3515), straight at Asterisk, which says what became of it as a status of SIP:
 * what the page does while our server, who would do it otherwise, is away.
 */
import { signal } from "@preact/signals";

export type Passing =
  | "asked"
  | "passed"
  | "nobody" // Asterisk knows none of that name
  | "not_here" // the caller is not bridged to this phone: on hold, or gone on
  | "forbidden" // this phone may not transfer
  | "refused"
  | "gone" // the call ended meanwhile
  | "unknown"; // Asterisk did not say

export const passing = signal<{ readonly to: string; readonly state: Passing } | null>(null);

// Asterisk says it within a tenth of a second, since music is enough for it; a broken WebSocket never does.
const WAIT_MS = 10_000;
// Long enough to be read beside a talk.
const SHOWN_MS = 60_000;
// As Asterisk's res_pjsip_refer says them: up to 404 and 500 nobody was moved, 486 and 503 tell of a caller who was, and has ended.
const STATES: Readonly<Record<number, Passing>> = { 400: "not_here", 403: "forbidden", 603: "forbidden", 404: "nobody", 486: "gone", 503: "gone" };
// The transaction came to nothing, or the dialogue is not known any more: the caller may be anywhere.
const SILENT = [408, 481];

let turn = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** `status`: of the answer or the NOTIFY; null: there was none. */
export function stateOf(status: number | null): Passing {
  if (status === null || SILENT.includes(status)) return "unknown";
  if (status >= 200 && status < 300) return "passed";
  return STATES[status] ?? "refused";
}

/** `to`: for a person to read. `letGo` ends the leg that has no caller any more: Asterisk waits a minute for us to do so. */
export function pass(to: string, refer: (told: (status: number | null) => void) => void, letGo: () => void): void {
  if (passing.value?.state === "asked") return;
  const mine = ++turn;
  clearTimeout(timer);
  passing.value = { to, state: "asked" };
  timer = setTimeout(() => mine === turn && say("unknown"), WAIT_MS);
  refer((status) => {
    if (mine !== turn) return;
    const state = stateOf(status);
    say(state);
    if (state === "passed" || state === "gone") letGo();
  });
}

function say(state: Passing): void {
  const was = passing.value;
  if (was === null) return;
  clearTimeout(timer);
  passing.value = { to: was.to, state };
  timer = setTimeout(forget, SHOWN_MS);
}

/** The call is over. Whoever waited for a word gets none. */
export function ended(): void {
  if (passing.value?.state === "asked") say("gone");
  turn += 1;
}

/** Another call begins. */
export function forget(): void {
  turn += 1;
  clearTimeout(timer);
  passing.value = null;
}
