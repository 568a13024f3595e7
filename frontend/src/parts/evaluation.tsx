/** Scores of a call beside its player: begin one, write it, see those of others and where people differ. */
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { Refusal } from "../api";
import { score, scoreText } from "../evaluation";
import { scores } from "../evaluationapi";
import { EvaluationDraft } from "../evaluationdraft";
import { named, t, tSlug } from "../i18n";
import { useKeys } from "../keys";
import { written } from "../note";
import type { CallEvaluations, EvaluationBody, EvaluationLine } from "../wire";
import { Act, Trouble, useSending } from "./asked";
import { Confirm } from "./dialog";
import { type Moments, ScoreForm, Total } from "./evaluationform";
import { agentName } from "./names";

const NOTE_MOST = 2000;

export function CallScores({ callId, moments }: { callId: string; moments: Moments }) {
  const [told, setTold] = useState<CallEvaluations | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [open, setOpen] = useState<EvaluationBody | null>(null);
  const current = useRef(true);
  const look = () =>
    scores.ofCall(callId).then(
      (answer) => current.current && setTold(answer),
      (error: unknown) => current.current && setProblem(error),
    );
  useEffect(() => {
    current.current = true;
    void look();
    return () => void (current.current = false);
  }, [callId]);
  const again = () => {
    setOpen(null);
    void look();
  };
  if (open) return <Editor key={open.id} begun={open} moments={moments} onDone={again} />;
  return (
    <div class="call-scores">
      {told && <Begin told={told} callId={callId} onOpen={setOpen} />}
      {told && told.evaluations.length > 0 && <Lines lines={told.evaluations} />}
      {told && told.hidden > 0 && <p class="note">{t("score.hidden", { n: told.hidden })}</p>}
      {told?.comparisons.map((one) => (
        <Link key={`${one.agent} ${one.form_id} ${one.form_version}`} href={`/evaluations/call/${callId}`}>
          {t("score.compare", { n: one.evaluations.length, points: scoreText(one.spread) })}
        </Link>
      ))}
      <Trouble of={problem} />
    </div>
  );
}

function Begin({ told, callId, onOpen }: { told: CallEvaluations; callId: string; onOpen: (begun: EvaluationBody) => void }) {
  const [agent, setAgent] = useState(told.agents[0] ?? "");
  const [form, setForm] = useState(told.forms[0]?.id ?? "");
  const { busy, problem, send } = useSending();
  const possible = agent !== "" && form !== "";
  const begin = () =>
    void send(async () => {
      const begun = await scores.begin(callId, agent, form);
      // Submitted already: there is nothing to write, and its own page shows it.
      if (begun.state === "draft") onOpen(begun);
      else location.assign(`/evaluations/${begun.id}`);
    });
  useKeys(possible ? [{ key: "e", does: "keys.score", run: begin }] : []);
  if (!possible) return <p class="note">{t(told.forms.length === 0 ? "score.no_forms" : "score.nobody")}</p>;
  return (
    <div class="begin-score">
      {told.agents.length > 1 && (
        <label>
          {t("score.agent")}
          <select value={agent} onChange={(event) => setAgent(event.currentTarget.value)}>
            {told.agents.map((one) => (
              <option key={one} value={one}>
                {agentName(one)}
              </option>
            ))}
          </select>
        </label>
      )}
      {told.forms.length > 1 && (
        <label>
          {t("score.form")}
          <select value={form} onChange={(event) => setForm(event.currentTarget.value)}>
            {told.forms.map((one) => (
              <option key={one.id} value={one.id}>
                {named(one)}
              </option>
            ))}
          </select>
        </label>
      )}
      <Act busy={busy} onAct={begin}>
        {t("score.begin")}
      </Act>
      <Trouble of={problem} />
    </div>
  );
}

export const stateText = (one: EvaluationLine): string =>
  one.outcome ? `${tSlug("score_state", one.state)}: ${tSlug("score_outcome", one.outcome)}` : tSlug("score_state", one.state);

