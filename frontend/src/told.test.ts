// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from "vitest";
import { type Desk, emptyDesk } from "./desk";
import { choose } from "./i18n";
import { AT, pending } from "./testing/playedfacts";
import { told } from "./told";
import type { AgentBody, CallerCard, LineBody, Pop } from "./wire";

const agent: AgentBody = {
  agent: "sato", name: "佐藤 花子", state: "available", reason: "", since: AT, until: null, phone: "idle", phone_since: null, skills: [],
};
const pop: Pop = {
  offer_id: "offer-1", call_id: "call-1", revision: 1, phase: "ringing", number_called: "+81501234500",
  caller: { kind: "number", e164: "+819012345678", national: "090-1234-5678" },
  queue: { id: "roadside", name_ja: "車両トラブル", name_en: "Roadside help" },
  reason_ja: "", reason_en: "", callback: false, reach: null, menu: null, arrived_at: AT, queued_at: AT, wait_s: 3,
  attempt: 1, rang_at: AT, answered_at: null, card: pending,
};
const known: CallerCard = {
  ...pending,
  link: {
    status: "live", as_of: AT, chosen: null,
    link: { confidence: "confirmed", score: 1, why: "number_and_reservation", member_id: "M-1", reservation_id: null, ticket_id: null },
  },
  members: { status: "live", as_of: AT, members: [{ member_id: "M-1", name: "小林 誠", name_kana: "コバヤシ マコト" }] },
};
const talk: LineBody = {
  call_id: "call-1", may: ["hold"], outside: null, partner: null, phase: "talking", role: "first", since: AT,
  recording: { state: "on", since: null, until: null, may: [] },
};
const idle: Desk = { ...emptyDesk, agent, breakReasons: [{ id: "lunch", name_ja: "昼休み", name_en: "Lunch" }] };
const rings: Desk = { ...idle, pop };
const talks: Desk = { ...idle, pop: { ...pop, card: known, phase: "talking" }, talk };

/** Everything said on the way through these desks, `!` before what interrupts. */
function said(...desks: Desk[]): string[] {
  return desks.slice(1).flatMap((now, at) => {
    const { urgent, calm } = told(desks[at] ?? emptyDesk, now);
    return [...urgent.map((one) => `! ${one}`), ...calm];
  });
}

beforeEach(() => choose("en"));

describe("a call that rings", () => {
  it("is told at once with its number, then who it is, each once", () => {
    const found = { ...rings, pop: { ...pop, revision: 2, card: known } };
    const more = { ...found, pop: { ...found.pop, revision: 3, card: { ...known, tickets: { status: "live" as const, as_of: AT, tickets: [] } } } };
    expect(said(idle, rings, found, more)).toEqual(["! It rings: 090-1234-5678, Roadside help", "小林 誠, Confirmed"]);
  });

  it("is told in one sentence when it is known already who it is, with the name as it is read", () => {
    choose("ja");
    expect(said(idle, { ...rings, pop: { ...pop, card: known } })).toEqual(["! 着信です。090-1234-5678、車両トラブル、コバヤシ マコト、確認済み"]);
  });

  it("reads out sixty letters of a name and not three hundred", () => {
    const card = { ...known, members: { ...known.members, members: [{ member_id: "M-1", name: "長".repeat(300) }] } };
    expect(said(rings, { ...rings, pop: { ...pop, card } })).toEqual([`${"長".repeat(60)}…, Confirmed`]);
    expect(said(idle, { ...rings, pop: { ...pop, card } })[0]).toMatch(/長…, Confirmed$/);
  });

  it("says that there are several, that nobody is known, and that the look-up is away", () => {
    const link = { ...known.link, link: null };
    const two = { ...known, link, members: { ...known.members, members: [{ member_id: "a" }, { member_id: "b" }] } };
    const nobody = { ...two, members: { ...known.members, members: [] } };
    const away = { ...nobody, link: { ...link, status: "unavailable" as const } };
    const of = (card: CallerCard) => said(rings, { ...rings, pop: { ...pop, card } });
    expect(of(two)).toEqual(["2 people possible"]);
    expect(of(nobody)).toEqual(["Not known who is calling"]);
    expect(of(away)).toEqual(["The booking system does not answer. Ask the caller."]);
  });

  it("is told again when it comes back under another offer, or is another call, and what was said goes", () => {
    const back = { ...rings, pop: { ...pop, offer_id: "offer-2" } };
    expect(said(rings, back)).toHaveLength(1);
    expect(told(rings, back).anew).toBe(true);
    expect(told(rings, idle).anew).toBe(true);
    expect(told(rings, talks).anew).toBe(false);
  });

  it("that nobody took is told, with the state that follows", () => {
    const missed: Desk = { ...idle, missed: { callId: "call-1", outcome: "timed_out" } };
    const out: Desk = { ...missed, agent: { ...agent, state: "break", reason: "missed_offer" } };
    expect(said(rings, missed, out)).toEqual(["Last offer: not answered", expect.stringMatching(/^Break, /)]);
  });
});

