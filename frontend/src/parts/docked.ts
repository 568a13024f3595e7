/** Where the player stands while the list above it goes on. */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/**
 * The page knows how much of it the player covers, so that it scrolls what has the focus above it; a line of the list that
 * the player grows over (waves, lanes and remarks come one after the other) is moved up. Where it is not docked (low windows)
 * it is brought into sight.
 */
export function useDocked(section: RefObject<HTMLElement>, callId: string): void {
  useEffect(() => {
    const player = section.current;
    if (!player) return undefined;
    const page = document.documentElement;
    const docked = () => getComputedStyle(player).position === "sticky";
    let before = 0; // where it began
    const measure = () => {
      page.style.setProperty("--player-height", docked() ? `${player.offsetHeight}px` : "0px");
      const { top } = player.getBoundingClientRect();
      const line = document.getElementById(`call-${callId}`);
      const end = line?.getBoundingClientRect().bottom ?? 0;
      if (docked() && end > top && end <= before) line?.scrollIntoView({ block: "nearest" });
      before = top;
    };
    const watch = new ResizeObserver(measure);
    measure();
    watch.observe(player);
    if (!docked()) player.scrollIntoView({ block: "nearest" });
    return () => {
      watch.disconnect();
      page.style.removeProperty("--player-height");
    };
  }, []);
}
