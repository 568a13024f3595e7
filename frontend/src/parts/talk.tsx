/** What can be done with the call on the line: plain buttons, for whatever the server says is possible now. */
import { useEffect, useState } from "preact/hooks";
import { duration, named, t, tSlug } from "../i18n";
import { useKeys } from "../keys";
import { secondsUntil } from "../now";
import { command, desk, subscribe, unsubscribe } from "../session";
import type { AgentLive, Command, LineBody, Pop, RecordingLine } from "../wire";

const needsAgent: readonly Command[] = ["consult", "to_agent"];
const needsSomebody: readonly Command[] = [...needsAgent, "to_queue"];

export function TalkControls({ talk }: { talk: LineBody }) {
  const [choosing, setChoosing] = useState<Command | null>(null);
  const name = talk.partner?.name ?? "";
  // What is possible has changed under the list: another step was taken, here or at the phone.
  useEffect(() => setChoosing(null), [talk.phase, talk.call_id]);
  useKeys([{ key: "F4", does: "keys.record", run: () => askRecording(talk) }]);
  if (talk.role === "second") {
    const text = { conference: "talk.asked_joined", swapped: "talk.asked_waits" }[talk.phase as string] ?? "talk.asked_by";
    return (
      <section class="talk" aria-label={t("talk.title")}>
        <p class="talk-phase">{t(text as "talk.asked_by", { name })}</p>
        <RecordingControls line={talk.recording} />
      </section>
    );
  }
  return (
    <section class="talk" aria-label={t("talk.title")}>
      <p class="talk-phase" role="status">
        {t(`talk.phase.${talk.phase}`, { name })}
      </p>
      <div class="choices" role="group" aria-label={t("talk.title")}>
        {talk.may.map((wanted) => (
          <button
            key={wanted}
            type="button"
            class={wanted === "return" || wanted === "resume" ? "primary" : ""}
            aria-expanded={needsSomebody.includes(wanted) ? choosing === wanted : undefined}
            onClick={() => {
              if (!needsSomebody.includes(wanted)) command(wanted);
              else setChoosing(choosing === wanted ? null : wanted);
            }}
          >
            {t(`talk.${wanted}`)}
          </button>
        ))}
      </div>
      {choosing && <Choice wanted={choosing} close={() => setChoosing(null)} />}
      <RecordingControls line={talk.recording} />
    </section>
  );
}

/** The key's turn: pause what runs, and have what is paused go on. */
function askRecording(talk: LineBody): void {
  const wanted = talk.recording.may[0];
  if (wanted) command(wanted);
}

/** Whether what is said now is kept. "Paused" stands here only when the server has Asterisk's proof of it. */
function RecordingControls({ line }: { line: RecordingLine }) {
  const paused = line.state !== "on";
  return (
    <div class={paused ? "talk-record talk-record-off" : "talk-record"} role="group" aria-label={t("talk.record")}>
      <p role="status">{t(`talk.record.${line.state}`)}</p>
      {paused && line.until && line.state !== "stopped" && <Left until={line.until} />}
      {line.may.map((wanted) => (
        <button key={wanted} type="button" class={wanted === "record_resume" ? "primary" : ""} onClick={() => command(wanted)}>
          {t(paused && wanted === "record_pause" ? "talk.record_more" : `talk.${wanted}`)}
        </button>
      ))}
    </div>
  );
}

function Left({ until }: { until: string }) {
  return (
    <span class="num" role="timer">
      {t("talk.record.left", { time: duration(secondsUntil(until)) })}
    </span>
  );
}

/** The place of the controls while there is nothing to control: what is below must not move when the call is answered. */
export function NoTalk({ phase }: { phase: Pop["phase"] }) {
  return (
    <section class="talk" aria-label={t("talk.title")}>
      <p class="talk-phase">{tSlug("phase", phase)}</p>
      <p class="choices talk-later">{phase === "ringing" && t("talk.later")}</p>
    </section>
  );
}

/** Whom, or which queue. The board is asked for only while somebody chooses. */
function Choice({ wanted, close }: { wanted: Command; close: () => void }) {
  const watched = desk.value.board !== null;
  useEffect(() => {
    subscribe();
    return unsubscribe;
  }, []);
  const agents = needsAgent.includes(wanted);
  const choose = (to: string) => {
    command(wanted, to);
    close();
  };
  return (
    <div
      class="talk-choice"
      role="group"
      aria-label={t(agents ? "talk.choose_agent" : "talk.choose_queue")}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <p class="note">{t(agents ? "talk.choose_agent" : "talk.choose_queue")}</p>
      {!watched ? <p class="note">{t("loading")}</p> : agents ? <Agents choose={choose} /> : <Queues choose={choose} />}
      <button type="button" class="quiet" onClick={close}>
        {t("talk.cancel")}
      </button>
    </div>
  );
}

const isFree = (one: AgentLive, me: string | undefined) =>
  one.agent !== me && one.state !== "offline" && one.phone === "idle" && one.call === null;

function Agents({ choose }: { choose: (to: string) => void }) {
  const me = desk.value.agent?.agent;
  const free = (desk.value.board?.agents ?? []).filter((one) => isFree(one, me));
  if (free.length === 0) return <p class="note">{t("talk.nobody")}</p>;
  return (
    <ul class="talk-list">
      {free.map((one) => (
        <li key={one.agent}>
          <button type="button" onClick={() => choose(one.agent)}>
            {one.name} <small>{[tSlug("state", one.state), ...one.skills.map(named)].join(" · ")}</small>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Queues({ choose }: { choose: (to: string) => void }) {
  return (
    <ul class="talk-list">
      {(desk.value.board?.queues ?? []).map((one) => (
        <li key={one.queue.id}>
          <button type="button" onClick={() => choose(one.queue.id)}>
            {named(one.queue)} <small class="num">{one.waiting_count}</small>
          </button>
        </li>
      ))}
    </ul>
  );
}
