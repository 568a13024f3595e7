import { useEffect } from "preact/hooks";
import { duration, named, t, timeOfDay, tSlug } from "../i18n";
import { secondsSince } from "../now";
import { desk, subscribe, unsubscribe } from "../session";
import type { AgentLive, Board, QueueLive, WaitingCall } from "../wire";

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
      <div class="queue-grid">
        {board.queues.map((queue) => (
          <QueueCard key={queue.queue.id} live={queue} agents={board.agents} />
        ))}
      </div>
      {board.queues.length === 0 && <p class="note">{t("queues.none")}</p>}
      <h2>{t("queues.agents")}</h2>
      <Agents agents={board.agents} />
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
  return (
    <section class={`panel queue queue-${urgency(live)}`} aria-label={named(live.queue)}>
      <h2>{named(live.queue)}</h2>
      <dl class="figures">
        <Figure name={t("queues.waiting")} value={live.waiting_count} strong />
        <Figure name={t("queues.longest")} value={live.oldest_since ? duration(secondsSince(live.oldest_since)) : "–"} strong />
        <Figure name={t("queues.talking")} value={live.talking} />
        <Figure name={t("queues.available")} value={`${live.agents_available} / ${live.agents_logged_in}`} />
        <Figure
          name={t("queues.service_level", { s: live.service_level_s })}
          value={level == null ? "–" : `${Math.round(level * 100)} %`}
        />
        <Figure name={t("queues.asa")} value={figures?.asa_s == null ? "–" : duration(figures.asa_s)} />
        <Figure name={t("queues.offered")} value={figures?.offered ?? "–"} />
        <Figure name={t("queues.abandoned")} value={figures?.abandoned ?? "–"} />
      </dl>
      {live.waiting_count > 0 && live.agents_logged_in === 0 && <p class="warning">{t("queues.nobody")}</p>}
      <ol class="waiting" aria-label={t("queues.waiting_calls")}>
        {live.waiting.map((call) => (
          <Waiting key={call.call_id} call={call} agents={agents} />
        ))}
      </ol>
    </section>
  );
}

function Figure({ name, value, strong }: { name: string; value: string | number; strong?: boolean }) {
  return (
    <div class={strong ? "strong" : ""}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Waiting({ call, agents }: { call: WaitingCall; agents: AgentLive[] }) {
  const ringing = call.offered_to && (agents.find((agent) => agent.agent === call.offered_to)?.name ?? call.offered_to);
  return (
    <li>
      <span class="position">{call.position}</span>
      <span class="timer">{duration(secondsSince(call.since))}</span>
      <span class="note grow ellipsis">
        {ringing
          ? t("queues.rings_at", { agent: ringing })
          : call.attempts > 0
            ? t("queues.attempts", { n: call.attempts })
            : t("queues.since", { time: timeOfDay(call.since) })}
      </span>
    </li>
  );
}

function Agents({ agents }: { agents: AgentLive[] }) {
  if (agents.length === 0) return <p class="note">{t("queues.no_agents")}</p>;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">{t("queues.agent")}</th>
            <th scope="col">{t("queues.state")}</th>
            <th scope="col" class="num">
              {t("agent.since")}
            </th>
            <th scope="col">{t("agent.phone")}</th>
            <th scope="col">{t("queues.call")}</th>
            <th scope="col">{t("agent.skills")}</th>
          </tr>
        </thead>
        <tbody>
          {agents.map((agent) => (
            <tr key={agent.agent}>
              <th scope="row" class="ellipsis">
                {agent.name}
              </th>
              <td>
                <span class={`dot state-${agent.state}`} /> {tSlug("state", agent.state)}{" "}
                {agent.reason && <span class="note">{tSlug("reason", agent.reason)}</span>}
              </td>
              <td class="num">{duration(secondsSince(agent.since))}</td>
              <td>{tSlug("phone", agent.phone)}</td>
              <td>{agent.call ? `${tSlug("phase", agent.call.phase)} ${duration(secondsSince(agent.call.since))}` : "–"}</td>
              <td>
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
