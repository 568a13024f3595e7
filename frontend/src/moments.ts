/** Instants of a call as seconds of its recording, and addresses of a second. Pure. */
import type { CallRecord } from "./wire";

/** A step's second in the recording; in one that is not put together yet, counted from the call's arrival. */
export function secondOf(step: { at: string }, call: Pick<CallRecord, "arrived_at" | "recording">): number {
  return (Date.parse(step.at) - Date.parse(call.recording?.began_at ?? call.arrived_at)) / 1000;
}

/** The second that an address asks for ("?t=83.5"); null: none, or what is none. */
export function secondAsked(address: string): number | null {
  const said = new URLSearchParams(address).get("t");
  return said !== null && /^\d{1,6}(\.\d{1,3})?$/.test(said) ? Number(said) : null;
}

/** The address of a second of a call, for a colleague: without one's own search. */
export const momentAddress = (origin: string, callId: string, second: number): string =>
  `${origin}/qa/${encodeURIComponent(callId)}?t=${Math.max(0, Math.round(second * 10) / 10)}`;
