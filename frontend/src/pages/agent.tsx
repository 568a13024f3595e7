import { useEffect, useRef, useState } from "preact/hooks";
import { dateAndTime, duration, named, t, timeOfDay, tSlug } from "../i18n";
import { dialAsked } from "../dial";
import { useKeys } from "../keys";
import { alone, AloneControls, over } from "../parts/alone";
import { callerText } from "../parts/caller";
import { useKeptFocus } from "../parts/keptfocus";
import { DayCall } from "../parts/daycall";
import { DayStates } from "../parts/daystates";
import { DialBox, NumberToDial } from "../parts/dial";
import { PopCard } from "../parts/pop";
import { problemText } from "../parts/problem";
import { NoTalk, TalkControls } from "../parts/talk";
import { Timer } from "../parts/timer";
import { UnsavedNotes } from "../parts/unsaved";
import { secondsUntil } from "../now";
import { chooseState, connection, desk } from "../session";
import { reasonText } from "../told";
import type { CallLine } from "../wire";

/** The agent's day: own state and phone on the left, who is calling on the right. */
export function AgentPage() {
  const stage = useRef<HTMLElement>(null);
  const own = useRef<HTMLDivElement>(null);
  const focus = (selector: string): boolean => {
    const found = own.current?.querySelector<HTMLElement>(selector);
    found?.focus();
    return found != null;
  };
  useKeys([
    { key: "s", does: "keys.state", run: () => focus("[aria-pressed=true], button") },
    { key: "b", does: "keys.break", run: () => focus(".breaks button") },
    { key: "d", does: "keys.dial", run: () => focus("#dial-number") },
    { key: "c", does: "keys.call", run: () => stage.current?.focus() },
    { key: "w", does: "keys.member", run: () => stage.current?.querySelector<HTMLElement>(".choose-member, .other-members summary, .chosen button")?.focus() },
    { key: "i", does: "keys.verify", run: () => stage.current?.querySelector<HTMLElement>(".verify-step button")?.focus() },
    { key: "n", does: "keys.note", run: () => stage.current?.querySelector<HTMLElement>(".call-note")?.focus() },
    { key: "g", does: "keys.reason", run: () => stage.current?.querySelector<HTMLElement>(".reason-search")?.focus() },
    { key: "o", does: "keys.today", run: () => focus(".today .unreasoned .open-call") || focus(".today .open-call") },
    { key: "t", does: "keys.talk", run: () => stage.current?.querySelector<HTMLElement>(".talk button")?.focus() },
  ]);
  const { pop, ended, talk } = desk.value;
  const [opened, setOpened] = useState<CallLine | null>(null);
  const rings = pop !== null;
  useEffect(() => {
    if (rings) setOpened(null); // whoever calls comes first
  }, [rings]);
  // A call that goes takes its buttons along: the keyboard stays where the next one comes.
  useKeptFocus(stage, (box) => box);
  const close = () => {
    setOpened(null);
    focus(`[data-call="${opened?.call_id}"]`);
  };
  return (
    <div class="desk">
      <h1 class="visually-hidden">{t("nav.agent")}</h1>
      <section class="side" ref={own} aria-label={t("agent.me")}>
        <OwnState />
        <DialBox />
        {/* Not before what stands above is known: lists that somebody reads must not move down. */}
        {(dialAsked.value || connection.value === "lost") && (
          <>
            <UnsavedNotes />
            <Today open={pop === null ? setOpened : null} />
            <DayStates />
          </>
        )}
      </section>
      <section class="stage" ref={stage} tabIndex={-1} aria-label={t("agent.call")}>
        {alone.value ? <AloneControls /> : talk && !over.value ? <TalkControls talk={talk} /> : pop && <NoTalk phase={over.value ? "ended" : pop.phase} />}
        {pop ? (
          <PopCard key={pop.call_id} pop={pop} ended={ended} />
        ) : opened ? (
          <DayCall key={opened.call_id} call={opened} close={close} />
        ) : (
          !alone.value && <NoCall />
        )}
      </section>
    </div>
  );
}

function NoCall() {
  const { agent, missed } = desk.value;
  const advice =
    agent?.phone === "unreachable"
      ? t("agent.phone_missing")
      : agent?.state === "available"
        ? t("agent.waiting")
        : t("agent.not_available");
  return (
    <div class="empty">
      <p class="empty-title">{t("agent.no_call")}</p>
      <p>{agent ? advice : ""}</p>
      {missed && <p class="note">{t("agent.last_offer", { outcome: tSlug("outcome", missed.outcome) })}</p>}
    </div>
  );
}

