import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { dayAndTime, duration, named, t, tSlug } from "../i18n";
import { secondsSince, serverNow } from "../now";
import { AgentDialog } from "../parts/agentdialog";
import { Announcements } from "../parts/announcements";
import { Callbacks } from "../parts/callbacks";
import { Health } from "../parts/health";
import { readNames } from "../parts/names";
import { PhoneBook } from "../parts/phonebook";
import { Timer } from "../parts/timer";
import { WaitingList } from "../parts/waiting";
import { desk, hasRole, subscribe, unsubscribe } from "../session";
import type { AgentCall, AgentLive, Board, QueueLive } from "../wire";

/** Every queue and every agent, live. A supervisor acts on them, here and on the queue's plan. */
export function QueuesPage() {
  useEffect(() => {
    if (hasRole("supervisor", "admin")) readNames(); // who announced, decided or changed something
    subscribe();
    return unsubscribe;
  }, []);
  const board = desk.value.board;
  return (
    <div class="page">
      <div class="page-head">
        <h1>{t("nav.queues")}</h1>
        {hasRole("supervisor", "admin") && <Health />}
      </div>
      {board === null ? <p aria-busy="true">{t("loading")}</p> : <Live board={board} />}
    </div>
  );
}

function Live({ board }: { board: Board }) {
  const { queues } = board;
  const acts = hasRole("supervisor");
  const queueName = (slug: string): string => {
    const found = queues.find((queue) => queue.queue.id === slug);
    return found ? named(found.queue) : slug;
  };
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
            <QueueCard key={queue.queue.id} live={queue} board={board} acts={acts} />
          ))}
        </div>
      )}
      <Agents board={board} queueName={queueName} acts={acts} />
      {hasRole("supervisor", "admin") && <Callbacks queueName={queueName} />}
      {acts && <Announcements queues={queues} queueName={queueName} />}
      {hasRole("supervisor", "admin") && <PhoneBook queues={queues} queueName={queueName} />}
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

function QueueCard({ live, board, acts }: { live: QueueLive; board: Board; acts: boolean }) {
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
          {level == null ? "–" : `${Math.round(level * 100)}%`}
        </Figure>
        <Figure name={t("queues.asa")}>{figures?.asa_s == null ? "–" : duration(figures.asa_s)}</Figure>
        <Figure name={t("queues.offered")}>{figures?.offered ?? "–"}</Figure>
        <Figure name={t("queues.abandoned")}>{figures?.abandoned ?? "–"}</Figure>
      </dl>
      <Closed live={live} />
      {live.nobody_for > 0 ? (
        <p class="warning">{t("queues.nobody_for", { n: live.nobody_for })}</p>
      ) : (
        live.waiting_count > 0 && live.agents_logged_in === 0 && <p class="warning">{t("queues.nobody")}</p>
      )}
      {live.waiting.length > 0 && <WaitingList live={live} board={board} acts={acts} />}
      {acts && (
        <Link class="to-plan" href={`/queues/${encodeURIComponent(live.queue.id)}/plan`}>
          {t("plan.open")}
          <span class="visually-hidden"> {named(live.queue)}</span>
        </Link>
      )}
    </section>
  );
}

/** Since when nobody new is let in, and until when. A change that has passed counts, though no newer board came yet. */
function Closed({ live }: { live: QueueLive }) {
  const { hours } = live;
  if (hours === null) return null;
  const changed = hours.until !== null && secondsSince(hours.until) > 0;
  if (hours.open !== changed) return null;
  const until = !changed && hours.until !== null ? hours.until : null;
  return (
    <p class="closed">
      {named(hours) && `${named(hours)}: `}
      {until === null ? t("queues.closed") : t("queues.closed_until", { at: dayAndTime(until, serverNow()) })}
    </p>
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

/** How many are in each state, the states in their order of usefulness to a caller. */
const STATES = ["available", "wrap_up", "break", "training", "offline"] as const;

type QueueName = (slug: string) => string;

function Agents({ board, queueName, acts }: { board: Board; queueName: QueueName; acts: boolean }) {
  const { agents } = board;
  const [chosen, setChosen] = useState<string | null>(null);
  const opened = agents.find((agent) => agent.agent === chosen);
  const count = (state: string) => agents.filter((agent) => agent.state === state).length;
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
      {agents.length === 0 ? (
        <p class="empty">{t("queues.no_agents")}</p>
      ) : (
        <AgentTable agents={agents} queueName={queueName} onAct={acts ? setChosen : null} />
      )}
      {opened && <AgentDialog agent={opened} onClose={() => setChosen(null)} />}
    </div>
  );
}

function AgentTable(props: { agents: AgentLive[]; queueName: QueueName; onAct: ((agent: string) => void) | null }) {
  const { agents, queueName, onAct } = props;
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
            {onAct && (
              <th scope="col">
                <span class="visually-hidden">{t("act.column")}</span>
              </th>
            )}
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
              {onAct && (
                <td class="end">
                  <button
                    type="button"
                    class="small"
                    aria-label={t("act.on_agent", { name: agent.name })}
                    onClick={() => onAct(agent.agent)}
                  >
                    {t("call.act")}
                  </button>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function InCall({ call, queueName }: { call: AgentCall; queueName: QueueName }) {
  return (
    <>
      {tSlug("phase", call.phase)} <Timer since={call.since} /> {call.queue && <small>{queueName(call.queue)}</small>}
    </>
  );
}
