/**
 * The server is back, and this phone has held its caller by itself meanwhile: the server is told, and takes a hold that goes on over, so
 * that from then on everything can be asked of it as of any hold.
 */
import { computed, effect } from "@preact/signals";
import { api } from "./api";
import { command, connection, desk } from "./session";
import * as holding from "./softphone/holding";
import { call, hold } from "./softphone/softphone";
import type { Holding } from "./softphone/machine";
import type { LineBody } from "./wire";

// The page's word of a moment ago, of a server that was killed, is not mistaken for the new one's; and it may be asked again.
const AGAIN_MS = 500;
const TRIES = 10;

/** What is to be done next with a server that is there. */
export function next(talk: LineBody, state: Holding, holds: number): "tell" | "let_go" | "nothing" {
  // While Asterisk is being asked, it tells the server itself.
  if (talk.role !== "first" || state === "asking" || state === "resuming") return "nothing";
  if (talk.phase !== "talking") return state === "held" ? "let_go" : "nothing";
  return holds > 0 ? "tell" : "nothing";
}

let timer: ReturnType<typeof setTimeout> | undefined;
let tries = 0;

const there = computed(() => (connection.value === "open" && call.value === "talking" ? desk.value.talk : null));
const wanted = (talk: LineBody) => next(talk, holding.holding.value, holding.holds().length);
effect(() => {
  clearTimeout(timer);
  if (there.value === null) tries = 0;
  else if (wanted(there.value) !== "nothing") timer = setTimeout(step, AGAIN_MS);
});

function step(): void {
  const talk = there.peek();
  const what = talk === null ? "nothing" : wanted(talk);
  if (talk === null || what === "nothing" || ++tries > TRIES) return;
  timer = setTimeout(step, AGAIN_MS * 4); // should this come to nothing
  if (what === "tell") void tell(talk.call_id);
  else letGo();
}

/** Asterisk's dialplan plays the music now: this phone's own hold would hide the caller's voice when they are back. */
function letGo(): void {
  holding.takenOver();
  hold(false);
}

async function tell(callId: string): Promise<void> {
  try {
    await api.tellHolds(callId, { holds: holding.holds() });
    holding.told();
  } catch {
    // It may not know the call yet, or have gone again: the hold is taken over all the same.
  }
  const talk = there.peek();
  if (talk?.call_id !== callId || talk.phase !== "talking") return;
  if (holding.holding.peek() === "held" && talk.may.includes("hold")) command("hold");
}
