// @vitest-environment happy-dom
import { cleanup, render } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { choose } from "../i18n";
import { keysNow } from "../keys";
import { PhoneBar } from "../parts/phonebar";
import { line } from "../softphone/softphone";
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
