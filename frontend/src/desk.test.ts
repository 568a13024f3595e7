import { describe, expect, it } from "vitest";
import { type Desk, emptyDesk, reduce, type ServerMessage } from "./desk";
import type { AgentBody, CallerCard, Pop } from "./wire";

const AT = "2026-11-21T09:00:00Z";
const base = { v: 1, tenant: "demo", at: AT } as const;
const pendingCard: CallerCard = {
  link: { status: "pending", as_of: null, link: null, chosen: null },
  members: { status: "pending", as_of: null, members: [] },
  reservations: { status: "pending", as_of: null, reservations: [] },
  tickets: { status: "pending", as_of: null, tickets: [] },
  calls: { status: "pending", as_of: null, calls: [] },
  verification: { status: "pending", as_of: null, verification: null },
};

function pop(callId: string, revision: number): Pop {
  return {
    offer_id: `offer-${callId}`,
    call_id: callId,
    revision,
    phase: "ringing",
    caller: { kind: "number", e164: "+819012345678", national: "090-1234-5678" },
    number_called: "+81501234500",
    queue: null,
    reason_ja: "待機が最も長い",
    reason_en: "longest idle",
    callback: false,
    reach: null,
    menu: null,
    arrived_at: AT,
    queued_at: AT,
    wait_s: 3,
    attempt: 1,
    rang_at: AT,
    answered_at: null,
    card: pendingCard,
  };
}

const agentBase = { ...base, stream: "agent" as const };
const offer = (seq: number, callId: string, revision: number): ServerMessage => ({
  ...agentBase,
  type: "pop.offer",
  seq,
  pop: pop(callId, revision),
});
const update = (seq: number, callId: string, revision: number): ServerMessage => ({
  ...agentBase,
  type: "pop.update",
  seq,
  call_id: callId,
  offer_id: `offer-${callId}`,
  revision,
  phase: "ringing",
  reach: null,
  card: {
    link: null,
    members: { status: "live", as_of: AT, members: [{ member_id: `member-of-${callId}` }] },
    reservations: null,
    tickets: null,
    calls: null,
    verification: null,
  },
});
const withdraw = (seq: number, callId: string, revision: number): ServerMessage => ({
  ...agentBase,
  type: "pop.withdraw",
  seq,
  call_id: callId,
  offer_id: `offer-${callId}`,
  revision,
  outcome: "timed_out",
});
const snapshot = (agentSeq: number, shown: Pop | null): ServerMessage => ({
  ...base,
  type: "snapshot",
  stream: "socket",
  seq: 1,
  user: { login: "sato", name: "佐藤 花子", roles: ["agent"], must_change: false },
  agent: null,
  pop: shown,
  calls_today: [],
  talk: null,
  agent_seq: agentSeq,
  stream_id: "s",
  missed: null,
  break_reasons: [],
});

const run = (messages: ServerMessage[], from: Desk = emptyDesk): Desk =>
  messages.reduce((desk, message) => reduce(desk, message, Date.parse(AT)), from);

describe("the desk", () => {
  it("shows an offer, fills it in, takes it away", () => {
    const shown = run([offer(1, "a", 1), update(2, "a", 2)]);
    expect(shown.pop?.card.members.members[0]?.member_id).toBe("member-of-a");
    expect(shown.pop?.card.tickets.status).toBe("pending");
    const gone = run([withdraw(3, "a", 3)], shown);
    expect(gone.pop).toBeNull();
    expect(gone.missed).toEqual({ callId: "a", outcome: "timed_out" });
  });

  it("says nothing any more of what was refused in the call before", () => {
    const refused: ServerMessage = { ...base, type: "error", stream: "socket", seq: 2, code: "c", key: "outside_not_reached", text: "", ref: "to_outside" };
    const before = run([offer(1, "a", 1), refused]);
    expect(before.lastError?.key).toBe("outside_not_reached");
    expect(run([offer(2, "b", 2)], before).lastError).toBeNull();
  });

  it("asks for a snapshot after a gap and changes nothing until it comes", () => {
    const before = run([offer(1, "a", 1)]);
    const after = run([offer(3, "b", 2)], before);
    expect(after.stale).toBe(true);
    expect(after.pop?.call_id).toBe("a");
    expect(run([snapshot(3, pop("b", 2))], after)).toMatchObject({ stale: false, agentSeq: 3 });
  });

  it("ignores what is older than what it has", () => {
    const shown = run([offer(1, "a", 5), update(2, "a", 4)]);
    expect(shown.pop?.card.members.status).toBe("pending");
    expect(run([offer(1, "b", 9)], shown).pop?.call_id).toBe("a");
  });

  it("keeps the call on screen after it ended, for after-call work", () => {
    const ended = run([
      offer(1, "a", 1),
      { ...agentBase, type: "pop.answered", seq: 2, call_id: "a", offer_id: "offer-a", revision: 2, answered_at: AT },
      {
        ...agentBase,
        type: "call.ended",
        seq: 3,
        call_id: "a",
        offer_id: "offer-a",
        revision: 3,
        ended_at: AT,
        ended_by: "caller",
        end_reason: "completed",
        talk_s: 12,
      },
    ]);
    expect(ended.pop?.phase).toBe("ended");
    expect(ended.ended).toEqual({ at: AT, talkS: 12, goesOn: false });
  });

  it("clears the screen when after-call work is over, and not because a phone changed", () => {
    const agent = (state: "available" | "wrap_up", since: string, phone: "busy" | "idle"): AgentBody => ({
      agent: "sato",
      name: "佐藤 花子",
      state,
      reason: "",
      since,
      until: null,
      phone,
      phone_since: null,
      skills: [],
    });
    const said = (seq: number, body: AgentBody): ServerMessage => ({ ...agentBase, type: "agent.state", seq, agent: body });
    const over = (seq: number): ServerMessage => ({
      ...agentBase,
      type: "call.ended",
      seq,
      call_id: "a",
      offer_id: "offer-a",
      revision: 3,
      ended_at: AT,
      ended_by: "caller",
      end_reason: "completed",
      talk_s: 12,
    });
    const LATER = "2026-11-21T09:01:00Z";
    const talked = run([said(1, agent("available", AT, "busy")), offer(2, "a", 1), over(3)]);
    const hungUp = run([said(4, agent("available", AT, "idle"))], talked);
    expect(hungUp.pop?.phase).toBe("ended");
    const work = run([said(5, agent("wrap_up", AT, "idle"))], hungUp);
    expect(work.pop?.phase).toBe("ended");
    const ready = run([said(6, agent("available", LATER, "idle"))], work);
    expect([ready.pop, ready.ended]).toEqual([null, null]);
    const ringing = run([offer(7, "b", 9), said(8, agent("available", LATER, "busy"))], ready);
    expect(ringing.pop?.call_id).toBe("b");
  });
});
