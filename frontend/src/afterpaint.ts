/** What is seen goes first: work that nobody misses for two frames, and that would put them off. */

// Two frames of 60 a second. Opening the sound's device alone holds the page up for 2 to 3 ms.
const FRAMES_MS = 34;

/** Returns what calls it off. In a page that nobody looks at nothing is drawn, and a timer would wait for up to a second. */
export function afterPaint(then: () => void): () => void {
  if (document.visibilityState !== "visible") {
    then();
    return () => undefined;
  }
  const timer = setTimeout(then, FRAMES_MS);
  return () => clearTimeout(timer);
}
