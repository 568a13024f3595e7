/** What of the audit trail is looked for: in the address, and as the server is asked. Pure. */
import { startOfDay } from "./times";
import type { NameList } from "./wire";

export interface TrailSearch {
  readonly who?: string; // log-in name
  readonly what?: string; // how the act's word begins
  readonly which?: string; // the thing: a call's id, a log-in name
  readonly since?: string; // days of the desk
  readonly until?: string;
}

const FIELDS = ["who", "what", "which", "since", "until"] as const;
/** Kinds of acts one looks for: how their words begin, in the order they are asked for most. */
export const ACTS = [
  "recording.listen",
  "recording.download",
  "recording.held",
  "recording.released",
  "recording.delet",
  "recording.",
  "comment.",
  "person.",
  "call.",
  "ticket.",
  "evaluation",
  "plan.",
  "agent.",
  "announcement.",
  "callback.",
  "saved_number.",
  "session.",
  "password.",
] as const;

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** What cannot be is left out: an address may be somebody's typing. */
export function fromTrailAddress(address: string): TrailSearch {
  const words = new URLSearchParams(address);
  const found: Record<string, string> = {};
  for (const name of FIELDS) {
    const said = words.get(name)?.trim() ?? "";
    const fits = name === "since" || name === "until" ? DAY.test(said) : name === "what" ? (ACTS as readonly string[]).includes(said) : said.length <= 200;
    if (said && fits) found[name] = said;
  }
  return found;
}

export function toTrailAddress(search: TrailSearch): string {
  const words = new URLSearchParams();
  for (const name of FIELDS) if (search[name]) words.set(name, search[name]);
  return words.toString();
}

/** As the server is asked: days are instants of the desk's own zone, the last one whole. */
export function toTrailQuery(search: TrailSearch, zone: string, before: number | null): Record<string, string> {
  const { since, until, ...rest } = search;
  const from = since ? startOfDay(since, zone) : null;
  const to = until ? startOfDay(until, zone, 1) : null;
  return {
    ...(rest as Record<string, string>),
    ...(from ? { since: from } : {}),
    ...(to ? { until: to } : {}),
    ...(before === null ? {} : { before: String(before) }),
  };
}

/** Whose log-in somebody means who typed a log-in or a name; what is neither is looked for as it is. */
export function loginMeant(typed: string, people: NameList["people"]): string {
  const said = typed.trim();
  if (people.some((one) => one.login === said)) return said;
  return people.find((one) => one.name === said)?.login ?? said;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The call that an entry is about; null: it is about something else. */
export const callOf = (entry: { what: string; which: string }): string | null =>
  /^(recording|comment|call|ticket|evaluation)\./.test(entry.what) && UUID.test(entry.which) ? entry.which : null;
