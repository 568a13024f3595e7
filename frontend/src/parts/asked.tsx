/** What a page asks the server for, or to do: one way to wait, to refuse a second press, and to say what went wrong. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Refusal } from "../api";
import { refusalText } from "./problem";

export interface Sending {
  readonly busy: boolean;
  readonly problem: unknown;
  /** Does it unless something is under way; true when it was done. */
  send(work: () => Promise<unknown>): Promise<boolean>;
}

export function useSending(): Sending {
  const under = useRef(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  async function send(work: () => Promise<unknown>): Promise<boolean> {
    if (under.current) return false;
    under.current = true;
    setBusy(true);
    setProblem(null);
    try {
      await work();
      return true;
    } catch (error) {
      setProblem(error);
      return false;
    } finally {
      under.current = false;
      setBusy(false);
    }
  }
  return { busy, problem, send };
}

/**
 * A button that is switched off while something is sent. Not with `disabled`: the browser takes the focus away from
 * such a button, and somebody at the keyboard would begin again at the top of the page.
 */
export function Act(props: {
  busy?: boolean;
  class?: string;
  label?: string;
  onAct: () => void;
  children: ComponentChildren;
}) {
  const { busy = false, label, onAct, children } = props;
  return (
    <button
      type="button"
      class={props.class}
      aria-disabled={busy ? "true" : undefined}
      {...(label ? { "aria-label": label } : {})}
      onClick={() => busy || onAct()}
    >
      {children}
    </button>
  );
}

/** What went wrong, with the server's own sentences below where it wrote some. */
export function Trouble({ of: error }: { of: unknown }) {
  const lines = error instanceof Refusal ? error.lines : [];
  return (
    <div role="alert" class="problem">
      {error !== null && <p>{refusalText(error)}</p>}
      {error !== null && lines.length > 0 && (
        <ul class="problem-lines" lang="en">
          {lines.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

export interface Polled<Data> {
  readonly data: Data | null;
  readonly problem: unknown; // of the last look; what was seen before stays
  again(): void;
}

/** Looks again and again while the page is seen. An answer that another question has overtaken is dropped. */
export function usePolled<Data>(read: () => Promise<Data>, everyMs: number, key: string): Polled<Data> {
  const [data, setData] = useState<{ key: string; value: Data } | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const asked = useRef(0);
  function again(): void {
    asked.current += 1;
    const mine = asked.current;
    read().then(
      (value) => {
        if (mine !== asked.current) return;
        setData({ key, value });
        setProblem(null);
      },
      (error: unknown) => mine === asked.current && setProblem(error),
    );
  }
  useEffect(() => {
    again();
    const timer = setInterval(() => document.hidden || again(), everyMs);
    return () => {
      asked.current += 1;
      clearInterval(timer);
    };
  }, [key]);
  return { data: data?.key === key ? data.value : null, problem, again };
}
