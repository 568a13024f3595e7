/** A form being scored or read: every answer by mouse and by key, comments with a moment of the recording, the total. */
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import {
  type Answers,
  neighbour,
  NOT_ANSWERED,
  points,
  type Question,
  questionsOf,
  sameAnswer,
  score,
  stepOf,
  withNa,
  withValue,
} from "../evaluation";
import "../evaluation.css";
import { duration, language, named, t } from "../i18n";
import { useKeys } from "../keys";
import { written } from "../note";
import type { AnswerBody, FormBody } from "../wire";
import { Pause, Text } from "./text";

const COMMENT_MOST = 2000;

export interface Moments {
  now(): number; // seconds into the recording that is heard
  go(seconds: number): void;
}

interface FormProps {
  form: FormBody;
  answers: Answers;
  before?: Answers | null; // what was answered before: differences are marked
  onAnswer?: (question: string, answer: AnswerBody) => void; // left out: to read
  moments?: Moments | null;
}

const label = (question: Question, step: number): string => {
  const said = question.labels[step - 1];
  return said ? said[language.value] : "";
};

/** What an answer says, in words. */
export function answerText(question: Question, answer: AnswerBody | undefined): string {
  if (answer?.na) return t("score.na");
  if (answer?.value == null) return t("score.unanswered");
  const words = label(question, answer.value);
  return words ? `${answer.value} ${words}` : `${answer.value} / ${question.steps}`;
}

/** The form with its sections. While it is written, keys answer the question that has the focus. */
export function ScoreForm({ form, answers, before = null, onAnswer, moments = null }: FormProps) {
  const box = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState<string | null>(null);
  const found = (id: string | null): HTMLElement | null =>
    box.current?.querySelector<HTMLElement>(`[data-question="${id ?? ""}"]`) ?? null;
  const go = (by: 1 | -1) => {
    const next = neighbour(form, current, by);
    setCurrent(next);
    found(next)?.focus();
    found(next)?.scrollIntoView({ block: "nearest" });
  };
  const question = questionsOf(form).find((one) => one.id === current);
  const answer = (current && answers[current]) || NOT_ANSWERED;
  const change = (made: (question: Question) => AnswerBody | null) => {
    const next = question && made(question);
    if (question && next) onAnswer?.(question.id, next);
  };
  const scale = (key: string) =>
    change((one) => {
      const step = stepOf(key, one);
      return step === null ? null : withValue(answer, step);
    });
  useKeys(
    onAnswer
      ? [
          { key: "j", does: "keys.question_next", run: () => go(1) },
          { key: "k", does: "keys.question_previous", run: () => go(-1) },
          { key: "x", does: "keys.question_na", run: () => change((one) => (one.may_be_na ? withNa(answer) : null)) },
          { key: "c", does: "keys.question_comment", run: () => found(current)?.querySelector("textarea, .comment-open")?.dispatchEvent(new CustomEvent("write")) },
          ...["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"].map(
            (key) => ({ key, does: "keys.question_answer", run: () => scale(key) }) as const,
          ),
        ]
      : [],
  );
  return (
    <div class="score-form" ref={box}>
      {form.sections.map((section) => (
        <div key={section.id} role="group" aria-label={named(section)}>
          <p class="section-name">
            <Text text={named(section)} /> <small>{t("score.weight", { n: section.weight })}</small>
          </p>
          {section.questions.map((one) => (
            <QuestionRow
              key={one.id}
              question={one}
              answer={answers[one.id] ?? NOT_ANSWERED}
              before={before && !sameAnswer(before[one.id], answers[one.id]) ? (before[one.id] ?? NOT_ANSWERED) : null}
              current={one.id === current}
              onFocus={() => setCurrent(one.id)}
              onAnswer={onAnswer && ((next) => onAnswer(one.id, next))}
              moments={moments}
            />
          ))}
        </div>
      ))}
    </div>
  );
}

interface RowProps {
  question: Question;
  answer: AnswerBody;
  before: AnswerBody | null;
  current: boolean;
  onFocus: () => void;
  onAnswer: ((answer: AnswerBody) => void) | undefined;
  moments: Moments | null;
}

function QuestionRow({ question, answer, before, current, onFocus, onAnswer, moments }: RowProps) {
  const id = useId();
  const help = language.value === "ja" ? question.help_ja : question.help_en;
  return (
    <div
      role="group"
      tabIndex={onAnswer ? -1 : undefined}
      data-question={question.id}
      class={`question${current ? " current" : ""}${question.fails_whole && answer.value === 1 ? " fails" : ""}`}
      aria-labelledby={id}
      onFocusIn={onFocus}
    >
      <p id={id} class="question-name">
        <Text text={named(question)} limit={160} />
        <Pause />{" "}
        {question.fails_whole && <span class="tag fails-whole">{t("score.fails_whole")}</span>}{" "}
        <small>{question.weight === 0 ? t("score.counts_nothing") : t("score.weight", { n: question.weight })}</small>
      </p>
      {help && (
        <p class="note">
          <Text text={help} limit={160} />
        </p>
      )}
      {onAnswer ? <Scale question={question} answer={answer} onAnswer={onAnswer} /> : <p>{answerText(question, answer)}</p>}
      {before && <p class="was">{t("score.was", { answer: answerText(question, before) })}</p>}
      <Comment answer={answer} onAnswer={onAnswer} moments={moments} />
    </div>
  );
}

