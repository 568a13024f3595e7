// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { choose } from "../i18n";
import type { CallRecord, JourneyStep } from "../wire";
import { Journey } from "./journey";
import { Lanes } from "./lanes";

const at = (second: number): string => new Date(Date.parse("2026-11-22T01:00:00Z") + second * 1000).toISOString();
const step = (second: number, what: JourneyStep["what"], detail: string | null = null): JourneyStep => ({
  at: at(second), what, agent: null, detail, outcome: null, reason_ja: null, reason_en: null,
});
const call = {
  arrived_at: at(0),
  direction: "inbound",
  recording: { began_at: at(15) },
  journey: [step(0, "arrived"), step(3, "menu"), step(3, "menu_step", "会員"), step(14.5, "queued"), step(20, "answered")],
} as unknown as CallRecord;

beforeEach(() => choose("en"));
afterEach(cleanup);

it("what came before the recording stands above it, by how long before, and leads nowhere", () => {
  const onSeek = vi.fn();
  render(<Journey call={call} decisions={[]} length={60} position={0} onSeek={onSeek} />);
  const lines = screen.getAllByRole("listitem").map((one) => one.textContent?.replace(/\s+/g, " ").trim());
  expect(lines).toEqual(["Before the recording−0:15arrived", "−0:12menu", "−0:12chose 会員", "0:00queued", "0:05answered"]);
  expect(screen.getAllByRole("button").map((one) => one.textContent?.trim())).toEqual(["0:00queued", "0:05answered"]);
  fireEvent.click(screen.getByRole("button", { name: /answered/ }));
  expect(onSeek.mock.calls).toEqual([[5]]);
});

it("without a recording, or with one from the first second, nothing is before it", () => {
  for (const began of [null, at(0.4)]) {
    const other = { ...call, recording: began === null ? null : { began_at: began } } as CallRecord;
    render(<Journey call={other} decisions={[]} length={began === null ? 0 : 60} position={0} onSeek={() => undefined} />);
    expect(screen.queryByText("Before the recording")).toBeNull();
    cleanup();
  }
});

it("a lane says what of it is before the sound, while the sound's beginning is in view", () => {
  const lanes = [{ kind: "menu" as const, agent: null, spans: [], before: 12 }];
  const shown = (from: number) => <Lanes lanes={lanes} transfers={[]} view={{ from, to: 60 }} position={0} onSeek={() => undefined} />;
  render(shown(0));
  expect(document.querySelector(".lane-before")?.textContent).toBe("◂ 0:12");
  cleanup();
  render(shown(30));
  expect(document.querySelector(".lane-before")).toBeNull();
});
