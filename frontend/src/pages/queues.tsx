import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { duration, named, t, timeOfDay, tSlug } from "../i18n";
import { secondsSince } from "../now";
import { Timer } from "../parts/timer";
import { desk, subscribe, unsubscribe } from "../session";
import type { AgentCall, AgentLive, Board, QueueLive, WaitingCall } from "../wire";

/** Every queue and every agent, live. */
export function QueuesPage() {
  useEffect(() => {
    subscribe();
    return unsubscribe;
  }, []);
  const board = desk.value.board;
  return (
    <div class="page">
      <h1>{t("nav.queues")}</h1>
      {board === null ? <p aria-busy="true">{t("loading")}</p> : <Live board={board} />}
    </div>
  );
}

function Live({ board }: { board: Board }) {
  return (
    <>
      {!board.asterisk_up && (
        <p role="alert" class="warning">
          {t("queues.asterisk_down")}
        </p>
      )}
      {board.queues.length === 0 ? (
        <p class="empty">{t("queues.none")}</p>
      ) : (
        <div class="queue-grid">
          {board.queues.map((queue) => (
            <QueueCard key={queue.queue.id} live={queue} agents={board.agents} />
          ))}
        </div>
      )}
      <Agents board={board} />
    </>
  );
}

/** Late: the longest wait is past the service level. Soon: past half of it. */
function urgency(live: QueueLive): "late" | "soon" | "calm" {
  if (live.oldest_since === null) return "calm";
  const waited = secondsSince(live.oldest_since);
  if (waited > live.service_level_s) return "late";
  return waited > live.service_level_s / 2 ? "soon" : "calm";
}

function QueueCard({ live, agents }: { live: QueueLive; agents: AgentLive[] }) {
  const { figures } = live;
  const level = figures?.service_level;
  const how = urgency(live);
  return (
    <section class={`panel queue queue-${how}`} aria-label={named(live.queue)}>
      <h2>
        <span class="ellipsis" title={named(live.queue)}>
          {named(live.queue)}
        </span>
        {how !== "calm" && <span class={`tag urgency-${how}`}>{t(`queues.${how}`)}</span>}
      </h2>
      <dl class="figures strong-figures">
        <Figure name={t("queues.waiting")}>{live.waiting_count}</Figure>
        <Figure name={t("queues.longest")}>{live.oldest_since ? <Timer since={live.oldest_since} /> : "–"}</Figure>
      </dl>
      <dl class="figures">
        <Figure name={t("queues.talking")}>{live.talking}</Figure>
        <Figure name={t("queues.available")}>{`${live.agents_available} / ${live.agents_logged_in}`}</Figure>
        <Figure name={t("queues.service_level", { s: live.service_level_s })}>
          {level == null ? "–" : `${Math.round(level * 100)} %`}
        </Figure>
        <Figure name={t("queues.asa")}>{figures?.asa_s == null ? "–" : duration(figures.asa_s)}</Figure>
        <Figure name={t("queues.offered")}>{figures?.offered ?? "–"}</Figure>
        <Figure name={t("queues.abandoned")}>{figures?.abandoned ?? "–"}</Figure>
      </dl>
      {live.waiting_count > 0 && live.agents_logged_in === 0 && <p class="warning">{t("queues.nobody")}</p>}
      {live.waiting.length > 0 && <WaitingList live={live} agents={agents} />}
    </section>
  );
}

