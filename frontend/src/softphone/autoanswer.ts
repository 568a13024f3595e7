/** Whether and when the page answers by itself: a rule of the desk file's, stated in docs/softphone.md. */
import { effect, signal } from "@preact/signals";
import type { MyPhone } from "../wire";

export type Policy = MyPhone["auto_answer"];

/** The call that the server says is this agent's now. */
export interface Offered {
  readonly callId: string;
  readonly queue: string | null; // null: it came to this agent, not through a queue
  readonly caller: string; // for a person to read
}

export const BY_HAND: Policy = { agent: "queue", queues: {} };
export const policy = signal<Policy>(BY_HAND);
export const offered = signal<Offered | null>(null);
/** How many seconds the phone rings before it answers by itself; null: by hand. */
export const answersAfterS = signal<number | null>(null);

// "always", where the queue says nothing: time to hear that it rings, and to decline.
const ALWAYS_S = 1;

/** `queue`: undefined while nobody has told what this call is, null for a call without a queue. */
export function afterS(rule: Policy, queue: string | null | undefined): number | null {
  if (rule.agent === "never") return null;
  const ofQueue = queue ? rule.queues[queue] : undefined;
  return ofQueue ?? (rule.agent === "always" ? ALWAYS_S : null);
}

/**
 * From the first ring on. The server may tell late what the call is, or be away: until it does, `queue` holds, which
 * came with the ring (null: it did not). Seconds count from the ring. `hears`: whether somebody would be heard now, read
 * as signals are; while not, nothing is answered. Returns what ends it.
 */
export function answerByPolicy(answer: () => void, hears: () => boolean = () => true, queue: string | null = null): () => void {
  const rangMs = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = effect(() => {
    clearTimeout(timer);
    const wait = hears() ? afterS(policy.value, offered.value?.queue ?? queue) : null;
    answersAfterS.value = wait;
    if (wait !== null) timer = setTimeout(answer, Math.max(0, rangMs + wait * 1000 - performance.now()));
  });
  return () => {
    stop();
    clearTimeout(timer);
    answersAfterS.value = null;
  };
}
