/** Dialling out: what the server allows, and what it said of the last number. One's own phone rings first. */
import { signal } from "@preact/signals";
import { api, Refusal } from "./api";
import { t } from "./i18n";
import { refusalText } from "./parts/problem";
import type { MyDialling, MySavedNumbers } from "./wire";

/** null: not known yet, or nobody who dials. */
export const dialling = signal<MyDialling | null>(null);
/** Whether that was asked: until then nobody knows how much place the field takes. */
export const dialAsked = signal(false);
/** The desk's phone book as far as this agent may see it; null: not known yet. */
export const saved = signal<MySavedNumbers | null>(null);
export const asking = signal(false);
/** A number that was clicked in a call: whom to ask outside. The controls of that call, and of no other, take it from here. */
export const toAsk = signal<{ readonly callId: string; readonly number: string } | null>(null);
export const said = signal<{ readonly refused: boolean; readonly text: string } | null>(null);

// When to look what became of an order: Asterisk is given 3 s to answer, then asked; it takes none older than 15 s.
const LOOKS_MS = [1_500, 4_000, 7_000, 11_000, 18_000] as const;
let looks: ReturnType<typeof setTimeout>[] = [];

// Counts log-outs: what an earlier log-in still waited for comes to nothing.
let person = 0;

/** Whether this desk dials out, and how much is left. */
export async function lookDialling(): Promise<void> {
  const mine = person;
  const found = await api.dialling().catch(() => dialling.peek());
  if (mine !== person) return;
  dialling.value = found;
  dialAsked.value = true;
}

let learning: Promise<void> | null = null;
/** Looked at once for all the numbers that a page shows. */
export function knowDialling(): void {
  if (dialling.peek() !== null) return;
  learning ??= lookDialling().finally(() => {
    learning = null;
  });
}

/** Read again each time somebody is about to look something up: what may be dialled changes with the hour. */
export async function lookSaved(): Promise<void> {
  const mine = person;
  const found = await api.mySavedNumbers().catch(() => saved.peek());
  if (mine === person) saved.value = found;
}

/** Whose number it is, by the phone book. */
export const savedName = (national: string): string | undefined =>
  saved.value?.numbers.find((one) => one.national === national)?.name;

/** Nobody is logged in any more: whoever is next is asked for anew. */
export function forgetDialling(): void {
  person += 1;
  dialling.value = null;
  dialAsked.value = false;
  saved.value = null;
  said.value = null;
  toAsk.value = null;
  learning = null;
  stopLooking();
}

function stopLooking(): void {
  looks.forEach(clearTimeout);
  looks = [];
}

/** The agent's own phone rings for it, or its call goes on: nothing of it was lost. */
export function callIsHere(callId: string): void {
  if (callId === ordered) stopLooking();
}
let ordered = "";

/** An order may come to nothing after it was answered: Asterisk was slow, and never took it. Then the phone does not ring, and the page says so. */
function watch(callId: string): void {
  stopLooking();
  ordered = callId;
  looks = LOOKS_MS.map((ms) =>
    setTimeout(async () => {
      await lookDialling();
      const order = dialling.peek()?.order;
      const late = ms === LOOKS_MS.at(-1);
      if (order?.call_id !== callId || callId !== ordered || looks.length === 0) return;
      if (order.state === "taken") stopLooking();
      if (order.state === "lost" || (order.state === "asked" && late)) {
        stopLooking();
        said.value = { refused: true, text: t("dial.lost") };
      }
    }, ms),
  );
}

/** Asks once; a second click while the first one is on its way is the same wish. */
export async function dial(number: string): Promise<boolean> {
  if (asking.peek()) return false;
  asking.value = true;
  said.value = null;
  stopLooking();
  try {
    const answer = await api.dial({ number });
    said.value = { refused: false, text: t("dial.rings", { number: answer.number }) };
    watch(answer.call_id);
    return true;
  } catch (error) {
    const lines = error instanceof Refusal ? error.lines : [];
    said.value = { refused: true, text: [refusalText(error), ...lines].join(" ") };
    return false;
  } finally {
    asking.value = false;
    void lookDialling();
  }
}
