// @vitest-environment happy-dom
/** What a recording lacks is said in words, in both languages, and each can be gone to by keyboard. */
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { choose } from "../i18n";
import type { LostSoundBody } from "../wire";
import { LostSound } from "./lostsound";

afterEach(cleanup);

const LOST: LostSoundBody[] = [
  { side: "caller", agent: null, at_s: 72.4, seconds: 3.02 },
  { side: "agent", agent: "<b>sato</b>", at_s: 5, seconds: 0.4 },
  { side: "agent", agent: null, at_s: 9, seconds: 2 },
];

it.each([
  ["ja", ["お客様の声が最大3秒（1:12ごろ）", "<b>sato</b>の声が最大1秒（0:05ごろ）", "担当者の声が最大2秒（0:09ごろ）"]],
  ["en", ["Up to 3 s of the caller, about 1:12", "Up to 1 s of <b>sato</b>, about 0:05", "Up to 2 s of an agent, about 0:09"]],
] as const)("says of whom, how much and about where: %s", (language, said) => {
  choose(language);
  const seek = vi.fn();
  render(<LostSound lost={LOST} onSeek={seek} />);
  const lines = screen.getAllByRole("button");
  expect(lines.map((line) => line.textContent)).toEqual(said);
  fireEvent.click(lines[0] as HTMLElement);
  expect(seek).toHaveBeenCalledWith(72.4);
});

it("says nothing of a recording that is whole", () => {
  const { container } = render(<LostSound lost={[]} onSeek={() => undefined} />);
  expect(container.innerHTML).toBe("");
});
