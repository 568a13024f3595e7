/**
 * A score that saves itself, over the version it was begun on. No DOM, no clock of its own (as note.ts).
 *
 * One save is under way at a time; what is changed meanwhile goes with the next. A save that fails because the server is
 * away is tried again; one that finds another version (a second page of the same person) waits for a choice.
 */
import { sameAnswer, type Answers } from "./evaluation";
import type { AnswerBody, DraftRequest, EvaluationBody, EvaluationSaved } from "./wire";

export type DraftState = "saved" | "saving" | "kept" | "changed" | "refused";

export interface Words {
  readonly answers: Answers;
  readonly note: string;
}

export interface Means {
  save(body: DraftRequest): Promise<EvaluationSaved>;
  /** Whether the failure ends by itself: the server is away, or slow. */
  passes(error: unknown): boolean;
  /** Runs `work` after `ms`; the answer takes it back. */
  later(work: () => void, ms: number): () => void;
  changed(): void;
}

export const PAUSE_MS = 700; // as notes do
const AGAIN_MS = 2_000;
const AGAIN_MOST_MS = 30_000;

function sameWords(a: Words, b: Words): boolean {
  const ids = new Set([...Object.keys(a.answers), ...Object.keys(b.answers)]);
  const same = (id: string): boolean => {
    const [one, other] = [a.answers[id], b.answers[id]];
    return (
      sameAnswer(one, other) &&
      (one?.comment ?? "") === (other?.comment ?? "") &&
      (one?.at_s ?? null) === (other?.at_s ?? null)
    );
  };
  return a.note === b.note && [...ids].every(same);
}

const cleared = (before: string, now: string): boolean => before !== "" && now === "";

/** Whether `now` is `before` with words taken away and nothing else changed: they were erased at the caller's wish. */
function erased(before: Words, now: Words): boolean {
  const without = (said: Words): Words => withoutErased(said, before, now);
  return !sameWords(before, now) && sameWords(without(before), without(now));
}

/** `mine` without the words that `before` had and `now` has no more. */
function withoutErased(mine: Words, before: Words, now: Words): Words {
  const answers = Object.entries(mine.answers).map(([id, one]): [string, AnswerBody] => {
    const gone = cleared(before.answers[id]?.comment ?? "", now.answers[id]?.comment ?? "");
    return [id, gone ? { ...one, comment: "" } : one];
  });
  return { answers: Object.fromEntries(answers), note: cleared(before.note, now.note) ? "" : mine.note };
}

export class EvaluationDraft {
  state: DraftState = "saved";
  theirs: EvaluationBody | null = null; // what is stored instead, when somebody has to choose
  refusal: unknown = null;
  words: Words;
  version: number;
  private stored: Words;
  private cancel: (() => void) | null = null;
  private underWay: Promise<void> | null = null;
  private again = AGAIN_MS;

  constructor(
    begun: EvaluationBody,
    private readonly means: Means,
  ) {
    this.words = { answers: begun.answers, note: begun.note };
    this.stored = this.words;
    this.version = begun.version;
  }

  get settled(): boolean {
    return !this.underWay && sameWords(this.words, this.stored);
  }

  answer(question: string, answer: AnswerBody): void {
    this.edit({ ...this.words, answers: { ...this.words.answers, [question]: answer } });
  }

  note(note: string): void {
    this.edit({ ...this.words, note });
  }

  /** Everything is at the server when this returns true. */
  async flush(): Promise<boolean> {
    this.unwait();
    await this.underWay;
    this.unwait(); // what was under way may have asked for another
    if (!this.settled && this.state !== "changed") await this.save();
    return this.settled;
  }

  /** Nobody writes here any more. What the server does not have yet is sent, and again until it has it. */
  stop(): void {
    void this.flush();
  }

  choose(which: "mine" | "theirs"): void {
    const theirs = this.theirs;
    if (theirs === null) return;
    this.theirs = null;
    this.version = theirs.version;
    this.stored = { answers: theirs.answers, note: theirs.note };
    if (which === "theirs") this.words = this.stored;
    this.state = "saved";
    if (!this.settled) this.wait(0);
    this.means.changed();
  }

  private edit(words: Words): void {
    this.words = words;
    if (this.state !== "changed") {
      this.state = "saving";
      this.again = AGAIN_MS;
      this.wait(PAUSE_MS);
    }
    this.means.changed();
  }

  private unwait(): void {
    this.cancel?.();
    this.cancel = null;
  }

  private wait(ms: number): void {
    this.unwait();
    this.cancel = this.means.later(() => void this.save(), ms);
  }

  private save(): Promise<void> {
    this.cancel = null;
    if (this.state === "changed") return Promise.resolve();
    return (this.underWay ??= this.send());
  }

  private async send(): Promise<void> {
    const sent = this.words;
    this.state = "saving";
    try {
      const { saved, evaluation } = await this.means.save({ version: this.version, answers: sent.answers, note: sent.note });
      this.underWay = null;
      if (saved) this.saved(sent, evaluation.version);
      else this.conflict(evaluation);
    } catch (error) {
      this.underWay = null;
      this.failed(error);
    }
    this.means.changed();
  }

  private saved(sent: Words, version: number): void {
    this.stored = sent;
    this.version = version;
    this.again = AGAIN_MS;
    if (sameWords(this.words, sent)) this.state = "saved";
    else if (this.cancel === null) this.wait(PAUSE_MS);
  }

  private conflict(theirs: EvaluationBody): void {
    const now = { answers: theirs.answers, note: theirs.note };
    if (erased(this.stored, now)) {
      // No choice: what was erased is not written again by a page that had it open.
      this.words = withoutErased(this.words, this.stored, now);
      this.stored = now;
      this.version = theirs.version;
      if (sameWords(this.words, now)) this.state = "saved";
      else this.wait(0);
      return;
    }
    this.state = "changed";
    this.theirs = theirs;
  }

  private failed(error: unknown): void {
    if (!this.means.passes(error)) {
      this.state = "refused";
      this.refusal = error;
      return;
    }
    this.state = "kept";
    this.wait(this.again);
    this.again = Math.min(AGAIN_MOST_MS, this.again * 2);
  }
}
