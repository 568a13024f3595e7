/**
 * What the agent page shows, as a pure function of what the server said. No DOM, no clock, no socket.
 *
 * Rules: what is older than what is shown changes nothing; nothing of one caller survives into the next; a gap in
 * the agent stream asks for a snapshot, and the snapshot replaces everything.
 */
import type {
  AgentBody,
  Board,
  CallLine,
  Kakehashi,
  LineBody,
  Named,
  OfferOutcome,
  Pop,
  UserBody,
} from "./wire";

export type ServerMessage = Kakehashi["ServerMessage"];
export type ClientMessage = Kakehashi["ClientMessage"];

export interface Ended {
  readonly at: string;
  readonly talkS: number | null;
  readonly goesOn: boolean; // the caller talks on with somebody else
}

export interface Desk {
  readonly user: UserBody | null;
  readonly agent: AgentBody | null;
  readonly pop: Pop | null;
  readonly ended: Ended | null; // of the call in `pop`
  readonly talk: LineBody | null; // the call on the line, and what may be asked for
  readonly missed: { readonly callId: string; readonly outcome: OfferOutcome } | null; // the last pop that was withdrawn
  readonly callsToday: readonly CallLine[] | null; // null: not known now
  readonly breakReasons: readonly Named[];
  readonly board: Board | null;
  readonly streamId: string | null;
  readonly agentSeq: number;
  readonly stale: boolean; // a gap was seen: say hello again
  readonly lastError: { readonly key: string; readonly text: string; readonly ref: string | null } | null;
  readonly clockSkewMs: number; // server's clock minus ours
}

export const emptyDesk: Desk = {
  user: null,
  agent: null,
  pop: null,
  ended: null,
  talk: null,
  missed: null,
  callsToday: null,
  breakReasons: [],
  board: null,
  streamId: null,
  agentSeq: 0,
  stale: false,
  lastError: null,
  clockSkewMs: 0,
};

/** The desk after one message. `nowMs` is when it was read, for the difference between the clocks. */
export function reduce(desk: Desk, message: ServerMessage, nowMs: number): Desk {
  if (message.type === "snapshot") {
    return {
      ...emptyDesk,
      board: desk.board,
      user: message.user,
      agent: message.agent,
      pop: message.pop,
      talk: message.talk,
      callsToday: message.calls_today,
      breakReasons: message.break_reasons,
      streamId: message.stream_id,
      agentSeq: message.agent_seq,
      clockSkewMs: Date.parse(message.at) - nowMs,
    };
  }
  if (message.stream !== "agent") return aside(desk, message);
  if (message.seq <= desk.agentSeq) return desk;
  if (message.seq > desk.agentSeq + 1) return { ...desk, stale: true };
  return agentMessage({ ...desk, agentSeq: message.seq }, message);
}

type Aside = Exclude<ServerMessage, { type: "snapshot" } | { stream: "agent" }>;

function aside(desk: Desk, message: Aside): Desk {
  switch (message.type) {
    case "queues":
      return { ...desk, board: message.board };
    case "error":
      return { ...desk, lastError: { key: message.key, text: message.text, ref: message.ref } };
    case "done":
      return { ...desk, lastError: null };
    case "ping":
      return desk;
  }
}

type AgentMessage = Extract<ServerMessage, { stream: "agent" }>;

function agentMessage(desk: Desk, message: AgentMessage): Desk {
  if (message.type === "agent.state") return agentState(desk, message.agent);
  if (message.type === "pop.offer") {
    // What was refused in the call before is said no longer: "you have the caller again" would be of this one.
    return { ...desk, pop: message.pop, ended: null, missed: null, lastError: null };
  }
  if (message.type === "call.talk") return { ...desk, talk: message.talk };
  const shown = desk.pop;
  if (shown === null || !isOf(message, shown) || message.revision <= shown.revision) return desk;
  switch (message.type) {
    case "pop.update": {
      const { link, members, reservations, tickets, calls, verification } = message.card;
      const card = {
        link: link ?? shown.card.link,
        members: members ?? shown.card.members,
        reservations: reservations ?? shown.card.reservations,
        tickets: tickets ?? shown.card.tickets,
        calls: calls ?? shown.card.calls,
        verification: verification ?? shown.card.verification,
      };
      const reach = message.reach ?? shown.reach;
      return { ...desk, pop: { ...shown, revision: message.revision, phase: message.phase, card, reach } };
    }
    case "pop.withdraw":
      return { ...desk, pop: null, ended: null, missed: { callId: message.call_id, outcome: message.outcome } };
    case "pop.answered":
      return {
        ...desk,
        pop: { ...shown, revision: message.revision, phase: "talking", answered_at: message.answered_at },
      };
    case "call.ended":
      return {
        ...desk,
        pop: { ...shown, revision: message.revision, phase: "ended" },
        ended: { at: message.ended_at, talkS: message.talk_s, goesOn: message.ended_by === null },
      };
  }
}

/** A call may come back under another offer: what is said of the former one is not of this one. */
const isOf = (message: { call_id: string; offer_id: string | null }, shown: Pop): boolean =>
  message.call_id === shown.call_id && message.offer_id === shown.offer_id;

/** A state that is no longer after-call work takes the call that ended from the screen; a phone's change alone does not. */
function agentState(desk: Desk, agent: AgentBody): Desk {
  const chosen = desk.agent === null || agent.since !== desk.agent.since || agent.state !== desk.agent.state;
  const over = chosen && agent.state !== "wrap_up" && desk.pop?.phase === "ended";
  return over ? { ...desk, agent, pop: null, ended: null } : { ...desk, agent };
}
