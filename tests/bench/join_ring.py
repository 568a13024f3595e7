"""A caller begins to wait while agents are idle → the INVITE at an agent's phone, beside app_queue and the floor.

20 agents at 5 calls/s, and 1,000 agents at 20 calls/s; callers come at random within 2 s and leave 0.8 to 1.6 s after
they were answered. From Asterisk's own stamp on the event that says that the caller waits (ours CtiQueued,
app_queue's QueueCallerJoin, the floor's BenchWaits) to the arrival of the INVITE at the SIPp that plays the agents'
phones. The bare Redirect (the floor), app_queue and ours take turns on one Asterisk. Unit: ms.

Case decision-1000-agents: only what our routing engine computes for one such caller, with 1,000 agents beside 20
(peer); in this process, with no I/O, interleaved. Unit: ms as well.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from cti.domain.model import AgentId, AgentState, CallId, OfferId, OfferOutcome, PhoneState, QueueId
from routing import model as m
from routing.engine import Engine
from tests.bench._desk import APP_QUEUE, FLOOR, OURS, PHONE, Desk, bench_desk, is_join, next_after, say, stamp
from tests.bench._report import Sample, case, line

SIZES = ((20, 5.0), (1000, 20.0))
WAYS = (FLOOR, APP_QUEUE, OURS)
AIM_TIMES, AIM_DECISION_TIMES = 1.5, 1.2
# DialBegin and the INVITE leave Asterisk side by side; a phone's last INVITE is a second ago at least.
BESIDE_S = 0.2
_LEG = re.compile(rf"PJSIP/({PHONE}[0-9]+)-[0-9a-f]+\Z")


async def measure(calls: int, rounds: int) -> dict[tuple[int, str], list[float]]:
    """Waits in ms, by agents and way, which take turns: what else happens on the machine hits all three."""
    found: dict[tuple[int, str], list[float]] = defaultdict(list)
    most = max(agents for agents, _ in SIZES)
    plan = [(agents, rate_hz, way) for agents, rate_hz in SIZES for _ in range(rounds) for way in WAYS]
    async with bench_desk(most, scenario="answer.xml", queues=[agents for agents, _ in SIZES]) as desk:
        for agents, rate_hz, way in plan:
            turn = await desk.turn(
                way, agents=agents, scenario="call.xml", calls=calls // rounds, rate_hz=rate_hz, limit=1000
            )
            if turn.failed:
                say(f"{way}: {turn.failed} calls failed")
        for index, (agents, _, way) in enumerate(plan):
            found[agents, way] += waits(desk, index)
    return found


def waits(desk: Desk, index: int) -> list[float]:
    """Of one turn, from what the witness heard and what arrived at the phones.

    The thread that writes AMI stamps an event up to 0.7 ms after it happened: app_queue's fastest INVITEs are there
    before the stamp of QueueCallerJoin. Those waits count as 0.
    """
    turn, invites = desk.turns[index], desk.invites()
    joined: dict[str, float] = {}
    found: dict[str, float] = {}  # by caller: only the first ring
    for frame in desk.witness.frames():
        at_s = stamp(frame)
        if not turn.holds(at_s):
            continue
        if is_join(frame, turn.way):
            joined.setdefault(frame["Uniqueid"], at_s)
        elif frame["Event"] == "DialBegin":
            leg = _LEG.match(frame.get("DestChannel", ""))
            caller = frame.get("Uniqueid", "")
            began_s = joined.get(caller)
            if leg is None or began_s is None or caller in found:
                continue
            rang_s = next_after(invites.get(leg[1], ()), at_s - BESIDE_S)
            if rang_s is not None and rang_s - at_s < 1.0:
                found[caller] = max(0.0, rang_s - began_s) * 1000
    return list(found.values())


def decisions(agents: int, calls: int) -> list[float]:
    """How long the engine takes to decide about one caller, in ms; all but the agents who talk are idle."""
    queue = m.QueueRule(queue=QueueId("all"), wrap_up_s=0)
    number = iter(range(10_000_000))
    engine = Engine(lambda: OfferId(f"{next(number):032x}"))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    staff = [AgentId(f"a{n}") for n in range(agents)]
    engine.advance(
        m.DeskLoaded(rules=m.DeskRules(queues=(queue,), agents=tuple(m.AgentRule(agent=a, skills={}) for a in staff))),
        now,
    )
    for agent in staff:
        engine.advance(m.PhoneIs(agent=agent, phone=PhoneState.IDLE), now)
        engine.advance(m.AgentChooses(agent=agent, state=AgentState.AVAILABLE, reason=""), now)
    found = []
    for call in range(calls):
        now += timedelta(milliseconds=50)
        told = m.CallWaits(call_id=CallId(f"c{call}"), queue=queue.queue, queued_at=now)
        began = time.perf_counter()
        made = engine.advance(told, now)
        found.append((time.perf_counter() - began) * 1000)
        (offer,) = (decision for decision in made if isinstance(decision, m.Offered))
        engine.advance(m.OfferRang(offer_id=offer.offer_id, call_id=offer.call_id, agent=offer.agent), now)
        engine.advance(m.OfferOver(offer_id=offer.offer_id, outcome=OfferOutcome.ACCEPTED), now)
        engine.advance(m.AgentFree(agent=offer.agent, call_id=offer.call_id), now)
        engine.advance(m.CallGone(call_id=offer.call_id), now)
    return found


def _decision_case(calls: int) -> dict[str, object]:
    many: list[float] = []
    few: list[float] = []
    for _ in range(10):  # turns of each, so that what else happens on the machine hits both
        few += decisions(20, calls // 10)
        many += decisions(1000, calls // 10)
    return case("decision-1000-agents", Sample.of(many), "ours with 20 agents", Sample.of(few))


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=520, help="calls each way and size")
    parser.add_argument("--rounds", type=int, default=4, help="turns of each way")
    arguments = parser.parse_args()
    measured = asyncio.run(measure(arguments.calls, arguments.rounds))
    found = {key: Sample.of(values) for key, values in measured.items()}
    cases = []
    for agents, _ in SIZES:
        ours = found[agents, OURS]
        cases.append(case(f"{agents}-agents", ours, FLOOR, found[agents, FLOOR]))
        cases.append(case(f"{agents}-agents-app_queue", ours, APP_QUEUE, found[agents, APP_QUEUE]))
    decision = _decision_case(20_000)
    met = all(case["ratio"] <= AIM_TIMES for case in cases if case["peer"]["name"] == FLOOR)
    met = met and min(sample.n for sample in found.values()) >= 500
    decided = decision["ours"]["p50"] <= AIM_DECISION_TIMES * decision["peer"]["p50"]  # type: ignore[index]
    aim = (
        f"p99 {AIM_TIMES:g} × the floor; our decision with 1,000 agents at most {AIM_DECISION_TIMES:g} × with 20 (p50)"
    )
    print(line("join-ring", "ms", [*cases, decision], aim, met and decided))


if __name__ == "__main__":
    main()
