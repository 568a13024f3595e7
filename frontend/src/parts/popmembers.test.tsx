// @vitest-environment happy-dom
/** Several who may be calling: when one of them can be chosen, and why not otherwise. */
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { choose } from "../i18n";
import { pending } from "../testing/playedfacts";
import type { CallerCard, Pop } from "../wire";
import { Members } from "./popmembers";

afterEach(cleanup);

const part = { status: "live", as_of: "2026-11-22T01:00:00Z" } as const;
const two = {
  ...pending,
  link: { ...part, link: null, chosen: null },
  members: { ...part, members: ["M-1", "M-2"].map((member_id) => ({ member_id, name: "小林 誠", name_kana: "コバヤシ マコト", company: member_id })) },
} as unknown as CallerCard;
const pop = (phase: Pop["phase"]) => ({ call_id: "c", phase, card: two }) as unknown as Pop;

it.each([
  ["ringing", "true", "You can choose once you talk."],
  ["talking", "false", ""],
  ["held", "false", ""],
  ["ended", "true", "The call is over: nothing more can be said of its caller."],
] as const)("says when it is %s whether one can be chosen, and why not", (phase, disabled, why) => {
  choose("en");
  render(<Members pop={pop(phase)} />);
  const buttons = screen.getAllByRole("button", { name: "It is this one" });
  expect(buttons.map((one) => [one.getAttribute("aria-disabled"), one.getAttribute("title") ?? ""])).toEqual([[disabled, why], [disabled, why]]);
});
