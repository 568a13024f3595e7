/**
 * A queue's plan as people edit it, and as the server reads it (docs/routing.md, "Plans"). Pure.
 *
 * A step asks for one of several ways to fit; a way is a list of conditions that hold together. Whatever the desk
 * file says deeper than that is kept as it is written and can be moved or removed, not edited.
 */

export type Condition = { readonly not: boolean } & (
  | { readonly kind: "own" }
  | { readonly kind: "skill"; readonly skill: string; readonly level: number }
  | { readonly kind: "agents"; readonly agents: readonly string[] }
  | { readonly kind: "profile"; readonly profile: string }
  | { readonly kind: "language"; readonly level: number }
  | { readonly kind: "last_agent" }
);
export type Kind = Condition["kind"];
export const KINDS: readonly Kind[] = ["own", "skill", "agents", "last_agent", "language", "profile"];

export interface StepDraft {
  readonly id: number; // of the row in the form: keeps the focus where it was when rows move
  readonly ways: readonly (readonly Condition[])[] | null; // null: only as written
  readonly written: unknown; // the step's "want" as the server sent it
  readonly expires: string; // seconds from entry, as typed; "": never
}

type Data = Record<string, unknown>;
const isData = (value: unknown): value is Data => typeof value === "object" && value !== null && !Array.isArray(value);
const only = (data: Data, ...keys: string[]): boolean => Object.keys(data).every((key) => keys.includes(key));

// --- Reading ---

function conditionOf(data: unknown, not = false): Condition | null {
  if (!isData(data)) return null;
  if ("not" in data && only(data, "not")) return not ? null : conditionOf(data.not, true);
  const { skill, level = 1, agents, profile, language } = data;
  if (typeof skill === "string" && typeof level === "number" && only(data, "skill", "level"))
    return { kind: "skill", skill, level, not };
  if (Array.isArray(agents) && only(data, "agents")) return { kind: "agents", agents: agents.map(String), not };
  if (typeof profile === "string" && only(data, "profile")) return { kind: "profile", profile, not };
  if (typeof language === "number" && only(data, "language")) return { kind: "language", level: language, not };
  if (data.own === true && only(data, "own")) return { kind: "own", not };
  if (data.last_agent === true && only(data, "last_agent")) return { kind: "last_agent", not };
  return null;
}

function wayOf(data: unknown): readonly Condition[] | null {
  const parts = isData(data) && Array.isArray(data.all) && only(data, "all") ? data.all : [data];
  const found = parts.map((part) => conditionOf(part));
  return found.length > 0 && found.every((one) => one !== null) ? found : null;
}

/** The ways of a "want"; null when it is deeper than the form. */
export function waysOf(want: unknown): readonly (readonly Condition[])[] | null {
  if (want === null || want === undefined) return [[{ kind: "own", not: false }]];
  const parts = isData(want) && Array.isArray(want.any) && only(want, "any") ? want.any : [want];
  const found = parts.map(wayOf);
  return found.length > 0 && found.every((one) => one !== null) ? found : null;
}

let ids = 0;
/** A step for the form, with an id of its own. */
export function draftOf(step: unknown): StepDraft {
  const data = isData(step) ? step : {};
  const expires = data.expires_s;
  return {
    id: ++ids,
    ways: waysOf(data.want),
    written: data.want ?? null,
    expires: typeof expires === "number" ? String(expires) : "",
  };
}

const first = (want: unknown, wait: unknown): Data[] => [{ want, expires_s: wait }, { want: null, expires_s: null }];

/** The steps that a template stands for (routing/templates.py); a list of steps as it is. */
export function stepsOf(plan: unknown): unknown[] {
  if (Array.isArray(plan)) return plan;
  if (!isData(plan)) return [];
  const { agents, skill, level, wait_s: wait, every_s: every } = plan;
  switch (plan.template) {
    case "widening": {
      const rings = (Array.isArray(plan.rings) ? plan.rings.filter(isData) : []).map((ring) => ({
        all: Object.entries(ring).map(([name, least]) => ({ skill: name, level: least })),
      }));
      return rings.map((ring, index) => ({
        want: index === 0 ? ring : { any: rings.slice(0, index + 1) },
        expires_s: (index + 1) * Number(every),
      }));
    }
    case "last_agent":
      return first({ last_agent: true }, wait);
    case "agents":
      return first({ agents }, wait);
    case "vip":
      return first({ all: [{ own: true }, { skill, level }] }, wait);
    case "language":
      return first({ all: [{ own: true }, { language: level }] }, wait);
    default:
      return [];
  }
}

export const draftsOf = (plan: unknown): StepDraft[] => stepsOf(plan).map(draftOf);

// --- Writing ---

