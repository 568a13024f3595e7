/** Holds, the trail and people's data over HTTP. */
import { at, read, send } from "./api";
import type {
  ErasureBody,
  ErasureList,
  LegalHold,
  LegalHoldList,
  LegalHoldRequest,
  PersonCounts,
  PersonRequest,
  TrailPage,
} from "./wire";

const query = (words: Record<string, string>): string => {
  const text = new URLSearchParams(words).toString();
  return text ? `?${text}` : "";
};

export const privacy = {
  holds: (words: Record<string, string>) => read<LegalHoldList>("GET", `/api/holds${query(words)}`),
  hold: (callId: string, body: LegalHoldRequest) => read<LegalHold>("POST", at("recordings", callId, "holds"), body),
  release: (hold: number, reason: string) => read<LegalHold>("POST", at("holds", String(hold), "release"), { reason }),
  remove: (callId: string, reason: string) => send("POST", at("recordings", callId, "deletion"), { reason }),
  trail: (words: Record<string, string>) => read<TrailPage>("GET", `/api/trail${query(words)}`),
  look: (body: PersonRequest) => read<PersonCounts>("POST", at("people", "counts"), body),
  erase: (body: PersonRequest) => read<ErasureBody>("POST", at("people", "erasures"), body),
  erasures: () => read<ErasureList>("GET", at("people", "erasures")),
  exported: (body: PersonRequest, signal: AbortSignal) => send("POST", at("people", "export"), body, signal),
};