describe("a call on the line", () => {
  const held: Desk = { ...talks, pop: { ...pop, card: known, phase: "held" }, talk: { ...talk, phase: "held" } };

  it("says once that one talks, once each hold and each end of it, and that it is over", () => {
    const answered: Desk = { ...talks, talk: null };
    const over: Desk = { ...talks, talk: null, pop: { ...pop, card: known, phase: "ended" } };
    const ringing: Desk = { ...idle, pop: { ...pop, card: known } };
    const half: Desk = { ...held, talk }; // the two facts come one after the other
    expect(said(ringing, answered, talks, half, held, talks, over)).toEqual(["Talking", "The caller is on hold", "Talking with the caller", "Call ended"]);
  });

  it("says who was asked, in each phase", () => {
    const partner = { agent: "suzuki", name: "鈴木 一郎" };
    const asked = (phase: LineBody["phase"], role: LineBody["role"] = "first"): Desk => ({ ...held, talk: { ...talk, phase, partner, role } });
    expect(said(held, asked("calling"), asked("consulting"), asked("conference"))).toEqual([
      "The caller is on hold; 鈴木 一郎's phone rings",
      "The caller is on hold; you talk with 鈴木 一郎",
      "You talk with the caller and 鈴木 一郎",
    ]);
    expect(said(idle, { ...idle, talk: { ...talk, partner, role: "second", phase: "consulting" } })).toEqual(["鈴木 一郎 is asking you. The caller waits."]);
  });

  it("says when the recording stops and goes on, and nothing while it runs as always", () => {
    const record = (state: LineBody["recording"]["state"]): Desk => ({ ...talks, talk: { ...talk, recording: { ...talk.recording, state } } });
    expect(said({ ...talks, talk: null }, record("on"), record("pausing"), record("paused"), record("on"))).toEqual([
      "Pausing… Do not take a card number yet.",
      "Recording paused. Card numbers may be said now.",
      "Recording",
    ]);
    expect(said({ ...talks, talk: null }, record("off"))).toEqual(["Not recorded"]);
  });

  it("of one's own dialling says how far it has come, never that somebody calls", () => {
    const dialled: Desk = { ...idle, pop: { ...pop, reach: "calling", card: known } };
    const reached: Desk = { ...dialled, pop: { ...pop, reach: "reached", phase: "talking", card: known }, talk };
    expect(said(idle, dialled, reached)).toEqual(["Ringing, 090-1234-5678", "小林 誠, Confirmed", "Connected"]);
  });
});

describe("one's own state", () => {
  it("is told whoever changed it, and not when the page is opened", () => {
    const lunch: Desk = { ...idle, agent: { ...agent, state: "break", reason: "lunch" } };
    expect(said(emptyDesk, idle, { ...idle, agent: { ...agent, phone: "ringing" } }, lunch)).toEqual(["Break, Lunch"]);
  });

  it("says that the phone cannot be reached, and when it can be again", () => {
    expect(said(idle, { ...idle, agent: { ...agent, phone: "unreachable" } }, idle)).toEqual(["Phone not connected", "Phone idle"]);
  });
});
