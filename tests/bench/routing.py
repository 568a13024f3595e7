"""Time of a routing decision at up to 10,000 agents and 10,000 waiting calls, beside an engine that scores everybody.

The engine alone, under virtual time: callers come, agents get free, 5 % of the offers are rejected. 100 skills, 30 of
them an agent at random levels; a caller asks for one of 200 expressions (one to three skills with levels, or AND, OR
and NOT in a plan of two steps), in 30 queues with three priorities. A case AxC: A agents. Half of its decisions are
made while all of them talk and C callers wait, half while half of them are idle and nobody waits. Timed is each input
that asks for a decision: a caller begins to wait, an agent gets free, an offer is rejected, a step of a plan is over;
CPU time of the thread, collections of garbage included, set as in the server. The peer is the same engine above an
index that looks at every agent and every call; both are told the same, and it is checked that they decide the same.
per_s: decisions a second of one core; agent_bytes, call_bytes: what one more of each costs in memory.

Case worst: the dearest single inputs at 10,000 agents, and what each costs: a requirement that nobody asked for before
while all agents are idle; an agent gets free whom none of 200 groups may ask but the last; somebody logs out who was a
caller's last hope, so that all who wait are looked at. p50 and p99 are over all of them. publish_ms and reload_ms: a
plan of one queue changes, or all rules change, while 10,000 wait. Unit: µs; n: decisions.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from cti.domain.model import AgentId, AgentState, CallId, OfferId, PhoneState, QueueId, SkillLevel
from cti.wiring.runtime import MIDDLE, OLD, YOUNG
from routing import model as m
from routing.engine import Engine
from routing.expression import InProfile, Named
from routing.index import Index
from tests.bench._centre import SKILLS, Centre
from tests.bench._report import Sample, case, line
from tests.unit.routing.reference import ScanIndex

SIZES = {"100x1": (100, 1), "1000x1000": (1000, 1000), "10000x10000": (10_000, 10_000)}
# Decisions of the peer that are timed and compared: at the largest size it takes some 20 ms for one.
PEER = {"100x1": 4000, "1000x1000": 1000, "10000x10000": 120}
PEER_NAME = "every agent for every call"
AIM_US = 100.0
AIM_GROWTH = 2.0
SEED = 1


def busy(agents: int, waiting: int, index: Index | None = None) -> Centre:
    """All talk, so many wait."""
    centre = Centre(agents, SEED, index)
    centre.occupy(1.0)
    centre.fill(waiting)
    return centre


def quiet(agents: int, index: Index | None = None) -> Centre:
    """Half of them talk, nobody waits."""
    centre = Centre(agents, SEED, index)
    centre.occupy(0.5)
    return centre


def measured(centre: Centre, decisions: int, turn: Callable[[Centre], None]) -> Centre:
    """Timed until there are enough."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    while len(centre.times_us) < decisions:
        turn(centre)
    gc.unfreeze()
    return centre


def busy_turn(centre: Centre) -> None:
    """One is served, one more comes."""
    centre.agent_gets_free()
    centre.call_comes()


def quiet_turn(centre: Centre) -> None:
    """One comes and is served, one gets free."""
    centre.call_comes()
    centre.agent_gets_free()


