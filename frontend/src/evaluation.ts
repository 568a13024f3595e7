/**
 * The arithmetic and the moves of a form that is being scored. No DOM. The same formula as cti/domain/evaluation.py,
 * docs/evaluations.md; evaluation.cases.json holds both to it.
 */
import type { AnswerBody, FormBody } from "./wire";

export type Answers = Readonly<Record<string, AnswerBody>>;
export type Question = FormBody["sections"][number]["questions"][number];

export interface Score {
  readonly tenths: number | null; // 0 to 1000; null: nothing that counts was answered
  readonly failed: readonly string[]; // questions that fail the whole, as they stand
  readonly missing: readonly string[]; // questions without an answer
}

export const NOT_ANSWERED: AnswerBody = { value: null, na: false, comment: "", at_s: null };

export const questionsOf = (form: FormBody): readonly Question[] => form.sections.flatMap((section) => section.questions);

/** Sums of fractions, exact: a float would round half a tenth to the wrong side now and then. */
interface Fraction {
  readonly over: bigint;
  readonly under: bigint;
}
const ZERO: Fraction = { over: 0n, under: 1n };
const plus = (a: Fraction, b: Fraction): Fraction => ({ over: a.over * b.under + b.over * a.under, under: a.under * b.under });

export function score(form: FormBody, answers: Answers): Score {
  const failed: string[] = [];
  const missing: string[] = [];
  let total = ZERO;
  let weights = 0n;
  for (const section of form.sections) {
    let points = ZERO;
    let counted = 0n;
    for (const question of section.questions) {
      const answer = answers[question.id] ?? NOT_ANSWERED;
      const value = answer.value;
      if (!answer.na && value === null) missing.push(question.id);
      if (answer.na || value === null) continue;
      if (question.fails_whole && value === 1) failed.push(question.id);
      const weight = BigInt(question.weight);
      points = plus(points, { over: weight * BigInt(value - 1), under: BigInt(question.steps - 1) });
      counted += weight;
    }
    if (counted > 0n) {
      const weight = BigInt(section.weight);
      total = plus(total, { over: weight * points.over, under: points.under * counted });
      weights += weight;
    }
  }
  const share = { over: total.over, under: total.under * (weights || 1n) };
  // Half up: twice the numerator and one denominator more, halved.
  const tenths = Number((share.over * 2000n + share.under) / (share.under * 2n));
  return { tenths: failed.length > 0 ? 0 : weights > 0n ? tenths : null, failed, missing };
}

/** A key on the keyboard → an answer on the question's scale: 1 to 9, then 0. Null: this scale has no such step. */
export function stepOf(key: string, question: Question): number | null {
  const step = key === "0" ? 10 : Number(key);
  return Number.isInteger(step) && step >= 1 && step <= question.steps ? step : null;
}

/** The same answer again takes it back; words and moment stay. */
export function withValue(answer: AnswerBody, value: number): AnswerBody {
  return { ...answer, na: false, value: !answer.na && answer.value === value ? null : value };
}

export function withNa(answer: AnswerBody): AnswerBody {
  return { ...answer, na: !answer.na, value: null };
}

export const points = (tenths: number | null): string => (tenths === null ? "–" : (tenths / 10).toFixed(1));
export const scoreText = (score: number | null): string => (score === null ? "–" : score.toFixed(1));

/** The question after (or before) `current`; at the end it stays where it is. Null: the first. */
export function neighbour(form: FormBody, current: string | null, by: 1 | -1): string | null {
  const all = questionsOf(form);
  const place = all.findIndex((one) => one.id === current);
  return all[Math.min(all.length - 1, Math.max(0, place < 0 ? 0 : place + by))]?.id ?? null;
}

/** Where an answer differs from another: for a review, and for two people's scores. */
export const sameAnswer = (a: AnswerBody | undefined, b: AnswerBody | undefined): boolean =>
  (a?.na ?? false) === (b?.na ?? false) && (a?.value ?? null) === (b?.value ?? null);