const choices = ["available", "training", "offline"] as const;

function OwnState() {
  const { agent, user, breakReasons, lastError } = desk.value;
  if (!agent) return <div class="panel own-state">{user && <p class="note">{t("problem.no_agent")}</p>}</div>;
  return (
    <div class="panel own-state">
      <div class="spread">
        <p class={`state-word state-${agent.state}`}>{tSlug("state", agent.state)}</p>
        <Timer since={agent.since} label={t("agent.since")} large />
      </div>
      <p class="note one-line">{agent.until ? <Left until={agent.until} /> : reasonText(agent, breakReasons)}</p>
      <div class="choices" role="group" aria-label={t("agent.choose")}>
        {choices.map((state) => (
          <button key={state} type="button" aria-pressed={agent.state === state} onClick={() => chooseState(state)}>
            {tSlug("state", state)}
          </button>
        ))}
      </div>
      <div class="breaks" role="group" aria-labelledby="breaks">
        <p class="note" id="breaks">
          {t("state.break")}
        </p>
        <div class="choices">
          {breakReasons.map((reason) => (
            <button
              key={reason.id}
              type="button"
              class="small"
              aria-pressed={agent.state === "break" && agent.reason === reason.id}
              onClick={() => chooseState("break", reason.id)}
            >
              {named(reason)}
            </button>
          ))}
        </div>
      </div>
      <p class={`phone phone-${agent.phone}`}>
        {t("agent.phone")} <strong>{tSlug("phone", agent.phone)}</strong>
      </p>
      <ul class="chips" aria-label={t("agent.skills")}>
        {agent.skills.map((skill) => (
          <li key={skill.id}>
            {named(skill)} <b>{skill.level}</b>
          </li>
        ))}
      </ul>
      <p role="alert" class="problem">
        {lastError && problemText(lastError.key, lastError.text)}
      </p>
    </div>
  );
}

/** After-call work has a limit: then the next call may ring. */
function Left({ until }: { until: string }) {
  return <span role="timer">{t("agent.wrap_left", { time: duration(secondsUntil(until)) })}</span>;
}

/** Opens a call of the list; null: not while another call is on the page. */
type Open = ((call: CallLine) => void) | null;

function Today({ open }: { open: Open }) {
  const calls = desk.value.callsToday;
  const known = desk.value.user !== null;
  return (
    <div class="panel today">
      <h2>
        {t("today.title")} {calls && calls.length > 0 && <small>{calls.length}</small>}
      </h2>
      {known && calls === null && <p class="note">{t("today.unknown")}</p>}
      {calls?.length === 0 && <p class="note">{t("today.none")}</p>}
      {calls && calls.length > 0 && (
        <ol tabIndex={0} aria-label={t("today.title")}>
          {calls.map((call) => (
            <TodayLine key={call.call_id} call={call} open={open} />
          ))}
        </ol>
      )}
    </div>
  );
}

function TodayLine({ call, open }: { call: CallLine; open: Open }) {
  const missed = call.answered_at === null;
  const time = (
    <time dateTime={call.arrived_at} title={dateAndTime(call.arrived_at)}>
      {timeOfDay(call.arrived_at)}
    </time>
  );
  return (
    <li class={missed ? "missed" : call.reason_missing ? "unreasoned" : ""}>
      {missed || call.ended_at === null ? (
        time
      ) : (
        <button
          type="button"
          class="link open-call"
          data-call={call.call_id}
          aria-label={t("today.open", { time: timeOfDay(call.arrived_at), caller: callerText(call.caller) })}
          title={open ? "" : t("today.later")}
          aria-disabled={open ? undefined : "true"}
          onClick={() => open?.(call)}
        >
          {time}
        </button>
      )}
      <span class="grow">
        <span class="today-caller">
          <NumberToDial of={call.caller} />
        </span>
        <small class="ellipsis" title={call.queue ? named(call.queue) : ""}>
          {call.queue ? named(call.queue) : t("pop.direct")}
        </small>
        {call.reason_missing && <small class="tag reason-missing">{t("today.reason_missing")}</small>}
      </span>
      <span class="note num">
        {missed ? (call.outcome ? tSlug("outcome", call.outcome) : "") : call.talk_s === null ? "" : duration(call.talk_s)}
      </span>
    </li>
  );
}
