/** Callers who wait in a queue; for a supervisor, why each still does, and what can be done about it. */
import { useState } from "preact/hooks";
import { api } from "../api";
import { duration, language, named, t, timeOfDay, tSlug } from "../i18n";
import type { AgentLive, Board, DecisionBody, QueueLive, WaitingCall, WaitingWhy } from "../wire";
import { Act, Trouble, usePolled, useSending } from "./asked";
import { Dialog } from "./dialog";
import { personName } from "./names";
import { Timer } from "./timer";

// The first ones wait longest; one long line must not push the other queues and the agents off the screen.
const SHOWN = 5;
// Why somebody waits changes with every agent who gets free.
const LOOK_AGAIN_MS = 2_000;
// A line a queue, for as long as the page is open: twenty queues are four questions a second.
const GLANCE_MS = 5_000;

/** A text that the server wrote in both languages. */
const words = (of: { why_ja: string; why_en: string }): string => (language.value === "ja" ? of.why_ja : of.why_en);

export function WaitingList({ live, board, acts }: { live: QueueLive; board: Board; acts: boolean }) {
  const [all, setAll] = useState(false);
  const [chosen, setChosen] = useState<WaitingCall | null>(null);
  const hidden = live.waiting_count - SHOWN;
  const unlisted = live.waiting_count - live.waiting.length;
  const first = live.waiting[0];
  return (
    <div>
      <ol class="waiting" aria-label={t("queues.waiting_calls")}>
        {live.waiting.slice(0, all ? undefined : SHOWN).map((call) => (
          <Waiting key={call.call_id} call={call} agents={board.agents} onAct={acts ? () => setChosen(call) : null} />
        ))}
      </ol>
      {all && unlisted > 0 && <p class="note">{t("queues.unlisted", { n: unlisted })}</p>}
      {hidden > 0 && (
        <button type="button" class="link" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? t("text.less") : t("queues.more", { n: hidden })}
        </button>
      )}
      {acts && first && <WhyFirst key={first.call_id} callId={first.call_id} />}
      {chosen && <CallDialog call={chosen} live={live} board={board} onClose={() => setChosen(null)} />}
    </div>
  );
}

function Waiting(props: { call: WaitingCall; agents: AgentLive[]; onAct: (() => void) | null }) {
  const { call, agents, onAct } = props;
  // Several phones may ring at once.
  const rung = agents.filter((agent) => agent.call?.call_id === call.call_id && agent.call.phase === "ringing");
  const asked = rung.length > 0 ? rung : agents.filter((agent) => agent.agent === call.offered_to);
  const ringing = call.offered_to && (asked.map((agent) => agent.name).join(" · ") || call.offered_to);
  const what = ringing
    ? t("queues.rings_at", { agent: ringing })
    : call.attempts > 0
      ? t("queues.attempts", { n: call.attempts })
      : call.expected_s === null
        ? t("queues.since", { time: timeOfDay(call.since) }) // the clock beside it says the same, and the line is short
        : "";
  const expected = ringing || call.expected_s === null ? "" : t("queues.expected", { time: roughly(call.expected_s) });
  const note = [expected, what].filter(Boolean).join(" · ");
  return (
    <li>
      <span class="position">{call.position}</span>
      <Timer since={call.since} />
      <span class="note grow ellipsis" title={note}>
        {note}
      </span>
      {call.priority !== 0 && (
        <span class="tag num" title={t("call.priority")}>
          <span class="visually-hidden">{t("call.priority")} </span>
          {call.priority > 0 ? `+${call.priority}` : call.priority}
        </span>
      )}
      {onAct && (
        <button type="button" class="link" aria-label={t("call.act_on", { n: call.position })} onClick={onAct}>
          {t("call.act")}
        </button>
      )}
    </li>
  );
}

/** An estimate is no clock: minutes from the first on, which also leaves the line room. */
function roughly(seconds: number): string {
  if (seconds < 60) return duration(seconds);
  return new Intl.NumberFormat(language.value, { style: "unit", unit: "minute", unitDisplay: "short" }).format(Math.round(seconds / 60));
}

/** One line below the list: what holds for the first holds for most of those behind. */
function WhyFirst({ callId }: { callId: string }) {
  const { data } = usePolled(() => api.decisions(callId), GLANCE_MS, callId);
  const text = data?.waiting ? words(data.waiting) : "";
  return (
    <p class="note why-first" title={text}>
      {text && t("call.first_waits", { why: text })}
    </p>
  );
}

