/**
 * A server as one agent's page sees it, kept as simple as can be: what it showed after each number of the agent's
 * stream, and the line to the page. For tests. It knows the protocol (docs/protocol.md) and nothing of desk.ts.
 *
 * Every fact about a caller holds the word of their call (`wordOf`), so that a test can look for it anywhere.
 */
import fc from "fast-check";
import type { ServerMessage } from "../desk";
import type { AgentBody, CallerCard, CardUpdate, EarlierCall, LineBody, Pop, RecordingLine, VerificationBody } from "../wire";

export const AT = "2026-11-21T09:00:00Z";
const LATER = Date.parse(AT);
/** Calls of one run; each may be offered several times. */
const CALLS = 4;

type Freshness = "live" | "stale" | "unavailable";
type PartName = keyof CallerCard;

export const callIdOf = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
/** A word that stands in every fact of a call, and nowhere else. */
export const wordOf = (callId: string): string => `発信者${"甲乙丙丁戊己庚辛壬癸"[Number(callId.at(-1))] ?? "零"}`;

/** What an agent's screen holds. */
export interface Screen {
  readonly pop: Pop | null;
  readonly talk: LineBody | null;
  readonly agent: AgentBody;
}

/** One thing that happens to the server, to the agent, or to the line. */
export type Step =
  | { readonly do: "offer"; readonly call: number; readonly asked: boolean }
  | { readonly do: "look-up"; readonly parts: readonly PartName[]; readonly status: Freshness; readonly late: boolean }
  | { readonly do: "withdraw" | "answer" | "hold" | "hand over" | "end" | "close" | "finish" | "phone" }
  | { readonly do: "deliver"; readonly frames: number }
  | { readonly do: "lose" | "swap" | "again" | "reconnect" | "resync" | "restart" }
  | { readonly do: "stray"; readonly of: number; readonly what: "update" | "withdraw" | "answered" | "ended" };

const PARTS: readonly PartName[] = ["link", "members", "reservations", "tickets", "calls", "verification"];
const call = fc.integer({ min: 0, max: CALLS - 1 });
const freshness = fc.constantFrom<Freshness>("live", "stale", "unavailable");
const plain = <K extends "withdraw" | "answer" | "hold" | "hand over" | "end" | "close" | "finish" | "phone">(one: K) =>
  fc.constant<Step>({ do: one });
const fault = <K extends "lose" | "swap" | "again" | "reconnect" | "resync" | "restart">(one: K) => fc.constant<Step>({ do: one });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("offer" as const), call, asked: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("look-up" as const),
      parts: fc.subarray([...PARTS], { minLength: 1 }),
      status: freshness,
      late: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: plain("withdraw") },
  { weight: 4, arbitrary: plain("answer") },
  { weight: 2, arbitrary: plain("hold") },
  { weight: 2, arbitrary: plain("hand over") },
  { weight: 3, arbitrary: plain("end") },
  { weight: 2, arbitrary: plain("close") },
  { weight: 3, arbitrary: plain("finish") },
  { weight: 1, arbitrary: plain("phone") },
  { weight: 14, arbitrary: fc.record({ do: fc.constant("deliver" as const), frames: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fault("lose") },
  { weight: 2, arbitrary: fault("swap") },
  { weight: 3, arbitrary: fault("again") },
  { weight: 2, arbitrary: fault("reconnect") },
  { weight: 1, arbitrary: fault("resync") },
  { weight: 1, arbitrary: fault("restart") },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("stray" as const),
      of: call,
      what: fc.constantFrom("update" as const, "withdraw" as const, "answered" as const, "ended" as const),
    }),
  },
);

/** Orders of offer, update, withdraw, transfer and reconnect, with everything that a line does to them. */
export const orders = fc.array(step, { minLength: 1, maxLength: 40, size: "max" });

