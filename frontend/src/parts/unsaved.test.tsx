// @vitest-environment happy-dom
import { act, render } from "@testing-library/preact";
import { expect, it } from "vitest";
import { unsaved } from "../aftercall";
import { Refusal } from "../api";
import { UnsavedNotes } from "./unsaved";

it("shows words that nobody takes to their owner, to copy and to discard", async () => {
  const page = render(<UnsavedNotes />);
  expect(page.container.innerHTML).toBe("");
  const one = { callId: "c", note: "返金の約束", reasons: ["car"], at: Date.UTC(2026, 0, 2), refusal: new Refusal(409, "too_late", "") };
  await act(() => void (unsaved.value = [one, { ...one, callId: "d", note: "second", refusal: null }]));
  const text = page.container.textContent ?? "";
  for (const word of ["返金の約束", "car", "second"]) expect(text).toContain(word);
  const copied: string[] = [];
  Object.defineProperty(navigator, "clipboard", { configurable: true, value: { writeText: async (words: string) => void copied.push(words) } });
  const [copy, discard] = page.getAllByRole("button");
  await act(() => copy?.click());
  expect(copied).toEqual(["返金の約束"]);
  await act(() => discard?.click());
  expect(unsaved.value.map(({ callId }) => callId)).toEqual(["d"]);
});
