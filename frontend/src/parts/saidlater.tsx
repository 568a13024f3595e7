import { useEffect, useState } from "preact/hooks";

// Longer than between two letters, shorter than somebody waits for an answer.
const PAUSE_MS = 600;

/** What a screen reader is told once somebody has stopped typing: it throws away what comes between two letters. */
export function SaidLater({ text }: { text: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    setSaid("");
    const timer = setTimeout(() => setSaid(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <p role="status" class="visually-hidden">
      {said}
    </p>
  );
}
