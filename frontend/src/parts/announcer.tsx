/** The two regions that a screen reader reads by itself, on every page of an agent's. What is said in them: told.ts. */
import { useEffect, useRef, useState } from "preact/hooks";
import { langOf } from "../i18n";
import { desk } from "../session";
import { told } from "../told";

interface Line {
  readonly number: number;
  readonly text: string;
}

// Long enough for every reader to have taken it up, short enough that nobody finds old news at the end of the page.
const KEPT_MS = 8_000;

export function Announcer() {
  const [urgent, setUrgent] = useState<readonly Line[]>([]);
  const [calm, setCalm] = useState<readonly Line[]>([]);
  const said = useRef(0);
  useEffect(() => {
    let before = desk.peek();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const lines = (texts: readonly string[]): Line[] => texts.map((text) => ({ number: (said.current += 1), text }));
    const stop = desk.subscribe((now) => {
      const news = told(before, now);
      before = now;
      if (!news.anew && news.urgent.length + news.calm.length === 0) return;
      const add = (texts: readonly string[]) => (kept: readonly Line[]) => [...(news.anew ? [] : kept), ...lines(texts)];
      setUrgent(add(news.urgent));
      setCalm(add(news.calm));
      clearTimeout(timer);
      timer = setTimeout(() => {
        setUrgent([]);
        setCalm([]);
      }, KEPT_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, []);
  return (
    <div class="visually-hidden">
      <Region live="assertive" lines={urgent} />
      <Region live="polite" lines={calm} />
    </div>
  );
}

/** A line is added and never changed: only what is new is read. */
function Region({ live, lines }: { live: "assertive" | "polite"; lines: readonly Line[] }) {
  return (
    <div aria-live={live} aria-atomic="false" aria-relevant="additions">
      {lines.map((line) => (
        <p key={line.number} lang={langOf(line.text)}>{line.text}</p>
      ))}
    </div>
  );
}
