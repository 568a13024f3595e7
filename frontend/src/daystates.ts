/** How long an agent was in each state of the day. Pure. */
import type { StateLine } from "./wire";

export interface Sum {
  readonly state: StateLine["state"];
  readonly reason: string; // of a break; "" otherwise
  readonly seconds: number;
}

// As a day is read: at work first.
const ORDER: readonly StateLine["state"][] = ["available", "wrap_up", "break", "training", "offline"];

/**
 * `told`: from the server, oldest first, which may not have written down yet what `now` is. Breaks are told apart by their reason.
 * `midnightMs` is when the day began: a page that is open over midnight begins anew.
 */
export function sums(told: readonly StateLine[], now: StateLine, nowMs: number, midnightMs: number): Sum[] {
  const sinceMs = (one: StateLine): number => Math.max(midnightMs, Date.parse(one.since));
  const earlier = told.filter((one) => Date.parse(one.since) < Date.parse(now.since));
  const all = [...earlier, now];
  const found = new Map<string, Sum>();
  all.forEach((one, at) => {
    const next = all[at + 1];
    const seconds = Math.max(0, (next ? sinceMs(next) : Math.max(nowMs, sinceMs(one))) - sinceMs(one)) / 1000;
    const reason = one.state === "break" ? one.reason : "";
    const key = `${one.state} ${reason}`;
    found.set(key, { state: one.state, reason, seconds: seconds + (found.get(key)?.seconds ?? 0) });
  });
  return [...found.values()].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
}
