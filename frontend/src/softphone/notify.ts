/** The system's own notification that it rings, for an agent who looks at another program. */
import { signal } from "@preact/signals";

const STORED = "kakehashi.notify";
const supported = typeof Notification !== "undefined";

export type Permission = NotificationPermission | "unsupported";
export const permission = signal<Permission>(supported ? Notification.permission : "unsupported");
export const wanted = signal(localStorage.getItem(STORED) === "on");

let shown: Notification | null = null;

/** A person's wish, by a click: browsers let a page ask only then. */
export async function notify(wish: boolean): Promise<void> {
  if (wish && supported && Notification.permission === "default") {
    permission.value = await Notification.requestPermission();
  }
  wanted.value = wish && permission.value === "granted";
  localStorage.setItem(STORED, wanted.value ? "on" : "off");
}

/** It rings. A page that is looked at needs no notification. The same call told again replaces what was shown. */
export function showRing(title: string, body: string): void {
  if (!wanted.value || permission.value !== "granted" || document.hasFocus()) return;
  try {
    shown = new Notification(title, { body, tag: "kakehashi-ring", requireInteraction: true });
  } catch {
    return; // some systems give notifications to service workers only
  }
  shown.onclick = () => {
    window.focus();
    hideRing();
  };
}

export function hideRing(): void {
  shown?.close();
  shown = null;
}
