/** A queue's plan: what callers get now, what they would get from what is being written, and every version of it. */
import { useEffect, useState } from "preact/hooks";
import { Link, useParams } from "wouter-preact";
import { api, Refusal } from "../api";
import { dayAndTime, named, t } from "../i18n";
import { serverNow } from "../now";
import { Act, Trouble, usePolled, useSending } from "../parts/asked";
import { Confirm } from "../parts/dialog";
import { type Drawn, type Fit, PlanDrawing } from "../parts/plandrawing";
import { type Choices, PlanForm, warningText } from "../parts/planform";
import { personName, readNames } from "../parts/names";
import { Text } from "../parts/text";
import { draftsOf, fits, planData, sameSteps, type StepDraft, stepNamed, troubles } from "../plan";
import { desk, subscribe, unsubscribe } from "../session";
import type { Board, PlanCheck, PlanStepBody, PlanVersionBody, QueuePlan } from "../wire";

const LOOK_AGAIN_MS = 4_000; // somebody else's version should be seen before one's own is finished
const TYPING_MS = 350; // a pause between two keys is shorter

export function PlanPage() {
  const { queue = "" } = useParams<{ queue: string }>();
  useEffect(readNames, []);
  useEffect(() => {
    subscribe();
    return unsubscribe;
  }, []);
  const plan = usePolled(() => api.plan(queue), LOOK_AGAIN_MS, queue);
  const skills = usePolled(api.skills, 60_000, "skills");
  const board = desk.value.board;
  const choices: Choices = {
    skills: skills.data?.skills ?? [],
    agents: (board?.agents ?? []).map((agent) => ({ id: agent.agent, name: agent.name })),
  };
  return (
    <div class="page">
      <p>
        <Link href="/queues">← {t("nav.queues")}</Link>
      </p>
      <h1>{plan.data ? t("plan.title", { queue: named(plan.data.queue) }) : t("plan.plan")}</h1>
      {plan.data && board ? (
        <Editor key={queue} plan={plan.data} board={board} choices={choices} again={plan.again} />
      ) : (
        plan.problem === null && <p aria-busy="true">{t("loading")}</p>
      )}
      <Trouble of={plan.problem} />
    </div>
  );
}

/** What is being written, kept while somebody looks at another page of this tab. */
interface Draft {
  readonly version: number; // that it began from
  readonly from: readonly StepDraft[];
  readonly steps: readonly StepDraft[];
  readonly note: string;
}
const kept = new Map<string, Draft>();

