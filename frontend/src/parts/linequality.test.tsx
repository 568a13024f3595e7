// @vitest-environment happy-dom
/** How talks sounded, in words: what a page measured, what Asterisk did, and what nobody knows. */
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { choose } from "../i18n";
import type { QualityBody } from "../wire";
import { LineQuality } from "./linequality";

afterEach(cleanup);

const PAGE: QualityBody = {
  agent: "sato",
  measured_by: "page",
  talk_at: "2026-11-22T01:15:20Z",
  grade: "good",
  measured_s: 61.5,
  loss_in: 0.033,
  jitter_in_ms: 2.2,
  jitter_in_max_ms: 9,
  loss_out: 0.01,
  jitter_out_ms: 1,
  round_trip_ms: 21,
  round_trip_max_ms: 80,
};
const CALLER: QualityBody = {
  ...PAGE,
  agent: null,
  measured_by: "asterisk",
  grade: "poor",
  loss_in: null,
  jitter_in_ms: null,
  jitter_in_max_ms: null,
  loss_out: 0.25,
  jitter_out_ms: 3.4,
  round_trip_ms: null,
  round_trip_max_ms: null,
};

it.each([
  ["ja", "お客様側 お客様からの音声の欠落 25% · ゆらぎ 3 ms · 電話機側の測定値なし", "担当者への音声の欠落 3.3% · 担当者からの音声の欠落 1.0% · ゆらぎ 2 ms（最大 9 ms）"],
  ["en", "Caller's side lost from the caller 25% · jitter 3 ms · the phone reports nothing of its own", "lost to the agent 3.3%"],
] as const)("whose it is, and what is not known is not said to be nothing: %s", (language, ofCaller, ofAgent) => {
  choose(language);
  render(<LineQuality measured={[CALLER, PAGE]} />);
  const [caller, agent] = screen.getAllByRole("listitem").map((line) => line.textContent);
  expect(caller).toContain(ofCaller);
  expect(agent).toContain(ofAgent);
  expect(agent).not.toContain("null");
});