function CallDialog(props: { call: WaitingCall; live: QueueLive; board: Board; onClose: () => void }) {
  const { call, live, board, onClose } = props;
  const { data, problem, again } = usePolled(() => api.decisions(call.call_id), LOOK_AGAIN_MS, call.call_id);
  const why = data?.waiting ?? null;
  const queue = why?.queue ?? live.queue;
  return (
    <Dialog title={t("call.title", { queue: named(queue) })} onClose={onClose}>
      <dl class="figures">
        <div>
          <dt>{t("call.waits")}</dt>
          <dd>
            <Timer since={call.since} />
          </dd>
        </div>
        <div>
          <dt>{t("call.place")}</dt>
          <dd>{why ? (why.position ?? "–") : call.position}</dd>
        </div>
        <div>
          <dt>{t("call.expected")}</dt>
          <dd>{why?.expected_s == null ? "–" : duration(why.expected_s)}</dd>
        </div>
      </dl>
      {data === null ? (
        <p aria-busy="true" class="why">
          {problem === null ? t("loading") : ""}
        </p>
      ) : why === null ? (
        <p class="warning" role="status">
          {t("call.gone")}
        </p>
      ) : (
        <>
          <Why why={why} />
          <Actions why={why} board={board} again={again} />
        </>
      )}
      {data === null && <Trouble of={problem} />}
      {data && data.decisions.length > 0 && <Decisions decisions={data.decisions} />}
    </Dialog>
  );
}

function Why({ why }: { why: WaitingWhy }) {
  const want = language.value === "ja" ? why.want_ja : why.want_en;
  const unnamed = why.fit_count - why.fit.length;
  return (
    <section class="why">
      <h3>{t("call.why")}</h3>
      <p>{words(why)}</p>
      <p class="note">
        {t("call.wants", { want })}
        {why.steps > 1 && ` ${t("call.step", { n: why.step, of: why.steps, time: timeOfDay(why.step_since) })}`}
      </p>
      {why.fit.length > 0 && (
        <ul class="hopes" aria-label={t("call.fit", { n: why.fit_count })} tabIndex={0}>
          {why.fit.map((one) => (
            <li key={one.agent}>
              <bdi class="ellipsis grow" title={one.name}>
                {one.name}
              </bdi>
              <small>
                {one.why === "state"
                  ? tSlug("state", one.state)
                  : one.why === "phone"
                    ? tSlug("phone", one.phone)
                    : tSlug("hope", one.why)}
              </small>
            </li>
          ))}
          {unnamed > 0 && <li class="note">{t("queues.unlisted", { n: unnamed })}</li>}
        </ul>
      )}
    </section>
  );
}

function Actions({ why, board, again }: { why: WaitingWhy; board: Board; again: () => void }) {
  const { busy, problem, send } = useSending();
  const [done, setDone] = useState("");
  const others = board.queues.filter((one) => one.queue.id !== why.queue.id);
  const [to, setTo] = useState("");
  const [priority, setPriority] = useState(String(why.own_priority ?? why.priority));
  const rings = why.where === "offered";
  const act = async (work: () => Promise<unknown>, text: string) => {
    setDone("");
    if (await send(work)) {
      setDone(text);
      again();
    }
  };
  const move = () => {
    const chosen = others.find((one) => one.queue.id === to);
    if (!chosen) return;
    void act(() => api.moveCall(why.call_id, to), t("call.moved", { queue: named(chosen.queue) })).then(() => setTo(""));
  };
  const wanted = Number(priority);
  const fine = priority.trim() !== "" && Number.isInteger(wanted) && Math.abs(wanted) <= 1000;
  return (
    <section class="actions">
      <p class="note">{rings ? t("call.rings_now") : ""}</p>
      <form
        class="act-line"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy && !rings) move();
        }}
      >
        <label class="grow">
          {t("call.move_to")}
          <select value={to} required onChange={(event) => setTo(event.currentTarget.value)}>
            <option value="">{t("call.choose")}</option>
            {others.map((one) => (
              <option key={one.queue.id} value={one.queue.id}>
                {t("call.queue_waiting", { queue: named(one.queue), n: one.waiting_count })}
              </option>
            ))}
          </select>
        </label>
        <button aria-disabled={busy || rings ? "true" : undefined}>{t("call.move")}</button>
      </form>
      <form
        class="act-line"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy && !rings && fine)
            void act(() => api.prioritise(why.call_id, wanted), t("call.priority_set", { n: wanted }));
        }}
      >
        <label class="grow">
          {t("call.priority_long")}
          <input
            type="number"
            min={-1000}
            max={1000}
            step={1}
            required
            value={priority}
            onInput={(event) => setPriority(event.currentTarget.value)}
          />
        </label>
        <button aria-disabled={busy || rings ? "true" : undefined}>{t("call.set")}</button>
        {why.own_priority !== null && (
          <Act
            class="quiet"
            busy={busy || rings}
            onAct={() => void act(() => api.prioritise(why.call_id, null), t("call.priority_back"))}
          >
            {t("call.priority_queue")}
          </Act>
        )}
      </form>
      <p role="status" class="done one-line-kept">
        {done}
      </p>
      <Trouble of={problem} />
    </section>
  );
}

function Decisions({ decisions }: { decisions: DecisionBody[] }) {
  return (
    <details>
      <summary>{t("call.decisions", { n: decisions.length })}</summary>
      <ol class="decisions">
        {decisions.map((one, index) => (
          <li key={index}>
            <time class="num" dateTime={one.at}>
              {timeOfDay(one.at)}
            </time>
            <span>
              {[one.agent_name, language.value === "ja" ? one.words_ja : one.words_en, one.by && t("call.by", { name: personName(one.by) })]
                .filter(Boolean)
                .join(" · ")}
            </span>
          </li>
        ))}
      </ol>
    </details>
  );
}
