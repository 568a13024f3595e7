/**
 * What a played server knows of its calls, for tests. Every fact about a caller holds the word of their call
 * (`wordOf`), so that a test can look for it anywhere.
 */
import type { CallerCard, CardUpdate, EarlierCall, VerificationBody } from "../wire";

export const AT = "2026-11-21T09:00:00Z";
/** Calls of one run; each may be offered several times. */
export const CALLS = 4;

export type Freshness = "live" | "stale" | "unavailable";
export type PartName = keyof CallerCard;

export const PARTS: readonly PartName[] = ["link", "members", "reservations", "tickets", "calls", "verification"];

export const callIdOf = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
/** A word that stands in every fact of a call, and nowhere else. */
export const wordOf = (callId: string): string => `発信者${"甲乙丙丁戊己庚辛壬癸"[Number(callId.at(-1))] ?? "零"}`;

/** One part of a caller's card; `turn` tells one look-up's answer from the next. */
export function part<K extends PartName>(name: K, callId: string, status: Freshness, turn: number): CallerCard[K] {
  const word = wordOf(callId);
  const as_of = status === "unavailable" ? null : AT;
  const known = status !== "unavailable";
  const made: CallerCard = {
    link: {
      status,
      as_of,
      link: {
        confidence: known ? "likely" : "none",
        score: known ? 0.8 : 0,
        why: known ? "number_only" : "lookup_slow",
        member_id: known ? `M-${callId}` : null,
        reservation_id: known ? `R-${callId}` : null,
        ticket_id: null,
      },
      chosen: turn % 2 === 0 ? { by: word, at: AT } : null,
    },
    members: { status, as_of, members: known ? [{ member_id: `M-${callId}`, name: `${word} ${turn}`, name_kana: word }] : [] },
    reservations: {
      status,
      as_of,
      reservations: known ? [{ reservation_id: `R-${callId}`, number: `${word}${turn}`, member_name: word }] : [],
    },
    tickets: { status, as_of, tickets: known ? [{ ticket_id: `T-${word}`, title: `${word} ${turn}` }] : [] },
    calls: { status, as_of, calls: known ? [earlier(callId, word, turn)] : [] },
    verification: { status, as_of, verification: known ? verified(callId, word, turn) : null },
  };
  return made[name];
}

const earlier = (callId: string, word: string, turn: number): EarlierCall => ({
  call_id: `earlier-${turn}`,
  arrived_at: AT,
  member_id: `M-${callId}`,
  queue: { id: "q", name_ja: word, name_en: word },
  answered: true,
  outbound: false,
  agents: [word],
  notes: [{ name: "鈴木", note: `${word} ${turn}`, reasons: [{ id: "r", name_ja: word, name_en: word }] }],
});

const verified = (callId: string, word: string, turn: number): VerificationBody => ({
  policy: "p",
  needed: 1,
  member_id: `M-${callId}`,
  state: turn % 2 === 0 ? "verified" : "unverified",
  by: turn % 2 === 0 ? word : null,
  at: turn % 2 === 0 ? AT : null,
  steps: [{ step: "birthday", name_ja: word, name_en: word, result: turn % 2 === 0 ? "passed" : null, by: word, at: AT }],
});

export const NO_NEWS: CardUpdate = { link: null, members: null, reservations: null, tickets: null, calls: null, verification: null };
/** A card that nothing was looked up for yet. */
export const pending: CallerCard = {
  link: { status: "pending", as_of: null, link: null, chosen: null },
  members: { status: "pending", as_of: null, members: [] },
  reservations: { status: "pending", as_of: null, reservations: [] },
  tickets: { status: "pending", as_of: null, tickets: [] },
  calls: { status: "pending", as_of: null, calls: [] },
  verification: { status: "pending", as_of: null, verification: null },
};
