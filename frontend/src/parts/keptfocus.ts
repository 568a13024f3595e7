/** Where the keyboard is when what had the focus goes away. */
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/**
 * A button that goes with what it did takes the focus with it, and a keyboard or a screen reader begins at the top of the page
 * again. Inside `box` it goes on at what `to` finds instead. Where somebody has put it meanwhile it stays.
 */
export function useKeptFocus<Box extends HTMLElement>(box: RefObject<Box>, to: (box: Box) => HTMLElement | null | undefined): void {
  const was = box.current?.contains(document.activeElement) ?? false; // before this drawing
  useLayoutEffect(() => {
    const lost = document.activeElement === null || document.activeElement === document.body;
    if (was && lost && box.current) to(box.current)?.focus({ preventScroll: true });
  });
}
