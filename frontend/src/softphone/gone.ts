/**
 * Whether the call that is on here is over at Asterisk, and nobody could say so: a network that came back too late, or
 * another one. Then its caller has been told that the agent was lost, and may be the one who rings now.
 */

import { signal } from "@preact/signals";

/** A call was given up here for that while Asterisk was there to take its caller back: for a person to read. */
export const cutOff = signal(false);
const SHOWN_MS = 60_000;
let timer: ReturnType<typeof setTimeout> | undefined;

export function sayCutOff(is: boolean): void {
  clearTimeout(timer);
  cutOff.value = is;
  if (is) timer = setTimeout(() => sayCutOff(false), SHOWN_MS);
}

// Asterisk ends the leg of a page that it hears nothing of for this long (rtp_timeout of agent-webrtc).
export const LOST_MS = 5_000;

/** What of a connection is looked at. */
export interface Evidence {
  ice: RTCIceConnectionState;
  silentMs: number; // since the last packet of sound came
}

/**
 * Silence alone says nothing: a trunk may send none while its caller listens, and the checks of ICE go on. A connection
 * that was cut for less than Asterisk waits may still be a talk. Both together are its end.
 */
export function isGone({ ice, silentMs }: Evidence): boolean {
  if (ice === "failed" || ice === "closed") return true;
  return ice === "disconnected" && silentMs >= LOST_MS;
}

// Instants of packets are told from the page's beginning by some browsers, from 1970 by others.
const FROM_1970 = 1e12;

/** Milliseconds since the newest of these instants; for ever without any (browsers forget after 10 s). */
export function silence(heardAt: readonly number[], now: number, origin: number): number {
  const ago = heardAt.map((at) => (at > FROM_1970 ? origin + now - at : now - at));
  return Math.max(0, Math.min(...ago, Infinity));
}

/** The evidence of a connection, now. */
export function lookAt(connection: RTCPeerConnection): Evidence {
  const heard = connection.getReceivers().flatMap((one) => one.getSynchronizationSources().map(({ timestamp }) => timestamp));
  return { ice: connection.iceConnectionState, silentMs: silence(heard, performance.now(), performance.timeOrigin) };
}
