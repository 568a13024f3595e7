/** The search for contact records as the page's address has it, as the server is asked, and in words. Pure. */
import { startOfDay } from "./times";

/** In the order of the chips. */
export const FIELDS = [
  "text", "plate", "number", "since", "until", "queue", "agent", "caller", "direction", "reason", "result", "recorded",
  "status", "reservation", "ticket", "min_length", "max_length", "min_silence", "max_silence", "min_transfers",
  "max_transfers",
] as const; // prettier-ignore
export type Field = (typeof FIELDS)[number];
export type Search = { [field in Field]?: string | undefined };

export const CALLERS = ["known", "company", "unknown", "withheld", "payphone", "out_of_area", "conflict"] as const;
export const DIRECTIONS = ["inbound", "callback", "outbound"] as const;
export const RESULTS = [
  "completed", "abandoned_in_menu", "abandoned_in_queue", "treated", "callback", "unreached", "failed",
] as const; // prettier-ignore

/** What the address says, and nothing else that somebody may have put there. */
export function fromAddress(address: string): Search {
  const given = new URLSearchParams(address);
  const found: Search = {};
  for (const field of FIELDS) {
    const value = given.get(field)?.trim();
    if (value) found[field] = value.slice(0, 200);
  }
  return found;
}

/** Fields in their order, so that the same search is the same address. */
export function toAddress(search: Search): string {
  const said = new URLSearchParams();
  for (const field of FIELDS) {
    const value = search[field]?.trim();
    if (value) said.set(field, value);
  }
  return said.toString();
}

/** Figures as an input method leaves them (１：３０, ４０％) as the ones that are meant. */
const narrow = (text: string): string => text.normalize("NFKC");

/** "90", "1:30" and "1:02:03" → seconds; null for anything else. */
export function seconds(text: string): number | null {
  const plain = narrow(text);
  if (!/^\d{1,5}(:\d{1,2}){0,2}$/.test(plain)) return null;
  return plain.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** A percentage as typed → a share; null for anything else. */
export function share(text: string): number | null {
  const plain = narrow(text).replace(/\s*%$/, "");
  return /^\d{1,3}(\.\d{1,3})?$/.test(plain) && Number(plain) <= 100 ? Number(plain) / 100 : null;
}

/** How often, as typed; null for what is no number, or more than any call was passed on (cti/web/recordingbodies.py). */
export function times(text: string): number | null {
  const plain = narrow(text);
  return /^\d{1,3}$/.test(plain) && Number(plain) <= 100 ? Number(plain) : null;
}

/** What a field must be before it can narrow anything. */
const READ: { [field in Field]?: (text: string) => number | null } = {
  min_length: seconds,
  max_length: seconds,
  min_silence: share,
  max_silence: share,
  min_transfers: times,
  max_transfers: times,
};
const ASKED_AS: { [field in Field]?: string } = { min_length: "min_duration_s", max_length: "max_duration_s" };

/** The first field that says something the server cannot be asked; null: all can. */
export const unreadable = (search: Search): Field | null =>
  FIELDS.find((field) => search[field] && READ[field]?.(search[field] ?? "") === null) ?? null;

/** What no index finds: a word of one sign, a plate of one, a number of two digits. */
export function tooShort(search: Search): boolean {
  const words = (search.text ?? "").split(/\s+/).filter(Boolean);
  const digits = narrow(search.number ?? "").replace(/\D/g, "").replace(/^0/, "");
  const plate = (search.plate ?? "").replace(/[\s\-‐−ー・.]/g, "");
  return (
    words.some((word) => [...word].length < 2) ||
    (search.plate !== undefined && [...plate].length < 2) ||
    (search.number !== undefined && digits.length < 3)
  );
}

/** The name of a day → its date in the desk's own time; "2026-11-21" stays. */
export function dayOf(text: string, nowMs: number, zone: string): string {
  const back = text === "today" ? 0 : text === "yesterday" ? 1 : null;
  if (back === null) return text;
  // Midday is the same day whatever the clocks were changed by.
  const today = new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(nowMs);
  return new Date(Date.parse(`${today}T12:00:00Z`) - back * 86_400_000).toISOString().slice(0, 10);
}

/** What the server is asked. Days are the desk's own; a figure that is none is left out (and said, by `unreadable`). */
export function toQuery(search: Search, nowMs: number, zone: string): Record<string, string> {
  const query: Record<string, string> = {};
  for (const field of FIELDS) {
    const value = search[field];
    if (!value) continue;
    if (field === "since" || field === "until") {
      const instant = startOfDay(dayOf(value, nowMs, zone), zone, field === "until" ? 1 : 0);
      if (instant) query[field] = instant;
      continue;
    }
    const read = READ[field];
    const figure = read?.(value);
    if (!read) query[field] = value;
    else if (typeof figure === "number") query[ASKED_AS[field] ?? field] = String(figure);
  }
  return query;
}

/** A text in pieces, those that were looked for marked. Both are held against each other as the server does, roughly. */
export function marked(text: string, words: string): { text: string; hit: boolean }[] {
  const flat = [...text].map(alike);
  const pieces: { text: string; hit: boolean }[] = [];
  const signs = [...text];
  const wanted = words.split(/\s+/).map((word) => [...word].map(alike).join("")).filter(Boolean);
  let at = 0;
  while (at < signs.length) {
    const rest = flat.slice(at).join("");
    const hit = wanted.find((word) => rest.startsWith(word));
    const length = hit ? [...hit].length : 1;
    const piece = signs.slice(at, at + length).join("");
    const last = pieces.at(-1);
    if (!hit && last && !last.hit) last.text += piece;
    else pieces.push({ text: piece, hit: hit !== undefined });
    at += length;
  }
  return pieces;
}

function alike(sign: string): string {
  const flat = sign.normalize("NFKC").toLowerCase();
  return flat >= "ァ" && flat <= "ヶ" ? String.fromCodePoint((flat.codePointAt(0) ?? 0) - 96) : flat;
}
