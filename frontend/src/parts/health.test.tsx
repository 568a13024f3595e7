// @vitest-environment happy-dom
import { cleanup, render, screen, within } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { choose } from "../i18n";
import { me } from "../session";
import type { Me, MissingRecordings, Ready } from "../wire";
import { Health } from "./health";

const CALL = "5c94eae8-3e26-483c-b40a-17ec5690d6c4";
const ready = {
  ready: true,
  parts: { recordings: { ready: true, since: "2026-11-22T01:00:00Z", why: "1 call(s) of the last hour have no recording" } },
} as unknown as Ready;
const one = { call_id: CALL, arrived_at: "2026-11-22T01:00:00Z", queue: "members", why: "no_file" };
let missing: MissingRecordings;

beforeEach(() => {
  missing = { calls: [one], more: false };
  vi.stubGlobal("fetch", async (path: string) => new Response(JSON.stringify(path === "/readyz" ? ready : missing), { status: 200 }));
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  me.value = undefined;
});

const as = (...roles: string[]): void => {
  me.value = { user: { roles } } as unknown as Me;
};

it("names the calls that have no recording, in the page's language, and leads to them who may hear", async () => {
  choose("ja");
  as("supervisor", "qa");
  render(<Health />);
  const line = (await screen.findByText(/録音ファイルがない/)).closest("li") as HTMLElement;
  expect(within(line).getByRole("link", { name: CALL, hidden: true }).getAttribute("href")).toBe(`/qa/${CALL}`);
  expect(screen.getByRole("link", { name: "録音のない通話をすべて見る", hidden: true }).getAttribute("href")).toBe("/qa?status=not_recorded");
});

it("names them without a way that would end at a closed door, and falls back to the server's words", async () => {
  choose("en");
  as("supervisor");
  render(<Health />);
  await screen.findByText(/no file was written/);
  expect(screen.getByText(CALL)).toBeTruthy();
  expect(screen.queryByRole("link", { hidden: true })).toBeNull();
  cleanup();
  missing = { calls: [], more: false };
  render(<Health />);
  expect(await screen.findByText("1 call(s) of the last hour have no recording")).toBeTruthy();
});
