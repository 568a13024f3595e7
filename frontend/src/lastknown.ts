/**
 * What the page keeps for the time without our server: the board, for who can be passed a caller then, and whether what the server
 * said last is about the call that is on.
 */
import { computed, effect, signal } from "@preact/signals";
import { api } from "./api";
import { lookSaved, saved } from "./dial";
import { connection, desk, me } from "./session";
import { call, line } from "./softphone/softphone";

// Colleagues and queues change seldom; what is older than this is read again with the next call.
const OLD_MS = 5 * 60_000;
// A thousand pages that log in, or come back, at once do not ask at once. Who talks may need it soon.
const SPREAD_MS = 10_000;

let readAtMs = -Infinity;
let timer: ReturnType<typeof setTimeout> | undefined;

/** The call that is on began without the server: whatever it said before is of another one. */
export const unspoken = signal(false);
effect(() => {
  if (connection.value !== "lost") unspoken.value = false;
  else if (call.value === "none") unspoken.value = true;
});

// Reads the board when it is not known or old, once the page is a phone.
const wanted = computed(() => (line.value !== "ready" || connection.value !== "open" ? null : call.value === "none" ? "soon" : "now"));
effect(() => {
  clearTimeout(timer);
  if (wanted.value === null) return;
  if (desk.peek().board !== null && performance.now() - readAtMs < OLD_MS) return;
  timer = setTimeout(() => void read(), wanted.value === "now" ? 0 : Math.random() * SPREAD_MS);
});

async function read(): Promise<void> {
  const whose = me.peek();
  try {
    const board = await api.board();
    if (me.peek() !== whose) return; // logged out meanwhile
    readAtMs = performance.now();
    desk.value = { ...desk.peek(), board };
    if (saved.peek() === null) await lookSaved(); // how names are read
  } catch {
    // what was known holds
  }
}