function part<K extends PartName>(name: K, callId: string, status: Freshness, turn: number): CallerCard[K] {
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

const NO_NEWS: CardUpdate = { link: null, members: null, reservations: null, tickets: null, calls: null, verification: null };
const pending: CallerCard = {
  link: { status: "pending", as_of: null, link: null, chosen: null },
  members: { status: "pending", as_of: null, members: [] },
  reservations: { status: "pending", as_of: null, reservations: [] },
  tickets: { status: "pending", as_of: null, tickets: [] },
  calls: { status: "pending", as_of: null, calls: [] },
  verification: { status: "pending", as_of: null, verification: null },
};

const resting: AgentBody = {
  agent: "sato",
  name: "佐藤 花子",
  state: "available",
  reason: "",
  since: AT,
  phone: "idle",
  phone_since: null,
  skills: [],
};

export class PlayedServer {
  /** What was on the screen after each number, by stream: `${streamId}/${seq}`. */
  readonly shownAfter = new Map<string, Screen>();
  /** Frames on their way to the page, in order. */
  readonly line: ServerMessage[] = [];
  private epoch = 0;
  private seq = 0;
  private revision = 0;
  private offers = 0;
  private turn = 0;
  private clock = 0;
  private now: Screen = { pop: null, talk: null, agent: resting };
  private readonly cards = new Map<string, CallerCard>();
  private readonly over = new Set<string>();
  private sent: ServerMessage[] = [];

  constructor() {
    this.connect();
  }

  get streamId(): string {
    return `stream-${this.epoch}`;
  }

  get screen(): Screen {
    return this.now;
  }

  /** What the page must show when it has heard this much. */
  at(streamId: string, seq: number): Screen | undefined {
    return this.shownAfter.get(`${streamId}/${seq}`);
  }

  /** The page asks anew: everything that is true goes into the line. */
  hello(): void {
    this.line.push({
      ...this.envelope(),
      type: "snapshot",
      stream: "socket",
      seq: 1,
      user: { login: "sato", name: "佐藤 花子", roles: ["agent"], must_change: false },
      agent: this.now.agent,
      pop: this.now.pop,
      talk: this.now.talk,
      calls_today: [],
      agent_seq: this.seq,
      stream_id: this.streamId,
      missed: null,
      break_reasons: [],
    });
  }

  /** A new connection: what was on its way is lost, what is true comes first. */
  connect(): void {
    this.line.length = 0;
    this.shownAfter.set(`${this.streamId}/${this.seq}`, this.now);
    this.hello();
  }

  play(step: Exclude<Step, { do: "deliver" }>): void {
    const shown = this.now.pop;
    switch (step.do) {
      case "offer":
        return this.offer(callIdOf(step.call), step.asked);
      case "look-up":
        return this.lookUp(step.parts, step.status, step.late);
      case "withdraw":
        if (shown?.phase === "ringing") this.tell({ pop: null }, { type: "pop.withdraw", ...this.which(shown), outcome: "timed_out" });
        return;
      case "answer":
        return this.answer();
      case "hold": {
        if (shown?.phase !== "talking" && shown?.phase !== "held") return;
        const phase = shown.phase === "talking" ? "held" : "talking";
        return this.update(shown, { ...shown, phase }, NO_NEWS);
      }
      case "hand over":
        return this.end(null);
      case "end":
        return this.end("caller");
      case "close":
        // The call that this agent handed over is closed elsewhere: told once more, with how it ended.
        if (shown?.phase === "ended") this.say(shown, "caller");
        return;
      case "finish":
        return this.state(this.now.pop?.phase === "ended" && this.now.agent.state !== "wrap_up" ? "wrap_up" : "available");
      case "phone":
        return this.agent({ ...this.now.agent, phone: this.now.agent.phone === "idle" ? "busy" : "idle" });
      case "lose": {
        const at = this.line.findLastIndex((one) => one.stream === "agent");
        if (at >= 0) this.line.splice(at, 1);
        return;
      }
      case "swap":
        return this.swap();
      case "again": {
        const old = this.sent.at(this.turn++ % (this.sent.length || 1));
        if (old) this.line.push(old);
        return;
      }
      case "reconnect":
        return this.connect();
      case "resync":
        return this.hello();
      case "restart":
        return this.restart();
      case "stray":
        return this.stray(callIdOf(step.of), step.what);
    }
  }

  /** The next frame, as the page hears it. */
  heard(): ServerMessage | undefined {
    const frame = this.line.shift();
    if (frame && frame.stream === "agent") this.sent.push(frame);
    return frame;
  }

  private envelope() {
    return { v: 1 as const, tenant: "demo", at: AT };
  }

  private which(shown: Pop) {
    this.revision += 1;
    return { call_id: shown.call_id, offer_id: shown.offer_id, revision: this.revision };
  }

  /** One number of the agent's stream, and what the screen holds from then on. */
  private tell(change: Partial<Screen>, body: Record<string, unknown> & { type: string }): void {
    this.seq += 1;
    this.now = { ...this.now, ...change };
    this.shownAfter.set(`${this.streamId}/${this.seq}`, this.now);
    this.line.push({ ...this.envelope(), stream: "agent", seq: this.seq, ...body } as unknown as ServerMessage);
  }

  private offer(callId: string, asked: boolean): void {
    if (this.over.has(callId) || (this.now.pop?.call_id === callId && this.now.pop.phase !== "ended")) return;
    this.revision += 1;
    this.offers += 1;
    const pop: Pop = {
      offer_id: asked ? null : `offer-${this.offers}`,
      call_id: callId,
      revision: this.revision,
      phase: "ringing",
      caller: { kind: "number", e164: `+8190${this.offers}`, national: `090-${wordOf(callId)}-${this.offers}` },
      number_called: "+81501234500",
      queue: { id: "q", name_ja: wordOf(callId), name_en: wordOf(callId) },
      reason_ja: wordOf(callId),
      reason_en: wordOf(callId),
      callback: false,
      reach: null,
      menu: {
        menu: "main",
        language: "ja",
        path: [{ node: "top", keys: "1", label: wordOf(callId) }],
        is_member: true,
        reservation_number: null,
        reason: null,
      },
      arrived_at: AT,
      queued_at: AT,
      wait_s: 3,
      attempt: 1,
      rang_at: AT,
      answered_at: null,
      card: this.cards.get(callId) ?? pending,
    };
    this.tell({ pop }, { type: "pop.offer", pop });
  }

  /** The look-up answers for the call that is shown, or so late that another one is. */
  private lookUp(names: readonly PartName[], status: Freshness, late: boolean): void {
    const shown = this.now.pop;
    const callId = late ? callIdOf(this.turn % CALLS) : shown?.call_id;
    if (callId === undefined || this.over.has(callId)) return;
    this.turn += 1;
    const update: CardUpdate = { ...NO_NEWS };
    for (const name of names) Object.assign(update, { [name]: part(name, callId, status, this.turn) });
    const before = this.cards.get(callId) ?? pending;
    const card = { ...before, ...Object.fromEntries(names.map((name) => [name, update[name]])) };
    this.cards.set(callId, card);
    if (shown?.call_id === callId) this.update(shown, { ...shown, card }, update);
  }

  private update(shown: Pop, pop: Pop, card: CardUpdate): void {
    const which = this.which(shown);
    const next = { ...pop, revision: which.revision };
    this.tell({ pop: next }, { type: "pop.update", ...which, phase: next.phase, card, reach: next.reach });
  }

  private answer(): void {
    const shown = this.now.pop;
    if (shown?.phase !== "ringing") return;
    const which = this.which(shown);
    const pop: Pop = { ...shown, phase: "talking", answered_at: AT, revision: which.revision };
    this.tell({ pop }, { type: "pop.answered", ...which, answered_at: AT });
    const recording: RecordingLine = { state: "on", since: null, until: null, may: ["record_pause"] };
    const talk: LineBody = { call_id: shown.call_id, phase: "talking", role: "first", since: AT, may: ["hold"], partner: null, outside: null, recording };
    this.tell({ talk }, { type: "call.talk", talk });
  }

  /** `by` null: the caller goes on with a colleague. */
  private end(by: "caller" | null): void {
    const shown = this.now.pop;
    if (shown?.phase !== "talking" && shown?.phase !== "held") return;
    this.tell({ talk: null }, { type: "call.talk", talk: null });
    this.say(shown, by);
    this.state("wrap_up");
  }

  private say(shown: Pop, by: "caller" | null): void {
    if (by !== null) this.over.add(shown.call_id);
    const which = this.which(shown);
    const pop: Pop = { ...shown, phase: "ended", revision: which.revision };
    const how = { ended_at: AT, ended_by: by, end_reason: by && "completed", talk_s: 12 };
    this.tell({ pop }, { type: "call.ended", ...which, ...how });
  }

  private state(state: AgentBody["state"]): void {
    this.clock += 1;
    const since = new Date(LATER + this.clock * 1000).toISOString();
    this.agent({ ...this.now.agent, state, since }, state !== "wrap_up" && this.now.pop?.phase === "ended");
  }

  private agent(agent: AgentBody, over = false): void {
    this.tell(over ? { agent, pop: null } : { agent }, { type: "agent.state", agent });
  }

  private swap(): void {
    const at = this.line.findIndex((one, n) => one.stream === "agent" && this.line[n + 1]?.stream === "agent");
    const [first, second] = [this.line[at], this.line[at + 1]];
    if (at >= 0 && first && second) this.line.splice(at, 2, second, first);
  }

  /** All numbers begin anew; what is true is found again, as far as Asterisk knows it. */
  private restart(): void {
    this.epoch += 1;
    this.seq = this.revision = 0;
    this.sent = [];
    this.cards.clear();
    const { pop } = this.now;
    const found = pop && pop.phase !== "ended" ? { ...pop, revision: ++this.revision, card: pending } : null;
    this.now = { ...this.now, pop: found };
    this.connect();
  }

  /** A message about a call, or an offer, that is not shown (any more): it has a good number and changes nothing. */
  private stray(callId: string, what: "update" | "withdraw" | "answered" | "ended"): void {
    this.turn += 1;
    const shown = this.now.pop;
    const same = shown?.call_id === callId;
    // Of the call that is shown, alternately: a former offer of it, and something older than what is known of it.
    const late = same && this.turn % 2 === 0;
    const revision = late ? shown.revision : ++this.revision;
    const offer_id = same && !late ? `former-${this.offers}` : (shown?.offer_id ?? null);
    const which = { call_id: callId, offer_id, revision };
    if (what === "update") {
      const all = PARTS.map((name) => [name, part(name, callId, "live", this.turn)]);
      const card = Object.fromEntries(all) as CardUpdate;
      this.tell({}, { type: "pop.update", ...which, phase: "held", card, reach: null });
    } else if (what === "withdraw") this.tell({}, { type: "pop.withdraw", ...which, outcome: "timed_out" });
    else if (what === "answered") this.tell({}, { type: "pop.answered", ...which, answered_at: AT });
    else this.tell({}, { type: "call.ended", ...which, ended_at: AT, ended_by: null, end_reason: null, talk_s: 1 });
  }
}
