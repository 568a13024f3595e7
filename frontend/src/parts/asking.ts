/** Something that is asked of the server and shows itself as a message: why it was refused, and no second click meanwhile. */
import { useState } from "preact/hooks";
import { refusalText } from "./problem";

export interface Asking {
  readonly busy: boolean;
  readonly problem: string;
  ask(work: () => Promise<unknown>): void;
}

export function useAsking(): Asking {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  return {
    busy,
    problem,
    ask(work) {
      if (busy) return;
      setBusy(true);
      setProblem("");
      work()
        .catch((error: unknown) => setProblem(refusalText(error)))
        .finally(() => setBusy(false));
    },
  };
}
