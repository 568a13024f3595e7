/**
 * Whether this browser had a call a moment ago. A page that was loaded anew in mid-call may then answer by itself what comes
 * back to it; a page on another machine must not: nobody may sit there.
 */

const KEY = "kakehashi.talk";
const EVERY_MS = 2_000;
// Asterisk notices after 5 s without sound, and the page loads within a few. Later the agent may have left the desk.
export const FRESH_MS = 20_000;

/** Whether a note of `stored`, an instant in ms, still counts at `now`. */
export function isFresh(stored: string | null, now: number): boolean {
  const at = stored ? Number(stored) : NaN;
  return at <= now && now - at <= FRESH_MS;
}

let timer: ReturnType<typeof setInterval> | undefined;

/** Note that a call is on here, or not any more. Without storage (a private window may have none) calls ring. */
export function noteTalk(on: boolean): void {
  clearInterval(timer);
  if (!on) {
    store(null);
    return;
  }
  const note = () => store(String(Date.now()));
  note();
  timer = setInterval(note, EVERY_MS);
}

/** The call was lost, not ended: what was noted last holds for as long as it is fresh. */
export function keepNote(): void {
  clearInterval(timer);
}

function store(value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, value);
  } catch {
    // Full, or forbidden.
  }
}

/** Whether a call was on in this browser a moment ago. */
export function talkedHere(): boolean {
  try {
    return isFresh(localStorage.getItem(KEY), Date.now());
  } catch {
    return false;
  }
}