function Scale({ question, answer, onAnswer }: { question: Question; answer: AnswerBody; onAnswer: (answer: AnswerBody) => void }) {
  const steps = Array.from({ length: question.steps }, (_, at) => at + 1);
  return (
    <div class="scale">
      {steps.map((step) => (
        <button
          key={step}
          type="button"
          class="small"
          aria-pressed={!answer.na && answer.value === step}
          onClick={() => onAnswer(withValue(answer, step))}
        >
          {step} {label(question, step)}
        </button>
      ))}
      {question.may_be_na && (
        <button type="button" class="small" aria-pressed={answer.na} onClick={() => onAnswer(withNa(answer))}>
          {t("score.na")}
        </button>
      )}
    </div>
  );
}

/** A remark about one answer, and the moment of the recording it is about: where the player stood when it was begun. */
function Comment({ answer, onAnswer, moments }: Pick<RowProps, "answer" | "onAnswer" | "moments">) {
  const [open, setOpen] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const shown = open || answer.comment !== "";
  const wanted = useRef(false);
  const begin = () => {
    wanted.current = true;
    setOpen(true);
    field.current?.focus(); // it is there already
  };
  // Before the next key: what is typed after `c` are words, not answers.
  useLayoutEffect(() => {
    if (wanted.current) field.current?.focus();
    wanted.current = false;
  });
  // The key `c` of the form: it knows the question, not whether its field is there already.
  useEffect(() => {
    const target: HTMLElement | null = field.current ?? opener.current;
    target?.addEventListener("write", begin);
    return () => target?.removeEventListener("write", begin);
  });
  const moment = answer.at_s !== null && (
    <button type="button" class="link" disabled={!moments} onClick={() => moments?.go(answer.at_s ?? 0)}>
      {t("score.at", { time: duration(answer.at_s) })}
    </button>
  );
  if (!onAnswer) {
    if (!answer.comment) return null;
    return (
      <p class="comment">
        {moment} <Text text={answer.comment} limit={400} />
      </p>
    );
  }
  if (!shown) {
    return (
      <button ref={opener} type="button" class="link comment-open" onClick={begin}>
        {t("score.comment_add")}
      </button>
    );
  }
  return (
    <div class="comment">
      <textarea
        ref={field}
        rows={2}
        maxLength={COMMENT_MOST}
        aria-label={t("score.comment")}
        value={answer.comment}
        onInput={(event) => {
          const comment = written(event.currentTarget.value);
          const at_s = answer.comment === "" && answer.at_s === null && moments ? Math.round(moments.now() * 10) / 10 : answer.at_s;
          onAnswer({ ...answer, comment, at_s });
        }}
        onKeyDown={(event) => {
          // Back to the question, whose keys work again; the player stays open.
          if (event.key !== "Escape" || event.isComposing) return;
          event.preventDefault();
          event.stopPropagation();
          event.currentTarget.closest<HTMLElement>("[data-question]")?.focus();
        }}
      />
      {moment}
      {moments && (
        <button type="button" class="link" onClick={() => onAnswer({ ...answer, at_s: Math.round(moments.now() * 10) / 10 })}>
          {t("score.at_here")}
        </button>
      )}
      {answer.at_s !== null && (
        <button type="button" class="link" onClick={() => onAnswer({ ...answer, at_s: null })}>
          {t("score.at_none")}
        </button>
      )}
    </div>
  );
}

/** The total as it stands, and what is missing. */
export function Total({ form, answers }: { form: FormBody; answers: Answers }) {
  const made = score(form, answers);
  const all = questionsOf(form).length;
  const answered = t("score.answered", { n: all - made.missing.length, of: all });
  return (
    <>
      <p class={`total${made.failed.length > 0 ? " fails" : ""}`}>
        <strong>{points(made.tenths)}</strong> <small>{t("score.of_100")}</small> <span>{answered}</span>{" "}
        {made.failed.length > 0 && <span class="tag fails-whole">{t("score.failed")}</span>}
      </p>
      {/* One text: parts that change are read one by one, and then all together. */}
      <p role="status" class="visually-hidden">
        {[answered, `${points(made.tenths)} ${t("score.of_100")}`, made.failed.length > 0 && t("score.failed")].filter(Boolean).join(t("list.comma"))}
      </p>
    </>
  );
}
