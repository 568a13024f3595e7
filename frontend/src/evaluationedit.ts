/** Moves of somebody who writes a form. No DOM. */
import { questionsOf } from "./evaluation";
import type { FormBody } from "./wire";

type Section = FormBody["sections"][number];
type Question = Section["questions"][number];

/** An id that nobody has yet. */
export function freshId(word: string, taken: readonly string[]): string {
  let n = taken.length + 1;
  while (taken.includes(`${word}-${n}`)) n += 1;
  return `${word}-${n}`;
}

export const blankForm = (): FormBody => ({ name_ja: "", name_en: "", dispute_days: 7, sections: [] });

export function blankSection(form: FormBody): Section {
  const id = freshId("section", form.sections.map((one) => one.id));
  return { id, name_ja: "", name_en: "", weight: 1, questions: [] };
}

/** Of the whole form ids must differ; the section's own id is part of the word, so that two sections never meet. */
export function blankQuestion(section: Section): Question {
  const taken = questionsOf({ sections: [section] } as unknown as FormBody).map((one) => one.id);
  const id = freshId(section.id.slice(0, 26), taken);
  return { id, name_ja: "", name_en: "", help_ja: "", help_en: "", weight: 1, steps: 5, labels: [], may_be_na: true, fails_whole: false };
}

/** With one thing a place up or down; at the ends it stays. */
export function moved<Thing>(all: readonly Thing[], at: number, by: 1 | -1): Thing[] {
  const next = [...all];
  const [thing] = next.splice(at, 1);
  if (thing !== undefined) next.splice(Math.min(all.length - 1, Math.max(0, at + by)), 0, thing);
  return next;
}
