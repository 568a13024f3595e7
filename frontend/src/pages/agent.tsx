import { useEffect } from "preact/hooks";
import { dateAndTime, duration, language, named, t, timeOfDay, tSlug } from "../i18n";
import { secondsSince } from "../now";
import { callerText } from "../parts/caller";
import { PopCard } from "../parts/pop";
import { desk, send } from "../session";
import type { CallLine } from "../wire";

/** The agent's day: own state and phone on the left, who is calling on the right. */
export function AgentPage() {
  const pop = desk.value.pop;
  useEffect(() => {
    const before = document.title;
    if (pop?.phase === "ringing") document.title = `☎ ${callerText(pop.caller)}`;
    return () => {
      document.title = before;
    };
  }, [pop?.phase, pop?.call_id, language.value]);

  return (
    <div class="desk">
      <h1 class="visually-hidden">{t("nav.agent")}</h1>
      <section class="side" aria-label={t("agent.me")}>
        <OwnState />
        <Today />
      </section>
      <section class="stage" aria-label={t("agent.call")} aria-live="polite">
        {pop ? <PopCard key={pop.call_id} pop={pop} ended={desk.value.ended} /> : <NoCall />}
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
      <p>{advice}</p>
      {missed && <p class="note">{t("agent.last_offer", { outcome: tSlug("outcome", missed.outcome) })}</p>}
    </div>
  );
}

const choices = ["available", "training", "offline"] as const;

function OwnState() {
  const { agent, breakReasons, lastError } = desk.value;
  if (!agent) return <div class="panel" aria-busy="true" />;
  const set = (state: "available" | "break" | "training" | "offline", reason = "") =>
    send({ type: "state.set", state, reason });
  return (
    <div class="panel own-state">
      <div class="spread">
        <div>
          <p class={`state-word state-${agent.state}`}>{tSlug("state", agent.state)}</p>
          <p class="note">{agent.reason ? tSlug("reason", agent.reason) : " "}</p>
        </div>
        <p class="timer" aria-label={t("agent.since")}>
          {duration(secondsSince(agent.since))}
        </p>
      </div>
      <p class={`phone phone-${agent.phone}`}>
        {t("agent.phone")}: <strong>{tSlug("phone", agent.phone)}</strong>
      </p>
      <div class="choices" role="group" aria-label={t("agent.choose")}>
        {choices.map((state) => (
          <button
            key={state}
            type="button"
            aria-pressed={agent.state === state}
            onClick={() => set(state)}
          >
            {tSlug("state", state)}
          </button>
        ))}
        <select
          aria-label={t("state.break")}
          value={agent.state === "break" ? agent.reason : ""}
          onChange={(event) => set("break", event.currentTarget.value)}
        >
          <option value="" disabled hidden>
            {t("agent.break_choose")}
          </option>
          {breakReasons.map((reason) => (
            <option key={reason.id} value={reason.id}>
              {named(reason)}
            </option>
          ))}
        </select>
      </div>
      <p role="alert" class="problem">
        {lastError && tSlug("problem", lastError.key)}
      </p>
      <ul class="chips" aria-label={t("agent.skills")}>
        {agent.skills.map((skill) => (
          <li key={skill.id}>
            {named(skill)} <b>{skill.level}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Today() {
  const calls = desk.value.callsToday;
  return (
    <div class="panel today">
      <h2>{t("today.title")}</h2>
      {calls === null && <p class="note">{t("today.unknown")}</p>}
      {calls?.length === 0 && <p class="note">{t("today.none")}</p>}
      <ol>{calls?.map((call) => <TodayLine key={`${call.call_id}${call.arrived_at}`} call={call} />)}</ol>
    </div>
  );
}

function TodayLine({ call }: { call: CallLine }) {
  const missed = call.answered_at === null;
  return (
    <li class={missed ? "missed" : ""}>
      <time dateTime={call.arrived_at} title={dateAndTime(call.arrived_at)}>
        {timeOfDay(call.arrived_at)}
      </time>
      <span class="grow ellipsis">{callerText(call.caller)}</span>
      <span class="note">
        {missed ? (call.outcome ? tSlug("outcome", call.outcome) : "") : call.talk_s === null ? "" : duration(call.talk_s)}
      </span>
    </li>
  );
}
