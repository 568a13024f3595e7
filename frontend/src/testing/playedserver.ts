/**
 * A server as one agent's page sees it, kept as simple as can be: what it showed after each number of the agent's
 * stream, and the line to the page. For tests. It knows the protocol (docs/protocol.md) and nothing of desk.ts.
 */
import type { ServerMessage } from "../desk";
import type { AgentBody, CallerCard, CardUpdate, LineBody, Pop, RecordingLine } from "../wire";
import { AT, CALLS, callIdOf, type Freshness, NO_NEWS, part, type PartName, PARTS, pending, wordOf } from "./playedfacts";
import type { Step } from "./playedsteps";

const BEGAN_MS = Date.parse(AT);

/** What an agent's screen holds. */
export interface Screen {
  readonly pop: Pop | null;
  readonly talk: LineBody | null;
  readonly agent: AgentBody;
}

const resting: AgentBody = {
  agent: "sato",
  name: "佐藤 花子",
  state: "available",
  reason: "",
  since: AT,
  until: null,
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
    const since = new Date(BEGAN_MS + this.clock * 1000).toISOString();
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
