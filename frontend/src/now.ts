/** One ticking clock for all timers of the page, on the server's time. */
import { signal } from "@preact/signals";
import { desk } from "./session";

const ticking = signal(Date.now());
setInterval(() => {
  ticking.value = Date.now();
}, 500);

/** Seconds since an instant of the server's, now. Redraws whoever reads it. */
export function secondsSince(at: string): number {
  return Math.max(0, (ticking.value + desk.value.clockSkewMs - Date.parse(at)) / 1000);
}

/** Seconds to an instant of the server's, from now; 0 when it is over. Redraws whoever reads it. */
export function secondsUntil(at: string): number {
  return Math.max(0, (Date.parse(at) - ticking.value - desk.value.clockSkewMs) / 1000);
}

/** The server's clock. Redraws whoever reads it, twice a second. */
export const clock = (): number => ticking.value + desk.value.clockSkewMs;

/** The server's clock, without redrawing anybody. */
export const serverNow = (): number => Date.now() + desk.peek().clockSkewMs;
