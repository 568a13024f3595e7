import fc from "fast-check";
import { expect, it } from "vitest";
import { added, type Condition, draftOf, draftsOf, fits, moved, planData, sameSteps, stepNamed, troubles } from "./plan";

const condition = fc.oneof(
  fc.record({ own: fc.constant(true) }),
  fc.record({ last_agent: fc.constant(true) }),
  fc.record({ skill: fc.constantFrom("en", "roadside"), level: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ agents: fc.array(fc.constantFrom("sato", "suzuki"), { minLength: 1, maxLength: 3 }) }),
  fc.record({ profile: fc.constantFrom("night", "lease") }),
  fc.record({ language: fc.integer({ min: 1, max: 5 }) }),
);
const literal = fc.oneof(condition, condition.map((not) => ({ not })));
const way = fc.oneof(literal, fc.array(literal, { minLength: 2, maxLength: 4 }).map((all) => ({ all })));
const want = fc.oneof(
  fc.constant(null),
  way.filter((one) => !("own" in one)), // "own" alone is written as no want at all
  fc.array(way, { minLength: 2, maxLength: 3 }).map((any) => ({ any })),
  // Deeper than the form: kept as it is.
  fc.array(literal, { minLength: 2, maxLength: 3 }).map((any) => ({ all: [{ own: true }, { any }] })),
);

it("gives back what it was given, whatever a plan says", () => {
  const step = fc.record({ want, expires_s: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 86_400 })) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (plan) => {
      expect(planData(draftsOf(plan))).toEqual(plan);
    }),
  );
});

it("writes templates out as steps", () => {
  expect(planData(draftsOf({ template: "plain" }))).toEqual([]);
  expect(planData(draftsOf({ template: "last_agent", wait_s: 20 }))).toEqual([
    { want: { last_agent: true }, expires_s: 20 },
    { want: null, expires_s: null },
  ]);
  expect(planData(draftsOf({ template: "widening", rings: [{ en: 4 }, { en: 2 }], every_s: 30 }))).toEqual([
    { want: { skill: "en", level: 4 }, expires_s: 30 },
    { want: { any: [{ skill: "en", level: 4 }, { skill: "en", level: 2 }] }, expires_s: 60 },
  ]);
  expect(planData(draftsOf({ template: "vip", skill: "billing", level: 4, wait_s: 15 }))[0]?.want).toEqual({
    all: [{ own: true }, { skill: "billing", level: 4 }],
  });
});

it("cannot edit what is deeper than the form, but does not lose it", () => {
  const deep = { all: [{ own: true }, { any: [{ skill: "en", level: 1 }, { profile: "night" }] }] };
  expect(draftOf({ want: deep }).ways).toBeNull();
  expect(draftOf({ want: { not: { not: { own: true } } } }).ways).toBeNull();
  expect(draftOf({ want: { any: [] } }).ways).toBeNull();
  expect(draftOf({ want: { skill: "en" } }).ways).toEqual([[{ kind: "skill", skill: "en", level: 1, not: false }]]);
});

const steps = (...expires: string[]) => expires.map((typed) => ({ ...draftOf({ want: null }), expires: typed }));

it("says what is wrong with the times", () => {
  expect(troubles(steps("20", "40", ""))).toEqual([null, null, null]);
  expect(troubles(steps("", "40"))).toEqual(["not_last", null]);
  expect(troubles(steps("40", "40"))).toEqual([null, "not_later"]);
  expect(troubles(steps("0"))).toEqual(["not_seconds"]);
  expect(troubles(steps("-5"))).toEqual(["not_seconds"]);
  expect(troubles(steps("soon"))).toEqual(["not_seconds"]);
  expect(troubles(steps("86401"))).toEqual(["not_seconds"]);
});

it("says what was not chosen", () => {
  expect(troubles([draftOf({ want: { agents: [] } })])).toEqual(["nobody_named"]);
  expect(troubles([draftOf({ want: { skill: "" } })])).toEqual(["nothing_chosen"]);
});

it("moves what a step asks, and leaves the times in order", () => {
  const plan = draftsOf([
    { want: { skill: "en", level: 3 }, expires_s: 20 },
    { want: null, expires_s: null },
  ]);
  const turned = moved(plan, 0, 1);
  expect(planData(turned)).toEqual([
    { want: null, expires_s: 20 },
    { want: { skill: "en", level: 3 }, expires_s: null },
  ]);
  expect(turned.map((one) => one.id)).toEqual([plan[1]?.id, plan[0]?.id]);
  expect(sameSteps(moved(turned, 1, -1), plan)).toBe(true);
  expect(sameSteps(moved(plan, 0, -1), plan)).toBe(true); // nothing is above the first
});

it("adds a step without making the others wrong", () => {
  let plan = added([]);
  for (let n = 0; n < 4; n++) {
    plan = added(plan);
    expect(troubles(plan).every((one) => one === null)).toBe(true);
  }
});

it("knows which step a sentence of the server's is about", () => {
  expect(stepNamed("plan[2].want: no agent of this desk fits; callers pass this step over")).toBe(3);
  expect(stepNamed("plan: no agent of this desk has the queue's own skills")).toBeNull();
});

it("counts who fits, and does not guess what it cannot know", () => {
  const sato = { agent: "sato", skills: [{ id: "en", level: 3 }] };
  const skill = (level: number, not = false): Condition => ({ kind: "skill", skill: "en", level, not });
  const own: Condition = { kind: "own", not: false };
  expect(fits([[skill(3)]], sato, null)).toBe(true);
  expect(fits([[skill(4)]], sato, null)).toBe(false);
  expect(fits([[skill(4, true)]], sato, null)).toBe(true);
  expect(fits([[skill(4)], [{ kind: "agents", agents: ["sato"], not: false }]], sato, null)).toBe(true);
  expect(fits([[own]], sato, null)).toBeNull();
  expect(fits([[own, skill(4)]], sato, null)).toBe(false); // whatever the queue's own skills are
  expect(fits([[own]], sato, [{ id: "en", level: 2 }])).toBe(true);
  expect(fits([[own]], sato, [{ id: "ja", level: 1 }])).toBe(false);
  expect(fits([[{ kind: "last_agent", not: false }]], sato, [])).toBeNull();
});
