import fc from "fast-check";
import { describe, expect, it } from "vitest";
import cases from "./evaluation.cases.json";
import { neighbour, NOT_ANSWERED, points, sameAnswer, score, stepOf, withNa, withValue } from "./evaluation";
import type { AnswerBody, FormBody } from "./wire";

const form = cases.form as unknown as FormBody;
const question = form.sections[0]!.questions[1]!; // five steps

const answersOf = (said: Record<string, { value: number | null; na: boolean }>): Record<string, AnswerBody> =>
  Object.fromEntries(Object.entries(said).map(([id, one]) => [id, { ...NOT_ANSWERED, ...one }] as const)) as Record<
    string,
    AnswerBody
  >;

describe("the score", () => {
  for (const one of cases.cases) {
    it(`is the server's: ${one.why}`, () => {
      const made = score(form, answersOf(one.answers as never));
      expect([made.tenths, made.failed, made.missing]).toEqual([one.tenths, one.failed, one.missing]);
    });
  }
  it("stays between nothing and all, whatever is answered", () => {
    const answer = fc.record({ value: fc.option(fc.integer({ min: 1, max: 2 })), na: fc.boolean() });
    const any = fc.dictionary(fc.constantFrom("greeting", "name", "verified", "solved"), answer);
    fc.assert(
      fc.property(any, (said) => {
        const { tenths } = score(form, answersOf(said));
        return tenths === null || (tenths >= 0 && tenths <= 1000);
      }),
    );
  });
});

describe("the keyboard", () => {
  it("answers with the keys of the scale and no others", () => {
    expect(["1", "5", "6", "0", "a", " "].map((key) => stepOf(key, question))).toEqual([1, 5, null, null, null, null]);
    expect(stepOf("0", { ...question, steps: 10 })).toBe(10);
  });
  it("takes the same answer back, and keeps what was written", () => {
    const written = { ...NOT_ANSWERED, comment: "語尾", at_s: 3 };
    const once = withValue(written, 4);
    expect(once).toEqual({ ...written, value: 4 });
    expect(withValue(once, 4)).toEqual(written);
    expect(withNa(once)).toEqual({ ...written, na: true });
    expect(withValue(withNa(once), 4)).toEqual(once);
  });
  it("goes from question to question and stays at the ends", () => {
    expect(neighbour(form, null, 1)).toBe("greeting");
    expect(neighbour(form, "greeting", 1)).toBe("name");
    expect(neighbour(form, "name", 1)).toBe("verified");
    expect(neighbour(form, "solved", 1)).toBe("solved");
    expect(neighbour(form, "greeting", -1)).toBe("greeting");
  });
});

it("writes points with one decimal", () => {
  expect([points(null), points(0), points(756), points(1000)]).toEqual(["–", "0.0", "75.6", "100.0"]);
});

it("compares answers by what they say", () => {
  expect(sameAnswer(undefined, NOT_ANSWERED)).toBe(true);
  expect(sameAnswer({ ...NOT_ANSWERED, value: 3 }, { ...NOT_ANSWERED, value: 3, comment: "x" })).toBe(true);
  expect(sameAnswer({ ...NOT_ANSWERED, na: true }, NOT_ANSWERED)).toBe(false);
});