function Lines({ lines }: { lines: readonly EvaluationLine[] }) {
  return (
    <ul class="score-lines" aria-label={t("nav.evaluations")}>
      {lines.map((one) => (
        <li key={one.id}>
          <Link href={`/evaluations/${one.id}`}>
            <bdi>{one.evaluator_name}</bdi> → <bdi>{agentName(one.agent)}</bdi>
          </Link>{" "}
          <strong>{one.state === "draft" ? "" : scoreText(one.score)}</strong> <span class="tag">{stateText(one)}</span>
        </li>
      ))}
    </ul>
  );
}

const passes = (error: unknown): boolean => error instanceof Refusal && (error.status === 0 || error.status >= 500);

/** The draft, which saves itself. Who leaves takes nothing along: the server has it, or is told on the way out. */
function Editor({ begun, moments, onDone }: { begun: EvaluationBody; moments: Moments; onDone: () => void }) {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const [asking, setAsking] = useState(false);
  const { busy, problem, send } = useSending();
  const box = useRef<HTMLElement>(null);
  const made = useRef<EvaluationDraft | null>(null);
  const draft = (made.current ??= new EvaluationDraft(begun, {
    save: (body) => scores.save(begun.id, body),
    passes,
    later: (work, ms) => {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
    changed: () => draw(undefined),
  }));
  useEffect(() => {
    box.current?.querySelector<HTMLElement>("[data-question]")?.focus({ preventScroll: true });
    const ask = (event: BeforeUnloadEvent) => draft.settled || event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => {
      removeEventListener("beforeunload", ask);
      draft.stop();
    };
  }, []);
  const { form } = begun;
  const missing = score(form, draft.words.answers).missing.length;
  const submit = () =>
    void send(async () => {
      if (!(await draft.flush())) throw new Refusal(409, "evaluation_changed", "");
      await scores.submit(begun.id, draft.version);
      onDone();
    });
  return (
    <section class="evaluation-open" ref={box} aria-label={t("score.title", { form: named(form) })}>
      <header class="spread">
        <h3>
          <bdi>{named(form)}</bdi> <small>{t("score.version", { n: begun.form_version })}</small>{" "}
          <bdi>{agentName(begun.agent)}</bdi>
        </h3>
        <span role="status" class={`note-state note-${draft.state}`}>
          {t(`after.${draft.state}` as "after.saved")}
        </span>
      </header>
      {begun.newest_version > begun.form_version && <p class="note">{t("score.newer", { n: begun.newest_version })}</p>}
      {draft.theirs && (
        <div class="warning" role="alert">
          <p>{t("score.changed_what")}</p>
          <p class="choices">
            <button type="button" onClick={() => draft.choose("mine")}>
              {t("after.keep_mine")}
            </button>
            <button type="button" onClick={() => draft.choose("theirs")}>
              {t("after.take_theirs")}
            </button>
          </p>
        </div>
      )}
      <ScoreForm form={form} answers={draft.words.answers} onAnswer={(id, one) => draft.answer(id, one)} moments={moments} />
      <label class="score-note">
        {t("score.note")}
        <textarea
          rows={3}
          maxLength={NOTE_MOST}
          value={draft.words.note}
          onInput={(event) => draft.note(written(event.currentTarget.value))}
        />
      </label>
      <footer>
        <Total form={form} answers={draft.words.answers} />
        <Trouble of={draft.state === "refused" ? draft.refusal : problem} />
        <div class="choices">
          <Act class="primary" busy={busy || missing > 0 || draft.state === "changed"} onAct={submit}>
            {t("score.submit")}
          </Act>
          <Act busy={busy} onAct={() => void draft.flush().then(onDone)}>
            {t("score.later")}
          </Act>
          <Act class="quiet" busy={busy} onAct={() => setAsking(true)}>
            {t("score.discard")}
          </Act>
        </div>
      </footer>
      {asking && (
        <Confirm
          title={t("score.discard")}
          text={t("score.discard_what")}
          action={t("score.discard")}
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await draft.flush();
            await scores.discard(begun.id, draft.version);
            onDone();
          }}
        />
      )}
    </section>
  );
}
