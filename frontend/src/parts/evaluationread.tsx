/** A score to read, and what can still be done with it: dispute it, decide a dispute, compare it with others'. */
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { type Answers, questionsOf, sameAnswer, score, scoreText } from "../evaluation";
import { scores } from "../evaluationapi";
import { dateAndTime, named, t } from "../i18n";
import { written } from "../note";
import type { AnswerBody, Comparison, EvaluationBody } from "../wire";
import { Act, Trouble, useSending } from "./asked";
import { Confirm } from "./dialog";
import { answerText, ScoreForm, Total } from "./evaluationform";
import { stateText } from "./evaluation";
import { agentName } from "./names";
import { Text } from "./text";

const WORDS_MOST = 2000;

/** `own`: of the agent's own work; they hear no recordings, so no link leads to one. */
export function ScoreRead({ told, own, children }: { told: EvaluationBody; own: boolean; children?: preact.ComponentChildren }) {
  const changed = told.outcome === "changed";
  return (
    <div class="score-read">
      <dl class="panel">
        <dt>{t("score.agent")}</dt>
        <dd>
          <bdi>{agentName(told.agent)}</bdi>
        </dd>
        <dt>{t("score.form")}</dt>
        <dd>
          <bdi>{named(told.form)}</bdi> <small>{t("score.version", { n: told.form_version })}</small>
        </dd>
        <dt>{t("score.by")}</dt>
        <dd>
          <bdi>{told.evaluator_name}</bdi> <small>{dateAndTime(told.submitted_at ?? told.began_at)}</small>
        </dd>
        <dt>{t("score.score")}</dt>
        <dd>
          <strong>{scoreText(told.score)}</strong> {told.failed && <span class="tag fails-whole">{t("score.failed")}</span>}{" "}
          {changed && <small>{t("score.was", { answer: scoreText(told.first_score) })}</small>}
        </dd>
        <dt>{t("score.state")}</dt>
        <dd>{stateText(told)}</dd>
        {!own && (
          <>
            <dt>{t("score.call")}</dt>
            <dd>
              <Link href={`/qa/${told.call_id}`}>{t("score.hear")}</Link>
            </dd>
          </>
        )}
      </dl>
      <Words title={t("score.note")} text={told.note} />
      <Words title={t("score.dispute")} text={told.dispute} at={told.disputed_at} />
      <Words title={t("score.review", { name: told.reviewer_name })} text={told.review} at={told.reviewed_at} />
      {children}
      <div class="panel">
        <ScoreForm form={told.form} answers={told.answers} before={changed ? told.first_answers : null} />
      </div>
    </div>
  );
}

function Words({ title, text, at }: { title: string; text: string; at?: string | null }) {
  if (!text) return null;
  return (
    <div class="panel">
      <h2>
        {title} {at && <small>{dateAndTime(at)}</small>}
      </h2>
      <p class="score-words">
        <Text text={text} limit={600} />
      </p>
    </div>
  );
}

/** The agent says why it is wrong. */
export function Dispute({ told, onDone }: { told: EvaluationBody; onDone: (now: EvaluationBody) => void }) {
  const [words, setWords] = useState("");
  const [asking, setAsking] = useState(false);
  if (told.disputable_until === null) return null;
  return (
    <form class="panel" onSubmit={(event) => event.preventDefault()}>
      <label class="score-note">
        {t("score.dispute_why", { until: dateAndTime(told.disputable_until) })}
        <textarea rows={3} maxLength={WORDS_MOST} value={words} onInput={(event) => setWords(written(event.currentTarget.value))} />
      </label>
      <Act busy={!words.trim()} onAct={() => setAsking(true)}>
        {t("score.dispute_do")}
      </Act>
      {asking && (
        <Confirm
          title={t("score.dispute_do")}
          text={t("score.dispute_what")}
          action={t("score.dispute_do")}
          onClose={() => setAsking(false)}
          onConfirm={async () => onDone(await scores.dispute(told.id, told.version, words.trim()))}
        />
      )}
    </form>
  );
}

