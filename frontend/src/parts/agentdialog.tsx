/** What a supervisor can do with an agent: set the state, log them out, change their skills. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { api } from "../api";
import { dateAndTime, named, t, tSlug } from "../i18n";
import { desk } from "../session";
import type { AgentLive, AgentSkills, AgentStateRequest, Named } from "../wire";
import { Act, Trouble, usePolled, useSending } from "./asked";
import { Dialog } from "./dialog";
import { Timer } from "./timer";

export function AgentDialog({ agent, onClose }: { agent: AgentLive; onClose: () => void }) {
  return (
    <Dialog title={agent.name} onClose={onClose}>
      <State agent={agent} />
      <Skills agent={agent} />
    </Dialog>
  );
}

function State({ agent }: { agent: AgentLive }) {
  const { busy, problem, send } = useSending();
  const [leaving, setLeaving] = useState(false);
  const way = useRef<HTMLDivElement>(null);
  const asked = useRef(false);
  // The button that had the focus is replaced by the question, and the other way round.
  useLayoutEffect(() => {
    if (asked.current) way.current?.querySelector("button")?.focus();
    asked.current = true;
  }, [leaving]);
  const set = (state: AgentStateRequest["state"], reason = "") =>
    void send(() => api.setAgentState(agent.agent, { state, reason })).then((done) => done && setLeaving(false));
  const is = (state: string, reason?: string) =>
    agent.state === state && (reason === undefined || agent.reason === reason) ? "true" : "false";
  return (
    <section class="agent-state">
      <p class="spread">
        <strong class={`state-${agent.state}`}>{tSlug("state", agent.state)}</strong>
        <Timer since={agent.since} label={t("agent.since")} />
      </p>
      <p class="note one-line-kept">{agent.call ? t("act.in_call") : ""}</p>
      <div class="choices" role="group" aria-label={t("act.state")}>
        {(["available", "training"] as const).map((state) => (
          <button
            key={state}
            type="button"
            aria-pressed={is(state)}
            aria-disabled={busy ? "true" : undefined}
            onClick={() => busy || set(state)}
          >
            {tSlug("state", state)}
          </button>
        ))}
        {desk.value.breakReasons.map((reason) => (
          <button
            key={reason.id}
            type="button"
            aria-pressed={is("break", reason.id)}
            aria-disabled={busy ? "true" : undefined}
            onClick={() => busy || set("break", reason.id)}
          >
            {t("act.break", { reason: named(reason) })}
          </button>
        ))}
      </div>
      <div ref={way}>
        {leaving ? (
        <div class="confirm" role="group" aria-label={t("act.log_out")}>
          <p>{t("act.log_out_text")}</p>
          <div class="choices">
            <Act onAct={() => setLeaving(false)}>{t("talk.cancel")}</Act>
            <Act class="danger" busy={busy} onAct={() => set("offline")}>
              {t("act.log_out")}
            </Act>
          </div>
        </div>
      ) : (
        <Act class="quiet danger-text" busy={busy || agent.state === "offline"} onAct={() => setLeaving(true)}>
          {agent.state === "offline" ? t("act.logged_out") : t("act.log_out_ask")}
        </Act>
      )}
      </div>
      <Trouble of={problem} />
    </section>
  );
}

// Somebody else's change of the same agent should be seen before it is overwritten.
const LOOK_AGAIN_MS = 3_000;

function Skills({ agent }: { agent: AgentLive }) {
  const known = usePolled(() => Promise.all([api.skills(), api.agentSkills(agent.agent)]), LOOK_AGAIN_MS, agent.agent);
  if (known.data === null)
    return known.problem === null ? <p aria-busy="true">{t("loading")}</p> : <Trouble of={known.problem} />;
  const [{ skills }, mine] = known.data;
  return <SkillForm key={agent.agent} skills={skills} mine={mine} again={known.again} />;
}

type Levels = Record<string, number>;
const levelsOf = (mine: AgentSkills): Levels => Object.fromEntries(mine.skills.map((one) => [one.id, one.level]));
const same = (a: Levels, b: Levels): boolean =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].every((id) => (a[id] ?? 0) === (b[id] ?? 0));

function SkillForm({ skills, mine, again }: { skills: Named[]; mine: AgentSkills; again: () => void }) {
  const { busy, problem, send } = useSending();
  const now = levelsOf(mine);
  const [begun, setBegun] = useState<{ from: Levels; levels: Levels } | null>(null); // null: nothing was changed yet
  const [saved, setSaved] = useState(false);
  const levels = begun?.levels ?? now;
  const changed = begun !== null && !same(begun.levels, now);
  const overtaken = begun !== null && !same(begun.from, now);
  const choose = (id: string, level: number) => {
    setSaved(false);
    setBegun({ from: begun?.from ?? now, levels: { ...levels, [id]: level } });
  };
  const save = async () => {
    const wanted = Object.fromEntries(Object.entries(levels).filter(([, level]) => level > 0));
    if (!(await send(() => api.setAgentSkills(mine.agent, wanted)))) return;
    setBegun(null);
    setSaved(true);
    again();
  };
  return (
    <form
      class="skill-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (changed && !busy) void save();
      }}
    >
      <h3>{t("agent.skills")}</h3>
      {skills.length === 0 && <p class="note">{t("act.no_skills")}</p>}
      <div class="skill-grid">
        {skills.map((skill) => (
          <label key={skill.id} class="skill-line">
            <span class="ellipsis" title={named(skill)}>
              {named(skill)}
            </span>
            <select
              value={levels[skill.id] ?? 0}
              onChange={(event) => choose(skill.id, Number(event.currentTarget.value))}
            >
              <option value={0}>{t("act.no_skill")}</option>
              {[1, 2, 3, 4, 5].map((level) => (
                <option key={level} value={level}>
                  {level}
                </option>
              ))}
            </select>
          </label>
        ))}
      </div>
      <p class="note one-line-kept">
        {mine.set_by && mine.set_at
          ? t("act.skills_by", { name: mine.set_by, time: dateAndTime(mine.set_at) })
          : t("act.skills_file")}
      </p>
      {overtaken && (
        <p class="warning" role="alert">
          {t("act.skills_changed")}{" "}
          <Act class="link" onAct={() => setBegun(null)}>
            {t("act.skills_theirs")}
          </Act>
        </p>
      )}
      <div class="choices">
        <button class="primary" aria-disabled={!changed || busy ? "true" : undefined}>
          {t("act.save_skills")}
        </button>
        <p role="status" class="done">
          {saved && !changed ? t("act.saved") : ""}
        </p>
      </div>
      <Trouble of={problem} />
    </form>
  );
}