function conditionData(condition: Condition): Data {
  const plain = ((): Data => {
    switch (condition.kind) {
      case "skill":
        return { skill: condition.skill, level: condition.level };
      case "agents":
        return { agents: [...condition.agents] };
      case "profile":
        return { profile: condition.profile };
      case "language":
        return { language: condition.level };
      case "own":
      case "last_agent":
        return { [condition.kind]: true };
    }
  })();
  return condition.not ? { not: plain } : plain;
}

function wantData(step: StepDraft): unknown {
  if (step.ways === null) return step.written;
  const ways = step.ways.map((way) => {
    const parts = way.map(conditionData);
    return parts.length === 1 ? parts[0] : { all: parts };
  });
  const [single] = ways;
  if (ways.length !== 1) return { any: ways };
  return isData(single) && single.own === true ? null : single;
}

/** The plan as the server reads it. */
export const planData = (steps: readonly StepDraft[]): Data[] =>
  steps.map((step) => ({ want: wantData(step), expires_s: step.expires.trim() === "" ? null : Number(step.expires) }));

/** Whether two plans say the same, however they are written. */
export const sameSteps = (a: readonly StepDraft[], b: readonly StepDraft[]): boolean =>
  JSON.stringify(planData(a)) === JSON.stringify(planData(b));

// --- Checking what can be seen without the server ---

export const MOST_STEPS = 12; // routing/plan.py
export const MOST_S = 86_400;
export type Trouble = "not_last" | "not_seconds" | "not_later" | "nobody_named" | "nothing_chosen";

/** What is wrong with each step, at its place in the list. */
export function troubles(steps: readonly StepDraft[]): (Trouble | null)[] {
  let before = 0;
  return steps.map((step, index) => {
    const typed = step.expires.trim();
    const seconds = Number(typed);
    if (typed === "" && index < steps.length - 1) return "not_last";
    if (typed !== "" && !(seconds > 0 && seconds <= MOST_S)) return "not_seconds";
    if (typed !== "" && seconds <= before) return "not_later";
    if (typed !== "") before = seconds;
    const conditions = step.ways?.flat() ?? [];
    if (conditions.some((one) => one.kind === "agents" && one.agents.length === 0)) return "nobody_named";
    const blank = (one: Condition) =>
      (one.kind === "skill" && one.skill === "") || (one.kind === "profile" && one.profile === "");
    return conditions.some(blank) ? "nothing_chosen" : null;
  });
}

/** The step that a sentence of the server's is about ("plan[2].want: …"), from 1; null: the plan as a whole. */
export function stepNamed(sentence: string): number | null {
  const found = /^plan\[(\d+)\]/.exec(sentence);
  return found ? Number(found[1]) + 1 : null;
}

// --- Editing ---

export function moved(steps: readonly StepDraft[], from: number, by: 1 | -1): StepDraft[] {
  const made = [...steps];
  const [step, other] = [made[from], made[from + by]];
  if (step && other) {
    // Seconds belong to the place in the row of steps, not to what is asked: they stay in order.
    made[from] = { ...other, expires: step.expires };
    made[from + by] = { ...step, expires: other.expires };
  }
  return made;
}

const LATER_S = 30; // a step that is shorter than two offers is over before it helped

/** One more step at the end; the one before it gets an end, if it has none. */
export function added(steps: readonly StepDraft[]): StepDraft[] {
  const last = steps[steps.length - 1];
  if (!last) return [{ ...draftOf({ want: null }), expires: String(LATER_S) }];
  const before = Number(steps[steps.length - 2]?.expires ?? 0) || 0;
  const ended = last.expires.trim() === "" ? { ...last, expires: String(before + LATER_S) } : last;
  return [...steps.slice(0, -1), ended, draftOf({ want: null })];
}

// --- Who would do ---

export interface Fitter {
  readonly agent: string;
  readonly skills: readonly { readonly id: string; readonly level: number }[];
}

/** Whether an agent fits; null where it depends on the call, or on what the page does not know. */
export function fits(
  ways: readonly (readonly Condition[])[],
  agent: Fitter,
  own: readonly { id: string; level: number }[] | null,
): boolean | null {
  const has = (skill: string, level: number) => agent.skills.some((one) => one.id === skill && one.level >= level);
  const one = (condition: Condition): boolean | null => {
    const plain = ((): boolean | null => {
      switch (condition.kind) {
        case "skill":
          return has(condition.skill, condition.level);
        case "agents":
          return condition.agents.includes(agent.agent);
        case "own":
          return own && own.every((skill) => has(skill.id, skill.level));
        default:
          return null;
      }
    })();
    return plain === null ? null : plain !== condition.not;
  };
  const every = (way: readonly Condition[]): boolean | null => {
    const found = way.map(one);
    return found.includes(false) ? false : found.includes(null) ? null : true;
  };
  const found = ways.map(every);
  return found.includes(true) ? true : found.includes(null) ? null : false;
}
