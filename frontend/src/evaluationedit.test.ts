import { expect, it } from "vitest";
import { blankForm, blankQuestion, blankSection, freshId, moved } from "./evaluationedit";

it("gives every new thing an id of its own", () => {
  expect(freshId("s", ["s-1", "s-3"])).toBe("s-4");
  const section = blankSection(blankForm());
  const first = blankQuestion(section);
  const second = blankQuestion({ ...section, questions: [first] as typeof section.questions });
  expect([section.id, first.id, second.id]).toEqual(["section-1", "section-1-1", "section-1-2"]);
});

it("moves within the list and never out of it", () => {
  expect(moved(["a", "b", "c"], 0, 1)).toEqual(["b", "a", "c"]);
  expect(moved(["a", "b", "c"], 0, -1)).toEqual(["a", "b", "c"]);
  expect(moved(["a", "b", "c"], 2, 1)).toEqual(["a", "b", "c"]);
});
