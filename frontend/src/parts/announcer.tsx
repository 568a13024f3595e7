/** The two regions that a screen reader reads by itself, on every page of an agent's. What is said in them: told.ts. */
import { useEffect, useRef, useState } from "preact/hooks";
import { afterPaint } from "../afterpaint";
import { langOf } from "../i18n";
import { desk } from "../session";
import { type Told, told } from "../told";

interface Line {
  readonly number: number;
  readonly text: string;
}

// Long enough for every reader to have taken it up, short enough that nobody finds old news at the end of the page.
const KEPT_MS = 8_000;

const NONE: readonly Line[] = [];

export function Announcer() {
  const [urgent, setUrgent] = useState(NONE);
  const [calm, setCalm] = useState(NONE);
  const said = useRef(0);
  useEffect(() => {
    let before = desk.peek();
    let waiting: Told[] = [];
    let later: () => void = () => undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const line = (text: string): Line => ({ number: (said.current += 1), text });
    const clear = () => {
      setUrgent(NONE);
      setCalm(NONE);
    };
    const say = () => {
      const [loud, quiet] = [waiting.flatMap((one) => one.urgent).map(line), waiting.flatMap((one) => one.calm).map(line)];
      waiting = [];
      if (loud.length > 0) setUrgent((kept) => [...kept, ...loud]);
      if (quiet.length > 0) setCalm((kept) => [...kept, ...quiet]);
      clearTimeout(timer);
      timer = setTimeout(clear, KEPT_MS);
    };
    const stop = desk.subscribe((now) => {
      const news = told(before, now);
      before = now;
      if (news.anew) {
        waiting = [];
        clear();
      }
      if (news.urgent.length + news.calm.length === 0) return;
      waiting.push(news);
      later();
      later = afterPaint(say);
    });
    return () => {
      stop();
      later();
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