/** Somebody else decides: it stays, or its answers are given anew. */
export function Review({ told, onDone }: { told: EvaluationBody; onDone: (now: EvaluationBody) => void }) {
  const [answers, setAnswers] = useState<Answers>(told.answers);
  const [words, setWords] = useState("");
  const { busy, problem, send } = useSending();
  const differs = questionsOf(told.form).some((one) => {
    const [now, before] = [answers[one.id], told.answers[one.id]];
    return !sameAnswer(now, before) || (now?.comment ?? "") !== (before?.comment ?? "");
  });
  const missing = score(told.form, answers).missing.length > 0;
  const decide = (outcome: "upheld" | "changed") =>
    void send(async () => {
      const kept: Record<string, AnswerBody> | null = outcome === "changed" ? { ...answers } : null;
      onDone(await scores.review(told.id, { version: told.version, outcome, answers: kept, note: words.trim() }));
    });
  return (
    <section class="panel" aria-label={t("score.review_title")}>
      <h2>{t("score.review_title")}</h2>
      <p class="note">{t("score.review_how")}</p>
      <ScoreForm
        form={told.form}
        answers={answers}
        before={told.answers}
        onAnswer={(id, one) => setAnswers((before) => ({ ...before, [id]: one }))}
      />
      <label class="score-note">
        {t("score.review_why")}
        <textarea rows={3} maxLength={WORDS_MOST} value={words} onInput={(event) => setWords(written(event.currentTarget.value))} />
      </label>
      <Total form={told.form} answers={answers} />
      <div class="choices">
        <Act class={differs ? "" : "primary"} busy={busy || differs || !words.trim()} onAct={() => decide("upheld")}>
          {t("score.uphold")}
        </Act>
        <Act class={differs ? "primary" : ""} busy={busy || !differs || missing || !words.trim()} onAct={() => decide("changed")}>
          {t("score.change")}
        </Act>
      </div>
      <Trouble of={problem} />
    </section>
  );
}

/** Several people's answers to one call, side by side. */
export function Compared({ of: told }: { of: Comparison }) {
  const answers = new Map(told.questions.map((one) => [one.question, one]));
  return (
    <section class="panel">
      <h2>
        <bdi>{agentName(told.agent)}</bdi> · <bdi>{named(told.form)}</bdi> <small>{t("score.version", { n: told.form_version })}</small>
      </h2>
      <p>
        {t("score.spread_points", { points: scoreText(told.spread) })} · {t("score.agreement_all", { percent: percent(told.agreement) })}
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label={t("score.compare_title")}>
        <table class="compared">
          <thead>
            <tr>
              <th scope="col">{t("score.question")}</th>
              {told.evaluations.map((one) => (
                <th key={one.id} scope="col">
                  <bdi>{one.evaluator_name}</bdi>
                </th>
              ))}
              <th scope="col" class="num">
                {t("score.agreement")}
              </th>
            </tr>
          </thead>
          <tbody>
            {questionsOf(told.form).map((question) => {
              const spread = answers.get(question.id);
              const given = spread?.given ?? [];
              const differs = spread?.agreement !== 1;
              return (
                <tr key={question.id}>
                  <th scope="row">
                    <Text text={named(question)} />
                  </th>
                  {given.map((value, at) => (
                    <td key={told.evaluations[at]?.id ?? at} class={differs ? "differs" : ""}>
                      {answerText(question, { value, na: value === null, comment: "", at_s: null })}
                    </td>
                  ))}
                  <td class="num">{percent(spread?.agreement ?? null)}</td>
                </tr>
              );
            })}
            <tr>
              <th scope="row">{t("score.score")}</th>
              {told.scores.map((one, at) => (
                <td key={told.evaluations[at]?.id ?? at}>
                  <strong>{scoreText(one)}</strong>
                </td>
              ))}
              <td />
            </tr>
          </tbody>
        </table>
      </div>
    </section>
  );
}

const percent = (share: number | null): string => (share === null ? "–" : `${Math.round(share * 100)}%`);