function Figure({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

// The first ones wait longest; one long line must not push the other queues and the agents off the screen.
const SHOWN = 5;

function WaitingList({ live, agents }: { live: QueueLive; agents: AgentLive[] }) {
  const [all, setAll] = useState(false);
  const hidden = live.waiting_count - SHOWN;
  const unlisted = live.waiting_count - live.waiting.length;
  return (
    <div>
      <ol class="waiting" aria-label={t("queues.waiting_calls")}>
        {live.waiting.slice(0, all ? undefined : SHOWN).map((call) => (
          <Waiting key={call.call_id} call={call} agents={agents} />
        ))}
      </ol>
      {all && unlisted > 0 && <p class="note">{t("queues.unlisted", { n: unlisted })}</p>}
      {hidden > 0 && (
        <button type="button" class="link" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? t("text.less") : t("queues.more", { n: hidden })}
        </button>
      )}
    </div>
  );
}

function Waiting({ call, agents }: { call: WaitingCall; agents: AgentLive[] }) {
  const ringing = call.offered_to && (agents.find((agent) => agent.agent === call.offered_to)?.name ?? call.offered_to);
  const what = ringing
    ? t("queues.rings_at", { agent: ringing })
    : call.attempts > 0
      ? t("queues.attempts", { n: call.attempts })
      : t("queues.since", { time: timeOfDay(call.since) });
  return (
    <li>
      <span class="position">{call.position}</span>
      <Timer since={call.since} />
      <span class="note grow ellipsis" title={what}>
        {what}
      </span>
    </li>
  );
}

/** How many are in each state, the states in their order of usefulness to a caller. */
const STATES = ["available", "wrap_up", "break", "training", "offline"] as const;

function Agents({ board }: { board: Board }) {
  const { agents, queues } = board;
  const count = (state: string) => agents.filter((agent) => agent.state === state).length;
  const queueName = (slug: string): string => {
    const found = queues.find((queue) => queue.queue.id === slug);
    return found ? named(found.queue) : slug;
  };
  return (
    <div class="agents">
      <div class="agents-head">
        <h2 id="agents">
          {t("queues.agents")} <small>{agents.length}</small>
        </h2>
        <ul class="chips">
          {STATES.filter((state) => count(state) > 0).map((state) => (
            <li key={state}>
              <span class={`state-${state}`}>●</span> {tSlug("state", state)} <b>{count(state)}</b>
            </li>
          ))}
        </ul>
      </div>
      {agents.length === 0 ? <p class="empty">{t("queues.no_agents")}</p> : <AgentTable agents={agents} queueName={queueName} />}
    </div>
  );
}

function AgentTable({ agents, queueName }: { agents: AgentLive[]; queueName: (slug: string) => string }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-labelledby="agents">
      <table class="agent-table">
        <thead>
          <tr>
            <th scope="col">{t("queues.agent")}</th>
            <th scope="col">{t("queues.state")}</th>
            <th scope="col" class="num">
              {t("agent.since")}
            </th>
            <th scope="col">{t("agent.phone")}</th>
            <th scope="col">{t("queues.call")}</th>
            <th scope="col" class="wide-only">
              {t("agent.skills")}
            </th>
          </tr>
        </thead>
        <tbody>
          {agents.map((agent) => (
            <tr key={agent.agent}>
              <th scope="row" title={agent.name}>
                <bdi class="ellipsis">{agent.name}</bdi>
              </th>
              <td>
                <span class={`state-${agent.state}`}>●</span> {tSlug("state", agent.state)}{" "}
                {agent.reason && agent.reason !== "chosen" && <small>{tSlug("reason", agent.reason)}</small>}
              </td>
              <td class="num">
                <Timer since={agent.since} />
              </td>
              <td class={`phone-${agent.phone}`}>
                <strong>{tSlug("phone", agent.phone)}</strong>
              </td>
              <td>{agent.call ? <InCall call={agent.call} queueName={queueName} /> : "–"}</td>
              <td class="wide-only">
                <ul class="chips">
                  {agent.skills.map((skill) => (
                    <li key={skill.id}>
                      {named(skill)} <b>{skill.level}</b>
                    </li>
                  ))}
                </ul>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function InCall({ call, queueName }: { call: AgentCall; queueName: (slug: string) => string }) {
  return (
    <>
      {tSlug("phase", call.phase)} <Timer since={call.since} /> {call.queue && <small>{queueName(call.queue)}</small>}
    </>
  );
}
