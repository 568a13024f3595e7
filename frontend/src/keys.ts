/**
 * Keys of the pages. One listener; each page lays its own keys on top of those of the frame.
 *
 * Keys that are characters can be switched off (WCAG 2.1.4), because dictation programs type them; nothing can be
 * done by key alone. No key changes an agent's state by itself: a stray letter must not make a phone ring.
 */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Key } from "./i18n";

export interface Shortcut {
  readonly key: string; // KeyboardEvent.key
  readonly does: Key; // what the list of keys says
  run(): void;
}

const STORED = "kakehashi.keys";

interface Layer {
  shortcuts: readonly Shortcut[];
}

const layers: Layer[] = [];
export const characterKeys = signal(localStorage.getItem(STORED) !== "off");

export function allowCharacterKeys(allowed: boolean): void {
  characterKeys.value = allowed;
  localStorage.setItem(STORED, allowed ? "on" : "off");
}

/** These keys work while the component is shown. */
export function useKeys(shortcuts: readonly Shortcut[]): void {
  const layer = useRef<Layer>({ shortcuts });
  layer.current.shortcuts = shortcuts; // as last drawn: `run` sees what the page shows
  useEffect(() => {
    const mine = layer.current;
    layers.push(mine);
    return () => void layers.splice(layers.indexOf(mine), 1);
  }, []);
}

/** All keys that work now, the innermost page's first; a key that stands on several is the innermost one's. */
export function keysNow(): Shortcut[] {
  const keys = new Map<string, Shortcut>();
  for (const one of [...layers].reverse().flatMap((layer) => layer.shortcuts)) if (!keys.has(one.key)) keys.set(one.key, one);
  return [...keys.values()];
}

/** Whether the key belongs to what has the focus rather than to the page. */
function taken(target: Element, key: string): boolean {
  if (/^F\d/.test(key)) return false; // nobody types these: a caller is answered with the cursor in the note
  if (target.closest("input:not([type=checkbox]), select, textarea, [contenteditable], dialog")) return true;
  if (key === " " || key === "Enter") return target.closest("button, a, summary, input") !== null;
  return key.startsWith("Arrow") && target.closest("[role=slider]") !== null;
}

/** The shortcut that a key press means, innermost page first; null when it is for something else. */
export function shortcutFor(event: KeyboardEvent): Shortcut | null {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return null;
  const isCharacter = event.key.length === 1 && event.key !== " ";
  if (isCharacter && !characterKeys.value) return null;
  if (event.target instanceof Element && taken(event.target, event.key)) return null;
  return keysNow().find((one) => one.key === event.key) ?? null;
}

addEventListener("keydown", (event) => {
  const found = shortcutFor(event);
  if (!found) return;
  event.preventDefault();
  found.run();
});
