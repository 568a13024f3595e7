/**
 * A note that saves itself: one draft of one call, saved over the version it was begun on. No DOM, no clock of its own.
 *
 * What is typed is kept in this browser at once and forgotten when the server has it. One save is under way at a time;
 * what is typed meanwhile goes with the next. A save that fails is tried again by itself; one that finds another version
 * on the server (a second page of the same agent) waits for a person to choose.
 */
import type { MyNote, NoteRequest, NoteSaved } from "./wire";

export type NoteState = "saved" | "saving" | "kept" | "changed" | "refused";

export interface Words {
  readonly note: string;
  readonly reasons: readonly string[];
}

export interface Draft extends Words {
  readonly version: number; // the server's version that this draft was begun on
}

/** Where a draft waits while the server does not have it. */
export interface Keep {
  get(callId: string): Draft | null;
  put(callId: string, draft: Draft): void;
  drop(callId: string): void;
}

export interface Means {
  save(callId: string, body: NoteRequest): Promise<NoteSaved>;
  /** Whether the failure ends by itself: the server is away, or slow. */
  passes(error: unknown): boolean;
  keep: Keep;
  /** Runs `work` after `ms`; the answer takes it back. */
  later(work: () => void, ms: number): () => void;
  changed(): void;
}

// A pause between two words of somebody who types; nobody looks away from the page sooner.
export const PAUSE_MS = 700;
// Somebody who types without a pause is saved all the same.
export const MOST_MS = 4_000;
const AGAIN_MS = 2_000;
const AGAIN_MOST_MS = 30_000;

// As the server takes it (NoteText): line ends and tabs are what people write, other signs nobody sees come with a paste.
// Half of a pair is what a field's limit leaves of a sign.
const UNSEEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\p{Surrogate}/gu;

/** Without the signs that nobody sees and the server refuses. */
export const written = (text: string): string => text.replace(UNSEEN, "");

export const sameWords = (a: Words, b: Words): boolean =>
  a.note === b.note && a.reasons.length === b.reasons.length && a.reasons.every((one, place) => one === b.reasons[place]);

/** A draft as it is sent; its bound of reasons is the page's and the server's. */
export const requestOf = (draft: Draft): NoteRequest => ({
  version: draft.version,
  note: draft.note,
  reasons: [...draft.reasons] as NonNullable<NoteRequest["reasons"]>,
});

const NOTHING: Draft = { version: 0, note: "", reasons: [] };

export class Note {
  state: NoteState = "saved";
  /** What the server has instead, when somebody has to choose. */
  theirs: MyNote | null = null;
  /** Why the server refuses it for good. */
  refusal: unknown = null;
  private now: Draft;
  private stored: Words | null; // null: nobody has told what the server has
  private cancel: (() => void) | null = null;
  private typed = 0; // changes since the last save began, as pauses
  private underWay: Promise<void> | null = null;
  private stopped = false;
  private again = AGAIN_MS;

  /** `mine`: what the server has; null while it does not say. Then a draft that is kept here is saved over what it was begun on. */
  constructor(
    readonly callId: string,
    mine: MyNote | null,
    private readonly means: Means,
  ) {
    this.now = mine ?? NOTHING;
    this.stored = mine;
    const kept = means.keep.get(callId);
    if (kept === null) return;
    if (mine && sameWords(kept, mine)) means.keep.drop(callId);
    else if (mine === null || kept.version === mine.version) {
      this.now = kept;
      this.state = "saving";
      this.wait(0);
    } else {
      this.now = kept;
      this.conflict(mine);
    }
  }

  get draft(): Draft {
    return this.now;
  }

  /** Whether the server has every word. */
  get settled(): boolean {
    return !this.underWay && this.stored !== null && sameWords(this.now, this.stored);
  }

  /** The server says late what it has. Words that were typed meanwhile are saved, and then compared, by themselves. */
  learn(mine: MyNote): void {
    if (this.stored !== null || this.state !== "saved") return;
    this.now = mine;
    this.stored = mine;
    this.means.changed();
  }

  /** For good: what is not saved stays in the keep, and nothing is sent any more. */
  stop(): void {
    this.stopped = true;
    this.cancel?.();
    this.cancel = null;
  }

  edit(change: Partial<Words>): void {
    this.now = { ...this.now, ...change };
    if (change.note !== undefined) this.now = { ...this.now, note: written(change.note) };
    this.means.keep.put(this.callId, this.now);
    if (this.state !== "changed") {
      this.state = "saving";
      this.again = AGAIN_MS;
      const left = MOST_MS - this.typed * PAUSE_MS;
      this.typed += 1;
      this.wait(Math.max(0, Math.min(PAUSE_MS, left)));
    }
    this.means.changed();
  }

  /** At once: the page is about to show something else. */
  flush(): void {
    if (!this.settled && (this.state === "saving" || this.state === "kept")) this.wait(0);
  }

  /** Tried once, and waited for: the log-in is about to end. */
  async saveNow(): Promise<void> {
    await this.underWay;
    if (this.settled || (this.state !== "saving" && this.state !== "kept")) return;
    this.cancel?.();
    await this.save();
  }

  /** Of two versions: one's own words over what is stored, or what is stored. */
  choose(which: "mine" | "theirs"): void {
    const theirs = this.theirs;
    if (theirs === null) return;
    this.theirs = null;
    this.stored = theirs;
    this.now = which === "theirs" ? theirs : { ...this.now, version: theirs.version };
    if (which === "theirs" || sameWords(this.now, theirs)) this.done();
    else {
      this.means.keep.put(this.callId, this.now);
      this.state = "saving";
      this.wait(0);
    }
    this.means.changed();
  }

  private wait(ms: number): void {
    this.cancel?.();
    if (this.stopped) return;
    this.cancel = this.means.later(() => void this.save(), ms);
  }

  private save(): Promise<void> {
    this.cancel = null;
    // What is under way looks again when it is done.
    if (this.stopped || this.state === "changed") return Promise.resolve();
    return (this.underWay ??= this.send());
  }

  private async send(): Promise<void> {
    this.typed = 0;
    const sent = this.now;
    this.state = "saving";
    this.means.changed();
    try {
      const answer = await this.means.save(this.callId, requestOf(sent));
      this.underWay = null;
      if (answer.saved) this.saved(sent, answer.mine.version);
      else this.conflict(answer.mine);
    } catch (error) {
      this.underWay = null;
      this.failed(error);
    }
    this.means.changed();
  }

  private saved(sent: Draft, version: number): void {
    this.again = AGAIN_MS;
    this.stored = sent;
    this.now = { ...this.now, version };
    if (sameWords(this.now, sent)) this.done();
    else {
      this.means.keep.put(this.callId, this.now);
      if (this.cancel === null) this.wait(PAUSE_MS);
    }
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

  private conflict(theirs: MyNote): void {
    if (sameWords(theirs, this.now)) {
      this.now = { ...this.now, version: theirs.version };
      this.stored = theirs;
      this.done();
      return;
    }
    this.theirs = theirs;
    this.state = "changed";
  }

  private done(): void {
    this.state = "saved";
    this.means.keep.drop(this.callId);
  }
}
