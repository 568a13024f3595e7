/** Who listened to which seconds of a recording, out of its audit trail. Pure. */
import type { Lane, Span } from "./lanes";
import type { TrailEntry } from "./wire";

export type Way = "heard" | "taken" | "address";

/** What one person heard, or took, in one go. */
export interface Sitting {
  readonly who: string;
  readonly way: Way;
  readonly from: string; // the first entry's instant
  readonly to: string; // the last one's
  readonly addresses: readonly string[];
  readonly spans: readonly Span[]; // seconds, in order, apart from each other
}

const BEGUN: Readonly<Record<string, Way>> = {
  "recording.listened": "heard",
  "recording.downloaded": "taken",
  "recording.address_given": "address",
};
/** Written when something broke off: the seconds that were really sent, instead of those that were asked for. */
const CUT: Readonly<Record<string, Way>> = { "recording.listen_cut": "heard", "recording.download_cut": "taken" };
// A player asks again and again while it plays; after so long a pause somebody came back.
const PAUSE_MS = 30 * 60_000;
// Two requests that follow one another leave a gap of one step of the index at most.
const GAP_S = 1;

interface Taken {
  readonly entry: TrailEntry;
  readonly way: Way;
  span: Span | null; // null: not a second was sent
}

function pair(of: unknown): readonly [number, number] | null {
  const [from, to]: unknown[] = Array.isArray(of) ? of : [];
  return typeof from === "number" && typeof to === "number" ? [from, to] : null;
}

function spanOf(entry: TrailEntry): Span | null {
  const seconds = pair(entry.detail.seconds);
  return seconds && seconds[1] > seconds[0] ? { from: seconds[0], to: seconds[1] } : null;
}

/** Spans that touch are one. */
export function joinSpans(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last && span.from <= last.to + GAP_S) joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    else joined.push(span);
  }
  return joined;
}

/** Newest first, from entries newest first, whatever else stands among them. */
export function sittingsOf(entries: readonly TrailEntry[]): Sitting[] {
  const taken: Taken[] = [];
  for (const entry of [...entries].reverse()) {
    const way = BEGUN[entry.what];
    if (way) taken.push({ entry, way, span: spanOf(entry) });
    const cut = CUT[entry.what];
    if (!cut) continue;
    const start = pair(entry.detail.bytes)?.[0];
    const begun = taken.findLast(
      (one) => one.way === cut && one.entry.who === entry.who && one.entry.address === entry.address && pair(one.entry.detail.bytes)?.[0] === start,
    );
    if (begun) begun.span = spanOf(entry);
    else taken.push({ entry, way: cut, span: spanOf(entry) });
  }
  const groups: Taken[][] = [];
  for (const one of taken) {
    const group = groups.findLast((other) => other[0]?.entry.who === one.entry.who && other[0].way === one.way);
    const last = group?.at(-1);
    if (group && last && Date.parse(one.entry.at) - Date.parse(last.entry.at) < PAUSE_MS) group.push(one);
    else groups.push([one]);
  }
  return groups.map(sitting).sort((a, b) => Date.parse(b.from) - Date.parse(a.from));
}

function sitting(group: readonly Taken[]): Sitting {
  const [first] = group as [Taken, ...Taken[]];
  const last = group.at(-1) ?? first;
  return {
    who: first.entry.who,
    way: first.way,
    from: first.entry.at,
    to: last.entry.at,
    addresses: [...new Set(group.map((one) => one.entry.address).filter(Boolean))],
    spans: joinSpans(group.flatMap((one) => (one.span ? [one.span] : []))),
  };
}

/** A lane a person, who heard last on top; what reaches over the end of the sound is clipped. */
export function lanesHeard(sittings: readonly Sitting[], length: number, name: (login: string) => string): Lane[] {
  const people = [...new Set(sittings.map((one) => one.who))];
  return people
    .map((who) => ({
      kind: "heard" as const,
      agent: who,
      label: name(who),
      before: 0,
      spans: joinSpans(
        sittings
          .filter((one) => one.who === who)
          .flatMap((one) => one.spans)
          .map((span) => ({ from: Math.min(span.from, length), to: Math.min(span.to, length) }))
          .filter((span) => span.to > span.from),
      ),
    }))
    .filter((lane) => lane.spans.length > 0);
}
