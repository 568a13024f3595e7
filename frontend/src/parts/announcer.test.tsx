// @vitest-environment happy-dom
import { act, cleanup, render } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Desk, emptyDesk } from "../desk";
import { choose } from "../i18n";
import { desk } from "../session";
import { AT, pending, wordOf } from "../testing/playedfacts";
import type { LineBody, Pop } from "../wire";
import { Announcer } from "./announcer";
import { TalkControls } from "./talk";

const CALL = "00000000-0000-4000-8000-000000000001";
const pop: Pop = {
  offer_id: "offer-1", call_id: CALL, revision: 1, phase: "ringing", number_called: "", queue: null,
  caller: { kind: "number", e164: null, national: wordOf(CALL) }, reason_ja: "", reason_en: "", callback: false, reach: null,
  menu: null, arrived_at: AT, queued_at: AT, wait_s: 0, attempt: 1, rang_at: AT, answered_at: null, card: pending,
};
const talk: LineBody = {
  call_id: CALL, may: ["hold"], outside: null, partner: null, phase: "talking", role: "first", since: AT,
  recording: { state: "on", since: null, until: null, may: ["record_pause"] },
};

beforeEach(() => {
  choose("en");
  vi.useFakeTimers();
});
afterEach(() => {
  cleanup();
  desk.value = emptyDesk;
  vi.useRealTimers();
});

/** The desk as the server says, and the two frames that what is seen goes before. */
const show = (next: Desk) =>
  act(() => {
    desk.value = next;
    vi.advanceTimersByTime(50);
  });

const region = (live: string): HTMLElement => {
  const found = document.querySelector<HTMLElement>(`[aria-live=${live}]`);
  if (!found) throw new Error(`no ${live} region`);
  return found;
};

it("adds a line for what is new and leaves those before untouched", async () => {
  render(<Announcer />);
  await show({ ...emptyDesk, pop });
  const first = region("assertive").firstElementChild;
  expect(first?.textContent).toContain(wordOf(CALL));
  expect(first?.getAttribute("lang")).toBe("ja"); // said by a voice that can
  await show({ ...emptyDesk, pop: { ...pop, phase: "talking" } });
  expect(region("assertive").firstElementChild).toBe(first);
  expect(region("polite").textContent).toBe("Talking");
});

it("keeps nothing of a caller: not when the next one comes, and not for long", async () => {
  render(<Announcer />);
  await show({ ...emptyDesk, pop });
  await show(emptyDesk);
  expect(document.body.textContent).not.toContain(wordOf(CALL));
  await show({ ...emptyDesk, pop });
  await act(() => void vi.advanceTimersByTime(10_000));
  expect(document.body.textContent).toBe("");
});

it("keeps the keyboard at the controls when the button that was pressed goes", async () => {
  const { rerender, container } = render(<TalkControls talk={talk} />);
  const button = (text: string) => [...container.querySelectorAll("button")].find((one) => one.textContent === text);
  button("Hold")?.focus();
  rerender(<TalkControls talk={{ ...talk, phase: "held", may: ["resume"] }} />);
  expect(document.activeElement).toBe(button("Resume"));
  button("Pause recording")?.focus();
  rerender(<TalkControls talk={{ ...talk, recording: { state: "pausing", since: null, until: null, may: [] } }} />);
  expect(document.activeElement?.className).toContain("talk-record");
});
