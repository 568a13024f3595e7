/** The pop under random orders of offer, update, withdraw, transfer and reconnect: always what the server showed. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Desk, emptyDesk, reduce } from "./desk";
import { PlayedServer } from "./testing/playedserver";
import { orders, type Step } from "./testing/playedsteps";

const RUNS = 10_000;

/** Deep equality, quicker than toEqual, which makes the report of a difference as well. */
function same(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const keys = Object.keys(one);
  const both = one as Record<string, unknown>;
  const second = other as Record<string, unknown>;
  return keys.length === Object.keys(other).length && keys.every((key) => key in other && same(both[key], second[key]));
}

/** A page that does what session.ts does with each frame: reduce it, and ask anew once when something is missing. */
class Page {
  desk: Desk = emptyDesk;

  constructor(readonly server: PlayedServer) {}

  hear(): boolean {
    const frame = this.server.heard();
    if (frame === undefined) return false;
    const next = reduce(this.desk, frame, Date.parse(frame.at));
    if (next.stale && !this.desk.stale) this.server.hello();
    this.desk = next;
    return true;
  }

  /** What is shown is exactly what the server showed after the last number that this page took. */
  check(): void {
    const { desk } = this;
    if (desk.streamId === null) return void expect(desk.pop).toBeNull();
    const shown = this.server.at(desk.streamId, desk.agentSeq);
    if (!shown || !same([desk.pop, desk.talk, desk.agent], [shown.pop, shown.talk, shown.agent])) expect({ pop: desk.pop, talk: desk.talk, agent: desk.agent }).toEqual(shown);
    if (desk.ended !== null && desk.pop?.phase !== "ended") expect.fail("the end of a call that is not shown");
    if (desk.missed !== null && desk.pop !== null) expect.fail("a missed call beside another one");
  }
}

function play(steps: readonly Step[]): void {
  const page = new Page(new PlayedServer());
  for (const step of steps) {
    if (step.do !== "deliver") page.server.play(step);
    else
      for (let n = 0; n < step.frames && page.hear(); n += 1) page.check();
  }
  while (page.hear()) page.check();
  // A frame that was lost last shows itself with the next one; a connection that is new brings the whole truth.
  page.server.connect();
  while (page.hear()) page.check();
  const { screen } = page.server;
  expect([page.desk.pop, page.desk.talk, page.desk.stale]).toEqual([screen.pop, screen.talk, false]);
}

it(`shows what the server showed, number by number, under ${RUNS} random orders`, { timeout: 60_000 }, () => {
  fc.assert(fc.property(orders, play), { numRuns: RUNS });
});

it("plays orders in which every kind of message is heard, lost, doubled and taken back", () => {
  // A property over orders in which nothing happens would hold of any page.
  const seen = new Map<string, number>();
  const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  for (const steps of fc.sample(orders, { numRuns: 500, seed: 5 })) {
    const page = new Page(new PlayedServer());
    for (const step of steps) {
      if (step.do !== "deliver") page.server.play(step);
      else
        for (let n = 0; n < step.frames; n += 1) {
          const next = page.server.line[0];
          if (next) count(next.stream === "agent" && next.seq <= page.desk.agentSeq ? "old" : next.type);
          page.hear();
          if (page.desk.stale) count("gap");
          if (page.desk.pop?.card.members.status === "stale") count("stale part");
          if (page.desk.pop?.card.tickets.status === "unavailable") count("unavailable part");
        }
    }
  }
  for (const what of ["snapshot", "pop.offer", "pop.update", "pop.withdraw", "pop.answered", "call.ended", "call.talk", "agent.state"]) {
    expect(seen.get(what) ?? 0, what).toBeGreaterThan(50);
  }
  for (const what of ["old", "gap", "stale part", "unavailable part"]) expect(seen.get(what) ?? 0, what).toBeGreaterThan(50);
});
