// @vitest-environment happy-dom
import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { choose } from "../i18n";
import { Player } from "./player";

beforeEach(() => {
  choose("en");
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it("begins folded, and keeps what was chosen for the next recording", () => {
  const player = (callId: string) => render(<Player callId={callId} item={null} beginAt={null} onEnded={() => undefined} onClose={() => undefined} />);
  const first = player("one");
  const folded = () => document.querySelector(".player")?.classList.contains("player-folded");
  expect(folded()).toBe(true);
  fireEvent.click(first.getByRole("button", { name: "Details" }));
  expect(folded()).toBe(false);
  first.unmount();
  const second = player("two");
  expect(folded()).toBe(false);
  expect(second.getByRole("button", { name: "Details" }).getAttribute("aria-expanded")).toBe("true");
});
