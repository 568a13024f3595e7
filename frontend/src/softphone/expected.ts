/**
 * Whether a page of this browser was a phone the last time: then the bar has its place from the first moment, and nothing moves
 * when the server says the same again.
 */
import { signal } from "@preact/signals";

const STORED = "kakehashi.phone.here";

function stored(): boolean {
  try {
    return localStorage.getItem(STORED) === "yes";
  } catch {
    return false;
  }
}

export const expected = signal(stored());

export function isPhone(here: boolean): void {
  expected.value = here;
  try {
    localStorage.setItem(STORED, here ? "yes" : "no");
  } catch {
    // Full, or forbidden: once more the page moves when it becomes a phone.
  }
}
