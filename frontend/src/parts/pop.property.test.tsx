// @vitest-environment happy-dom
/** The page itself, drawn, under random orders: no word of a caller who is not shown stands anywhere on it. */
import { act, cleanup, render } from "@testing-library/preact";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { reduce } from "../desk";
import { dialAsked } from "../dial";
import { choose } from "../i18n";
import { AgentPage } from "../pages/agent";
import { desk } from "../session";
import { callIdOf, wordOf } from "../testing/playedfacts";
import { PlayedServer } from "../testing/playedserver";
import { orders, type Step } from "../testing/playedsteps";
import { Announcer } from "./announcer";

// A frame that is drawn costs a hundred times one that is only reduced: desk.property.test.ts has the many orders.
const RUNS = 200;
const WORDS = [0, 1, 2, 3].map((n) => wordOf(callIdOf(n)));
/** What the server keeps of calls is asked for over HTTP; answers wait until the test lets them go, in any order. */
let waiting: (() => void)[] = [];

beforeEach(() => {
  choose("ja");
  dialAsked.value = true; // the day's lists are there, too
  vi.stubGlobal("fetch", (path: string) => {
    const callId = /calls\/([^/]+)\/after/.exec(path)?.[1];
    if (!callId) return Promise.reject(new TypeError("no network"));
    const others = [{ agent: "suzuki", note: wordOf(callId), reasons: [], version: 1, changed_at: "2026-11-21T09:00:00Z" }];
    const mine = { version: 1, note: wordOf(callId), reasons: [] };
    const body = { call_id: callId, mine, others, tickets: [], reason_required: false, has_tickets: false };
    return new Promise((resolve) => waiting.push(() => resolve(new Response(JSON.stringify(body), { status: 200 }))));
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  waiting = [];
  localStorage.clear();
});

/** Every word that is there for people: texts, what is typed, titles and labels. */
function words(page: HTMLElement): string {
  const typed = [...page.querySelectorAll("textarea, input")].map((one) => (one as HTMLInputElement).value);
  const said = [...page.querySelectorAll("[title], [aria-label]")].map((one) => `${one.getAttribute("title")} ${one.getAttribute("aria-label")}`);
  return [page.textContent, ...typed, ...said, document.title].join("\n");
}

async function play(page: HTMLElement, steps: readonly Step[]): Promise<void> {
  const server = new PlayedServer();
  const hear = async (): Promise<boolean> => {
    const frame = server.heard();
    if (!frame) return false;
    await act(() => {
      const next = reduce(desk.value, frame, Date.parse(frame.at));
      if (next.stale && !desk.value.stale) server.hello();
      desk.value = next;
    });
    check(page);
    return true;
  };
  for (const [turn, step] of steps.entries()) {
    if (step.do !== "deliver") server.play(step);
    else for (let n = 0; n < step.frames && (await hear()); n += 1);
    if (turn % 3 === 0 && waiting.length > 0) {
      await act(() => waiting.splice(turn % waiting.length, 1)[0]?.());
      check(page);
    }
  }
  server.connect();
  while (await hear());
  expect(desk.value.pop).toEqual(server.screen.pop);
}

function check(page: HTMLElement): void {
  const { pop } = desk.value;
  const text = words(page);
  const mine = pop && wordOf(pop.call_id);
  const strangers = WORDS.filter((word) => word !== mine && text.includes(word));
  if (strangers.length > 0) expect.fail(`${strangers} beside ${mine ?? "no call"}`);
  if (mine && !text.includes(mine)) expect.fail(`nothing of ${mine}`);
  const parts = [...page.querySelectorAll(".card-grid > .part")].map((one) => /part-(\w+)/.exec(one.className)?.[1]);
  const known = pop ? [pop.card.members.status, pop.card.reservations.status, pop.card.tickets.status, pop.card.calls.status] : [];
  if (parts.join() !== known.join()) expect.fail(`parts are drawn as ${parts}, and are ${known}`);
}

it(`draws nothing of a former caller in ${RUNS} random orders`, { timeout: 120_000 }, async () => {
  const { container } = render(
    <>
      <Announcer />
      <AgentPage />
    </>,
  );
  await fc.assert(
    fc.asyncProperty(orders, (steps) => play(container as HTMLElement, steps)),
    { numRuns: RUNS, endOnFailure: true },
  );
});
