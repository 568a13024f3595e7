// @vitest-environment happy-dom
import { cleanup, render } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { choose } from "../i18n";
import { keysNow } from "../keys";
import { dialAsked } from "../dial";
import { PhoneBar } from "../parts/phonebar";
import { me } from "../session";
import { expected, isPhone } from "../softphone/expected";
import { line } from "../softphone/softphone";
import type { Me } from "../wire";
import { AgentPage } from "./agent";

beforeEach(() => {
  choose("en");
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
});
afterEach(() => {
  cleanup();
  line.value = "off";
  vi.unstubAllGlobals();
});

it("has no key in common with the phone above it, or with the way to one's own evaluations", () => {
  line.value = "ready";
  render(
    <>
      <PhoneBar />
      <AgentPage />
    </>,
  );
  const keys = keysNow().map((one) => one.key);
  expect(keys).toContain("F2");
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys).not.toContain("m");
});

it("keeps a place for the phone's bar where this browser was a phone before, for agents who are logged in", () => {
  const bars = () => {
    const { container } = render(<PhoneBar />);
    const found = container.querySelectorAll(".phone-bar").length;
    cleanup();
    return found;
  };
  const who = (...roles: string[]) => ({ user: { roles, must_change: false } }) as unknown as Me;
  isPhone(false);
  me.value = who("agent");
  expect(bars()).toBe(0);
  isPhone(true);
  expect([bars(), localStorage.getItem("kakehashi.phone.here")]).toEqual([1, "yes"]);
  me.value = who("qa");
  expect(bars()).toBe(0);
  me.value = null;
  expect(bars()).toBe(0);
  expected.value = false;
});

it("shows the lists of the day once it is known what stands above them", () => {
  const lists = () => {
    const { container } = render(<AgentPage />);
    const found = container.querySelectorAll(".today").length;
    cleanup();
    return found;
  };
  dialAsked.value = false;
  expect(lists()).toBe(0);
  dialAsked.value = true;
  expect(lists()).toBe(1);
});
