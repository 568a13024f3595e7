// @vitest-environment happy-dom
import { beforeEach, expect, it } from "vitest";
import { choose, dayAndTime, span, t, timeOfDay, timeZone, tSlug } from "./i18n";
import { problemText, refusalText } from "./parts/problem";
import { Refusal } from "./api";
import { loudest, stretch } from "./parts/wave";
import en from "./catalogue/en.json";
import ja from "./catalogue/ja.json";
import { stepAt, withDecisions, wordOf } from "./parts/journey";
import type { CallRecord, DecisionBody, JourneyStep } from "./wire";

const NOON = Date.parse("2026-11-21T03:00:00Z"); // in Tokyo

beforeEach(() => {
  timeZone.value = "Asia/Tokyo";
  choose("ja");
});

it("speaks the chosen language and remembers it", () => {
  expect(t("login.submit")).toBe("ログイン");
  choose("en");
  expect(t("login.submit")).toBe("Log in");
  expect(document.documentElement.lang).toBe("en");
  expect(localStorage.getItem("kakehashi.language")).toBe("en");
});

it("follows another tab", () => {
  localStorage.setItem("kakehashi.language", "en");
  dispatchEvent(new StorageEvent("storage", { key: "kakehashi.language", newValue: "en" }));
  expect(t("close")).toBe("Close");
});

it("fills blanks, and leaves a blank that nobody filled", () => {
  expect(t("password.new", { n: 10 })).toContain("10文字");
  expect(t("password.new")).toContain("{n}");
});

it("falls back to the server's words, then to the slug", () => {
  expect(tSlug("state", "available")).toBe("受付可");
  expect(tSlug("state", "on_the_moon")).toBe("on_the_moon");
  expect(tSlug("state", "__proto__")).toBe("__proto__");
  expect(problemText("wrong_log_in", "server's")).toBe("ログイン名またはパスワードが違います。");
  expect(problemText("something_new", "サーバーの言葉")).toBe("サーバーの言葉");
  expect(problemText("something_new", "")).toBe(t("problem.server_error"));
  expect(refusalText(new Refusal(0, "unreachable", ""))).toBe(t("problem.unreachable"));
  expect(refusalText(new TypeError("x"))).toBe(t("problem.server_error"));
});

it("says times as the desk's clock does, the day only where it is another", () => {
  expect(timeOfDay("2026-11-20T22:45:00Z")).toBe("07:45");
  expect(dayAndTime("2026-11-20T22:45:00Z", NOON)).toBe("今日 07:45");
  expect(dayAndTime("2026-11-19T22:45:00Z", NOON)).toContain("11月20日");
  expect(span("2026-11-20T22:45:00Z", "2026-11-21T01:00:00Z", NOON)).toBe("今日 07:45 – 10:00");
  expect(span("2026-11-19T22:45:00Z", "2026-11-21T01:00:00Z", NOON)).toMatch(/11月20日.* – 今日 10:00/);
});

it("draws the loudest step that falls on a column, and loses none", () => {
  const values = [0, 10, 90, 5, 7, 30];
  expect([0, 1, 2].map((column) => loudest(values, column, 3))).toEqual([10, 90, 30]);
  expect(Math.max(...Array.from({ length: 4 }, (_, column) => loudest(values, column, 4)))).toBe(90);
  expect(loudest([5], 7, 10)).toBe(5);
  expect(loudest([], 0, 10)).toBe(0);
});

it("stretches quiet calls, both sides alike, and silence only so far", () => {
  expect(stretch({ left: [10, 50], right: [20] })).toBe(2);
  expect(stretch({ left: [100], right: [1] })).toBe(1);
  expect(stretch({ left: [0, 1], right: [] })).toBe(4);
});

it("marks the step of the call that is being heard", () => {
  const step = (at: string) => ({ at, what: "arrived" as const, agent: null, outcome: null, detail: null });
  const call = {
    arrived_at: "2026-11-21T03:00:00Z",
    journey: ["2026-11-21T03:00:00Z", "2026-11-21T03:00:05Z", "2026-11-21T03:00:05Z", "2026-11-21T03:00:30Z"].map(step),
  } as unknown as CallRecord;
  expect([0, 4.9, 5, 29, 99].map((second) => stepAt(call, call.journey, second))).toEqual([0, 0, 2, 2, 3]);
});

it("does not say of a call that we made that it arrived", () => {
  const words = (["inbound", "outbound", "callback"] as const).map((direction) => wordOf({ what: "arrived" }, { direction }));
  expect(words).toEqual(["arrived", "arrived_outbound", "arrived_callback"]);
  expect(wordOf({ what: "answered" }, { direction: "outbound" })).toBe("answered");
  for (const catalogue of [ja, en]) expect(words.every((word) => `journey.${word}` in catalogue)).toBe(true);
});

it("tells decisions where they were taken, and offers once", () => {
  const step = (second: number, what: string) => ({ at: `2026-11-21T03:00:0${second}Z`, what }) as JourneyStep;
  const decision = (second: number, kind: string, by = "") =>
    ({ at: `2026-11-21T03:00:0${second}.5Z`, kind, words_ja: "日", words_en: "en", by }) as DecisionBody;
  const told = withDecisions(
    [step(0, "arrived"), step(2, "queued"), step(4, "offered"), step(4, "rang")],
    [decision(2, "step"), decision(4, "offered"), decision(4, "priority", "tanaka")],
  );
  expect(told.map((one) => one.what)).toEqual(["arrived", "queued", "decided", "offered", "rang", "decided"]);
  expect(told.map((one) => one.reason_en).filter(Boolean)).toEqual(["en", "en · tanaka"]);
});
