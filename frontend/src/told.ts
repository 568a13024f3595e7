/**
 * What a screen reader says by itself, as a function of what the page showed and what it shows now. Only what is new:
 * a region that is read whole with each part that arrives tells the number five times before "hello".
 *
 * `urgent` interrupts what is being read: it rings, and who. `calm` waits its turn: everything else.
 */
import type { Desk } from "./desk";
import { savedName } from "./dial";
import { language, named, t, tSlug } from "./i18n";
import { callerText } from "./parts/caller";
import type { AgentBody, LineBody, MemberBody, Named, Pop } from "./wire";

export interface Told {
  readonly urgent: readonly string[];
  readonly calm: readonly string[];
  readonly anew: boolean; // another caller, or none: what was said of the former one is to go
}

// A name of 300 letters is a mistake or an attack, and is not read out over a caller.
const LETTERS = 60;
const clipped = (text: string): string => (Array.from(text).length > LETTERS ? `${Array.from(text).slice(0, LETTERS).join("")}…` : text);
const list = (...parts: (string | false | null | undefined)[]): string => parts.filter(Boolean).join(t("list.comma"));
const isSame = (one: Pop | null, other: Pop | null): boolean =>
  one?.call_id === other?.call_id && one?.offer_id === other?.offer_id;

export function told(before: Desk, now: Desk): Told {
  const rings = now.pop?.phase === "ringing" && now.pop.reach === null;
  const began = now.pop !== null && !(isSame(before.pop, now.pop) && before.pop?.phase === now.pop.phase);
  const urgent = now.pop && rings && began ? [ringing(now.pop)] : [];
  const calm = [
    ...(now.pop && urgent.length === 0 ? ofCall(before, now, now.pop) : []),
    ...(before.pop && now.missed && now.missed !== before.missed ? [missed(now.missed.outcome)] : []),
    ...ofLine(before.talk, now.talk),
    ...ofAgent(before.agent, now.agent, now.breakReasons),
  ];
  return { urgent, calm: calm.filter(Boolean), anew: !isSame(before.pop, now.pop) };
}

const missed = (outcome: string): string => t("agent.last_offer", { outcome: tSlug("outcome", outcome) });

const ringing = (pop: Pop): string =>
  t("told.ringing", { what: list(callerText(pop.caller), pop.queue ? clipped(named(pop.queue)) : t("pop.direct"), whoCalls(pop)) });

/** The member whom the link names, when there is one. */
export function linkedMember(pop: Pop): MemberBody | null {
  const id = pop.card.link.link?.member_id;
  return (id && pop.card.members.members.find((member) => member.member_id === id)) || null;
}

/** As it is said: a voice guesses at the kanji of a name, and guesses wrong. */
function spoken(member: MemberBody): string {
  return clipped((language.value === "ja" && member.name_kana) || member.name || member.member_id);
}

/** Who it is and how sure that is; nothing while it is looked up. */
export function whoCalls(pop: Pop): string {
  const { link, members } = pop.card;
  if (link.status === "pending") return "";
  const member = linkedMember(pop);
  if (member) return list(spoken(member), link.link && tSlug("confidence", link.link.confidence));
  if (members.members.length > 1) return t("pop.several", { n: members.members.length });
  return link.status === "unavailable" ? t("fresh.unavailable_what") : t("pop.nobody");
}

function ofCall(before: Desk, now: Desk, pop: Pop): string[] {
  const former = isSame(before.pop, pop) ? before.pop : null;
  const who = whoCalls(pop);
  return [
    pop.reach !== null && former?.reach !== pop.reach ? list(tSlug("reach", pop.reach), !former && callerText(pop.caller)) : "",
    isPhaseSaid(former, pop, now.talk) ? tSlug("phase", pop.phase) : "",
    who === (former ? whoCalls(former) : "") ? "" : who,
  ];
}

/** What the line says in words of its own (hold), and how far a call of ours has come, is not said twice. */
function isPhaseSaid(former: Pop | null, pop: Pop, line: LineBody | null): boolean {
  if (former?.phase === pop.phase) return false;
  if (pop.phase === "ended") return true;
  if (pop.reach !== null) return false;
  return line === null || (pop.phase === "talking" && former?.phase !== "held");
}

/** What the call on the line is in: said as it stands above its buttons. */
export function lineText(talk: LineBody): string {
  const outside = talk.outside === null ? null : (savedName(talk.outside) ?? talk.outside);
  const name = talk.partner?.name ?? outside ?? "";
  if (talk.role === "second") {
    const asked = { conference: "talk.asked_joined", swapped: "talk.asked_waits" } as Record<string, string>;
    return t((asked[talk.phase] ?? "talk.asked_by") as "talk.asked_by", { name });
  }
  const kind = outside !== null && talk.phase !== "talking" && talk.phase !== "held" ? "phase_outside" : "phase";
  return t(`talk.${kind}.${talk.phase}` as "talk.phase.talking", { name });
}

/** Hold, consultation and conference; and whether what is said is kept. That one talks is said when the call is answered. */
function ofLine(before: LineBody | null, now: LineBody | null): string[] {
  if (now === null) return [];
  const former = before?.call_id === now.call_id ? before : null;
  const text = lineText(now);
  const ordinary = former === null && now.phase === "talking" && now.role !== "second";
  return [
    ordinary || (former && lineText(former) === text) ? "" : text,
    (former?.recording.state ?? "on") === now.recording.state ? "" : t(`talk.record.${now.recording.state}`),
  ];
}

/** Why the agent is in the state, when it says more than the state itself. */
export function reasonText(agent: AgentBody, breaks: readonly Named[]): string {
  if (agent.reason === "" || agent.reason === "chosen") return "";
  const own = breaks.find((reason) => reason.id === agent.reason);
  return own ? named(own) : tSlug("reason", agent.reason);
}

/** One's own state, whoever changed it, and a phone that cannot ring. */
function ofAgent(before: AgentBody | null, now: AgentBody | null, breaks: readonly Named[]): string[] {
  if (before === null || now === null) return []; // the page itself is being read
  const says: string[] = [];
  if (before.state !== now.state || before.reason !== now.reason) says.push(list(tSlug("state", now.state), reasonText(now, breaks)));
  if (before.phone !== now.phone && (before.phone === "unreachable" || now.phone === "unreachable"))
    says.push(`${t("agent.phone")} ${tSlug("phone", now.phone)}`);
  return says;
}
