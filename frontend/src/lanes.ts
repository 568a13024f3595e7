/** A call's way in lanes below its wave: menu, queue, each agent, hold, pause; and the marks one jumps to. Pure. */
import { secondOf } from "./moments";
import type { CallRecord } from "./wire";

export type LaneKind = "menu" | "queue" | "agent" | "consult" | "hold" | "pause" | "voicemail" | "heard";

export interface Span {
  readonly from: number; // seconds of the sound
  readonly to: number;
}

export interface Lane {
  readonly kind: LaneKind;
  readonly agent: string | null; // whose lane it is
  readonly label?: string; // where that is nobody of the call
  readonly spans: readonly Span[];
  readonly before: number; // seconds of it that lie before the sound: 0 for none, or none worth a word
}

/** Less than this before the sound began is its first second. */
export const BEFORE_S = 1;
/** A step or a span that lies before the sound, where nothing can be heard: the recording began in or after the menu. */
export const isBefore = (second: number): boolean => second <= -BEFORE_S;

/** What of a call is drawn; `length` seconds can be heard. Lanes without anything in them are left out. */
export function lanesOf(call: CallRecord, length: number): Lane[] {
  const at = (instant: string | null | undefined): number | null => (instant ? secondOf({ at: instant }, call) : null);
  const end = at(call.ended_at) ?? length;
  const span = (from: string | null | undefined, to: string | null | undefined): Span[] => {
    const begin = at(from);
    if (begin === null) return [];
    const last = at(to) ?? end;
    const clipped = { from: Math.min(Math.max(0, begin), length), to: Math.min(Math.max(0, last), length) };
    return clipped.to > clipped.from ? [clipped] : [];
  };
  const lane = (kind: LaneKind, parts: readonly (readonly [string | null | undefined, string | null | undefined])[], agent: string | null = null): Lane => {
    const first = Math.min(...parts.map(([from]) => at(from) ?? 0), 0);
    return { kind, agent, spans: parts.flatMap(([from, to]) => span(from, to)), before: isBefore(first) && length > 0 ? -first : 0 };
  };
  const lanes: Lane[] = [
    lane("menu", [[call.menu_at, call.queued_at ?? call.answered_at ?? call.voicemail_at]]),
    lane("queue", [[call.queued_at, call.answered_at ?? call.voicemail_at]]),
  ];
  for (const agent of new Set(call.talks.map((talk) => talk.agent))) {
    const talks = call.talks.filter((talk) => talk.agent === agent);
    lanes.push(lane("agent", talks.map((talk) => [talk.answered_at, talk.ended_at]), agent));
  }
  const times = (spans: readonly { began_at: string; ended_at: string | null }[]) => spans.map((one) => [one.began_at, one.ended_at] as const);
  lanes.push(
    lane("consult", times(call.consultations)),
    lane("hold", times(call.holds)),
    lane("pause", times(pausesOf(call))),
    lane("voicemail", [[call.voicemail_at, null]]),
  );
  return lanes.filter((one) => one.spans.length > 0 || one.before > 0);
}

interface Paused {
  began_at: string;
  ended_at: string | null;
}

/** Records of servers that know no pauses have none. */
function pausesOf(call: CallRecord): readonly Paused[] {
  return (call as { pauses?: readonly Paused[] }).pauses ?? [];
}

/** When the caller was passed on, in seconds. */
export const transfersOf = (call: CallRecord): number[] =>
  call.journey.filter((step) => step.what === "transferred").map((step) => secondOf(step, call));

/** Before a transfer: what was said last is in it. */
export const BEFORE_TRANSFER_S = 10;
// Who jumps again means the next one, and not the one they just heard.
const NEAR_S = 0.5;

/** Where "before the transfer" leads from here: before the next one, from the last one to the first; null: there is none. */
export function beforeTransfer(transfers: readonly number[], position: number): number | null {
  const starts = transfers.map((second) => Math.max(0, second - BEFORE_TRANSFER_S));
  return starts.find((start) => start > position + NEAR_S) ?? starts[0] ?? null;
}

/** The next mark, or the one before, of everything that happened; null: there is none. */
export function mark(call: CallRecord, position: number, by: 1 | -1, length: number): number | null {
  const marks = call.journey.map((step) => secondOf(step, call)).filter((second) => second >= 0 && second < length);
  if (by === 1) return marks.find((second) => second > position + NEAR_S) ?? null;
  return marks.findLast((second) => second < position - NEAR_S) ?? null;
}

/** The end of the silence that a second lies in, when it is worth jumping; null: there is sound. */
export function afterSilence(silences: readonly (readonly number[])[], second: number): number | null {
  const found = silences.find(([from, to]) => second >= (from ?? 0) + KEEP_S && second < (to ?? 0) - KEEP_S);
  return found ? (found[1] ?? 0) - KEEP_S : null;
}

// What is left of a silence on both sides, so that words are not run together.
const KEEP_S = 0.3;

/** The part of the sound that is shown. */
export interface View {
  readonly from: number;
  readonly to: number;
}

export const ZOOMS = [1, 2, 4, 8, 16, 32, 64] as const;
// Closer than this shows single steps of the peaks.
const LEAST_SHOWN_S = 2;

/** What is shown at a zoom with a second in view: it moves on page by page, so that the picture stands still meanwhile. */
export function viewAt(zoom: number, position: number, length: number): View {
  const shown = Math.max(Math.min(length, LEAST_SHOWN_S), length / zoom);
  if (shown >= length) return { from: 0, to: length };
  const page = Math.floor(position / shown);
  const from = Math.min(page * shown, length - shown);
  return { from, to: from + shown };
}
