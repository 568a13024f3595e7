/**
 * Whether Asterisk still answers on the phone's WebSocket. A network that is cut without a word tells nobody: what is sent
 * waits for TCP, and the page would say that it can ring when nothing reaches it. So it asks, again and again.
 */

// A cut is known after this and the wait for the answer: before Asterisk itself gives up a talk that it hears nothing of (5 s), on
// average. Not all pages at the same instant.
export const EVERY_MS = 3_500;
export const JITTER_MS = 1_000;
// An answer takes some milliseconds; some hundred on a bad line, and TCP sends a packet that was lost again within a second.
export const ANSWER_MS = 2_000;
// A timer this late is of a page that stood still itself (hidden, asleep, busy): the answer may be there, and not read yet.
const LATE_MS = 1_500;

export class Lookout {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private question = 0; // what answers an earlier one says nothing of now
  private state: "off" | "resting" | "asking" = "off";

  /** `ask` sends a question; `silent` is called once, when nobody answered it: then all is off until the next `start`. */
  constructor(
    private readonly ask: (answered: () => void) => void,
    private readonly silent: () => void,
    private readonly random: () => number = Math.random,
  ) {}

  /** Somebody has just answered. */
  start(): void {
    this.question += 1;
    this.state = "resting";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), EVERY_MS + JITTER_MS * this.random());
  }

  stop(): void {
    this.question += 1;
    this.state = "off";
    clearTimeout(this.timer);
  }

  /** There is a reason to doubt: asks at once, where it would only ask later. */
  doubt(): void {
    if (this.state === "resting") this.look();
  }

  private look(): void {
    const mine = ++this.question;
    this.state = "asking";
    this.wait(false);
    this.ask(() => mine === this.question && this.start());
  }

  private wait(again: boolean): void {
    const due = performance.now() + ANSWER_MS;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!again && performance.now() - due >= LATE_MS) return this.wait(true);
      this.stop();
      this.silent();
    }, ANSWER_MS);
  }
}