def sized(name: str, decisions: int) -> dict[str, Any]:
    """One case."""
    agents, waiting = SIZES[name]
    ours: list[float] = []
    peers: list[float] = []
    ways: tuple[tuple[Callable[[Centre], None], Callable[[Index | None], Centre]], ...] = (
        (busy_turn, lambda index: busy(agents, waiting, index)),
        (quiet_turn, lambda index: quiet(agents, index)),
    )
    for turn, make in ways:
        say(f"{name}: {turn.__name__.removesuffix('_turn')}")
        mine = measured(make(None), decisions // 2, turn)
        peer = measured(make(ScanIndex()), PEER[name] // 2, turn)
        same = min(len(mine.made), len(peer.made))
        if not same or mine.made[:same] != peer.made[:same]:
            raise SystemExit(f"{name}: the two engines decide differently")
        ours += mine.times_us
        peers += peer.times_us
    found = case(name, Sample.of(ours), PEER_NAME, Sample.of(peers))
    found["per_s"] = round(1e6 * len(ours) / sum(ours))
    return found | memory(agents, waiting)


def memory(agents: int, waiting: int) -> dict[str, Any]:
    """Bytes of one agent and of one waiting call, of all that the engine keeps (the rules it was told not counted)."""
    if agents < 1000:
        return {}
    centre = Centre(agents, SEED)
    calls = [centre.new_call() for _ in range(waiting)]
    tracemalloc.start()
    engine = Engine(lambda: OfferId(""))
    engine.advance(m.DeskLoaded(rules=centre.rules), centre.now)
    for agent in centre.rules.agents:
        engine.advance(m.PhoneIs(agent=agent.agent, phone=PhoneState.IDLE), centre.now)
    with_agents = tracemalloc.get_traced_memory()[0]
    for told in calls:
        engine.advance(told, centre.now)
    with_calls = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return {"agent_bytes": with_agents // agents, "call_bytes": (with_calls - with_agents) // waiting}


# --- The worst -------------------------------------------------------------------------------------


def worst(times: int) -> dict[str, Any]:
    """The dearest inputs at 10,000 agents and 10,000 calls."""
    found: dict[str, list[float]] = {}
    for name, inputs in (
        ("new_requirement", _new_requirements),
        ("last_group", _last_group),
        ("last_one_leaves", _last_one),
    ):
        say(f"worst: {name}")
        found[name] = list(inputs(times))
    everything = [took for values in found.values() for took in values]
    peer = measured(busy(10_000, 10_000, ScanIndex()), 20, busy_turn)
    told = case("worst", Sample.of(everything), PEER_NAME, Sample.of(peer.times_us))
    return told | {name: Sample.of(values).__dict__ for name, values in found.items()} | _reloads_ms()


def _timed(centre: Centre, told: m.Told) -> float:
    begin = time.thread_time_ns()
    centre.engine.advance(told, centre.now)
    return (time.thread_time_ns() - begin) / 1000


def _new_requirements(times: int) -> Iterator[float]:
    """Each asks for what nobody asked for before; everybody is idle."""
    centre = Centre(10_000, SEED)
    for number in range(times):
        extra = tuple(
            SkillLevel(skill=SKILLS[(number + n * 7) % 100], level=1 + number % 3) for n in range(3 + number // 100)
        )
        told = m.CallWaits(call_id=CallId(f"w{number}"), queue=QueueId("q0"), queued_at=centre.now, skills=extra)
        yield _timed(centre, told)


def _last_group(times: int) -> Iterator[float]:
    """An agent gets free whom none of the 10,000 may ask but the very last."""
    centre = busy(10_000, 10_000)
    agent = AgentId("last")
    rules = replace(centre.rules, agents=(*centre.rules.agents, m.AgentRule(agent=agent, skills={}, profile="last")))
    want = m.Step(want=InProfile("last"), expires_s=None)
    queue = replace(centre.rules.queues[0], queue=QueueId("last"), priority=-5, steps=(want,))
    centre.tell(m.DeskLoaded(rules=replace(rules, queues=(*rules.queues, queue))))
    centre.tell(m.PhoneIs(agent=agent, phone=PhoneState.IDLE))
    for number in range(times):
        centre.tell(m.AgentChooses(agent=agent, state=AgentState.BREAK, reason=""))
        centre.tell(m.CallWaits(call_id=CallId(f"l{number}"), queue=queue.queue, queued_at=centre.now))
        yield _timed(centre, m.AgentChooses(agent=agent, state=AgentState.AVAILABLE, reason=""))
        centre.tell(m.CallGone(call_id=CallId(f"l{number}")))


def _last_one(times: int) -> Iterator[float]:
    """Somebody logs out who was the last hope of a caller: all who wait are looked at."""
    centre = busy(10_000, 10_000)
    agent = AgentId("a0")
    queue = replace(
        centre.rules.queues[0], queue=QueueId("hers"), steps=(m.Step(want=Named(frozenset({agent})), expires_s=None),)
    )
    centre.tell(m.DeskLoaded(rules=replace(centre.rules, queues=(*centre.rules.queues, queue))))
    centre.tell(m.CallWaits(call_id=CallId("hers"), queue=queue.queue, queued_at=centre.now))
    for _ in range(min(times, 20)):
        yield _timed(centre, m.AgentChooses(agent=agent, state=AgentState.OFFLINE, reason=""))
        centre.tell(m.AgentChooses(agent=agent, state=AgentState.BREAK, reason=""))


def _reloads_ms() -> dict[str, float]:
    """A plan of one queue is published, then everything changes, while 10,000 wait."""
    centre = busy(10_000, 10_000)
    first, *others = centre.rules.queues
    rules = replace(centre.rules, queues=(replace(first, priority=first.priority + 1), *others))
    publish_us = _timed(centre, m.DeskLoaded(rules=rules))
    rules = replace(rules, limits=replace(rules.limits, skip_s=31.0))
    reload_us = _timed(centre, m.DeskLoaded(rules=rules))
    return {"publish_ms": round(publish_us / 1000, 1), "reload_ms": round(reload_us / 1000, 1)}


def say(what: str) -> None:
    """Progress."""
    print(what, file=sys.stderr, flush=True)


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"{', '.join(SIZES)}, worst; all of them without")
    parser.add_argument("--decisions", type=int, default=20_000, help="timed decisions of ours a case")
    arguments = parser.parse_args()
    wanted = arguments.cases or [*SIZES, "worst"]
    if unknown := set(wanted) - {*SIZES, "worst"}:
        parser.error(f"no case {', '.join(sorted(unknown))}")
    cases = [worst(200) if name == "worst" else sized(name, arguments.decisions) for name in wanted]
    by_name = {found["case"]: found["ours"] for found in cases}
    large, small = by_name.get("10000x10000"), by_name.get("100x1")
    met = bool(large and large["p99"] <= AIM_US)
    met = met and bool(small and large and large["p50"] <= AIM_GROWTH * small["p50"])
    aim = f"p99 {AIM_US:g} µs at 10,000 agents and calls; p50 there at most {AIM_GROWTH:g} × that at 100"
    print(line("routing", "µs", cases, aim, met))


if __name__ == "__main__":
    main()