function Editor(props: { plan: QueuePlan; board: Board; choices: Choices; again: () => void }) {
  const { plan, board, choices, again } = props;
  const id = plan.queue.id;
  const begin = (): Draft => {
    const steps = draftsOf(plan.plan);
    return { version: plan.version, from: steps, steps, note: "" };
  };
  const [draft, setDraft] = useState<Draft>(() => kept.get(id) ?? begin());
  const [done, setDone] = useState("");
  const dirty = !sameSteps(draft.steps, draft.from);
  const stale = plan.version !== draft.version;
  const { busy, problem, send } = useSending();
  const change = (next: Draft) => {
    setDone("");
    kept.set(id, next);
    setDraft(next);
  };
  const restart = () => {
    kept.delete(id);
    setDraft(begin());
  };
  // Nothing was written: the page simply shows the newest.
  useEffect(() => {
    if (stale && !dirty) restart();
  }, [stale, dirty]);
  useEffect(() => {
    if (!dirty) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [dirty]);

  const wrong = troubles(draft.steps);
  const check = useCheck(id, draft.steps, dirty && wrong.every((one) => one === null));
  const fresh = dirty && check.of === draft.steps && check.problem === null;
  // What is drawn: the plan in force; while somebody writes, the last of theirs that the server could read.
  const seen = dirty && check.answer && check.of ? { shown: check.answer, about: check.of } : { shown: plan, about: draft.from };
  const refused = dirty && check.problem instanceof Refusal ? check.problem.lines : [];
  const inSteps = refused.length > 0 && refused.every((one) => stepNamed(one) !== null);
  const ready = fresh && check.answer !== null && !stale;
  const publish = async () => {
    let version = 0;
    const sent = await send(async () => {
      version = (await api.publishPlan(id, { plan: planData(draft.steps), after: draft.version, note: draft.note.trim() }))
        .version;
    });
    again();
    if (!sent) return;
    kept.delete(id);
    setDraft({ version, from: draft.steps, steps: draft.steps, note: "" });
    setDone(t("plan.published", { n: version }));
  };
  const waiting = board.queues.find((one) => one.queue.id === id)?.waiting_count ?? 0;
  return (
    <>
      <div class="plan">
        <section class="panel" aria-label={t("plan.what")}>
          <h2>
            {dirty ? t("plan.draft") : t("plan.now")}{" "}
            <small>
              {dirty
                ? stale
                  ? t("plan.newer", { n: plan.version })
                  : ""
                : plan.version > 0
                  ? t("plan.version", { n: plan.version })
                  : t("plan.from_file")}
            </small>
          </h2>
          <PlanDrawing
            steps={drawn(seen.shown, seen.about, board, id)}
            rest={ownFit(board, id)}
            stale={dirty && !fresh}
          />
          {seen.shown.warnings
            .filter((one) => stepNamed(one) === null)
            .map((one) => (
              <p key={one} class="warning">
                {warningText(one)}
              </p>
            ))}
        </section>
        <section class="panel" aria-label={t("plan.edit")}>
          <h2>{t("plan.edit")}</h2>
          <PlanForm
            steps={draft.steps}
            troubles={wrong}
            refused={refused}
            choices={choices}
            onChange={(steps) => change({ ...draft, steps })}
          />
          <label>
            {t("plan.note")}
            <input
              value={draft.note}
              maxLength={500}
              autocomplete="off"
              onInput={(event) => change({ ...draft, note: event.currentTarget.value })}
            />
          </label>
          <p class="note">{waiting > 0 ? t("plan.at_once", { n: waiting }) : t("plan.at_once_none")}</p>
          <div class="choices">
            <Act class="primary" busy={busy || !ready} onAct={() => void publish()}>
              {t("plan.publish")}
            </Act>
            <Act class="quiet" busy={busy || !dirty} onAct={restart}>
              {t("plan.discard")}
            </Act>
            <p role="status" class="done">
              {done}
            </p>
          </div>
          {/* Below the buttons: what somebody is about to press does not move away under the finger. */}
          {stale && dirty && <Overtaken newest={plan.versions[0]} onTheirs={restart} />}
          {dirty && (inSteps || wrong.some((one) => one !== null)) && <p class="problem">{t("plan.fix_first")}</p>}
          <Trouble of={dirty && !inSteps ? (check.problem ?? problem) : problem} />
        </section>
      </div>
      <Versions plan={plan} changed={dirty} again={again} />
    </>
  );
}

function Overtaken({ newest, onTheirs }: { newest: PlanVersionBody | undefined; onTheirs: () => void }) {
  return (
    <p class="warning" role="alert">
      {t("plan.overtaken", { n: newest?.version ?? 0, name: personName(newest?.published_by ?? "") })}{" "}
      <Act class="link" onAct={onTheirs}>
        {t("plan.theirs")}
      </Act>
    </p>
  );
}

interface Checked {
  readonly of: readonly StepDraft[] | null; // what the answer is about
  readonly answer: PlanCheck | null;
  readonly problem: unknown;
}

/** The server's opinion of what is being written, a moment after the last key. */
function useCheck(queue: string, steps: readonly StepDraft[], wanted: boolean): Checked {
  const [checked, setChecked] = useState<Checked>({ of: null, answer: null, problem: null });
  useEffect(() => {
    let current = wanted;
    if (!wanted) return undefined;
    const timer = setTimeout(() => {
      api.checkPlan(queue, planData(steps)).then(
        (answer) => current && setChecked({ of: steps, answer, problem: null }),
        (problem: unknown) => current && setChecked((before) => ({ ...before, problem })),
      );
    }, TYPING_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [queue, steps, wanted]);
  return wanted ? checked : { ...checked, problem: null };
}

// --- Who fits ---

/** The queue's own count, which the server made. */
function ownFit(board: Board, queue: string): Fit | null {
  const live = board.queues.find((one) => one.queue.id === queue);
  return live ? { free: live.agents_available, there: live.agents_logged_in, atLeast: false } : null;
}

const agentFree = (agent: Board["agents"][number]): boolean =>
  agent.state === "available" && agent.phone === "idle" && agent.call === null;

/** Of the steps that were drawn: who of the board fits each now. */
function fitOf(step: StepDraft | undefined, board: Board, queue: string): Fit | null {
  const ways = step?.ways;
  if (!ways) return null;
  const [way] = ways;
  if (ways.length === 1 && way?.length === 1 && way[0]?.kind === "own" && !way[0].not) return ownFit(board, queue);
  const there = board.agents.filter((agent) => agent.state !== "offline");
  const found = there.map((agent) => fits(ways, agent, null));
  const sure = there.filter((_, index) => found[index] === true);
  const atLeast = found.includes(null);
  if (sure.length === 0 && atLeast) return null;
  return { free: sure.filter(agentFree).length, there: sure.length, atLeast };
}

interface Shown {
  readonly steps: PlanStepBody[];
  readonly warnings: string[];
}

function drawn(shown: Shown, about: readonly StepDraft[], board: Board, queue: string): Drawn[] {
  return shown.steps.map((step, index) => ({
    step,
    fit: fitOf(about[index], board, queue),
    warning: shown.warnings
      .filter((one) => stepNamed(one) === index + 1)
      .map(warningText)
      .join(" "),
  }));
}

// --- Versions ---

const SHOWN = 5;

function Versions({ plan, changed, again }: { plan: QueuePlan; changed: boolean; again: () => void }) {
  const [all, setAll] = useState(false);
  const [chosen, setChosen] = useState<PlanVersionBody | null>(null);
  const [note, setNote] = useState("");
  const hidden = plan.versions.length - SHOWN;
  return (
    <section class="agents" aria-labelledby="versions">
      <h2 id="versions">
        {t("plan.versions")} {plan.versions.length > 0 && <small>{plan.versions.length}</small>}
      </h2>
      {plan.versions.length === 0 && <p class="note">{t("plan.no_versions")}</p>}
      <ol class="versions">
        {plan.versions.slice(0, all ? undefined : SHOWN).map((one) => (
          <li key={one.version} class="panel">
            <div class="spread">
              <p>
                <b>{t("plan.version", { n: one.version })}</b>{" "}
                {one.version === plan.version && <span class="tag">{t("plan.in_force")}</span>}{" "}
                <span class="note">
                  {t("plan.by", { name: personName(one.published_by), time: dayAndTime(one.published_at, serverNow()) })}
                  {one.reverts_to !== null && ` · ${t("plan.reverts", { n: one.reverts_to })}`}
                </span>
              </p>
              {one.version !== plan.version && (
                <button type="button" class="small" onClick={() => setChosen(one)}>
                  {t("plan.revert", { n: one.version })}
                </button>
              )}
            </div>
            {one.note && (
              <p>
                <Text text={one.note} limit={200} />
              </p>
            )}
            <details>
              <summary>{t("plan.as_data")}</summary>
              <code class="written">{JSON.stringify(one.plan)}</code>
            </details>
          </li>
        ))}
      </ol>
      {hidden > 0 && (
        <button type="button" class="link" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? t("text.less") : t("queues.more", { n: hidden })}
        </button>
      )}
      {chosen && (
        <Confirm
          title={t("plan.revert", { n: chosen.version })}
          text={t(changed ? "plan.revert_text_draft" : "plan.revert_text", { n: chosen.version })}
          action={t("plan.revert_now")}
          onConfirm={() =>
            api
              .revertPlan(plan.queue.id, { version: chosen.version, after: plan.version, note: note.trim() })
              .finally(again)
          }
          onClose={() => {
            setChosen(null);
            setNote("");
          }}
        >
          <label>
            {t("plan.note")}
            <input
              value={note}
              maxLength={500}
              autocomplete="off"
              onInput={(event) => setNote(event.currentTarget.value)}
            />
          </label>
        </Confirm>
      )}
    </section>
  );
}
