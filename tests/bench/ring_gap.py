"""An agent becomes free while callers wait → the next INVITE at that agent's phone, beside app_queue and the floor.

20 agents, 60 callers at any time (so some 40 wait), ringing 0.1 to 0.4 s, talks of 0.7 to 4.3 s ended by the agent,
arrivals spread over 2 s, all at random. From Asterisk's own stamp on the Hangup of the agent's leg to the arrival of
the next INVITE at the SIPp that plays the agents' phones. No after-call work in any way. Two rounds, in each of them
the bare Redirect (the floor), app_queue (its waiters look once a second whether it is their turn) and ours, one after
the other on one Asterisk; counted are hand-overs until the last caller joined, so somebody always waits. Unit: ms.
"""

from __future__ import annotations

import argparse
import asyncio
import re

from tests.bench._desk import APP_QUEUE, FLOOR, OURS, PHONE, Desk, bench_desk, is_join, next_after, say, stamp
from tests.bench._report import Sample, case, line

AGENTS = 20
CALLERS = 60
AIM_MS, AIM_TIMES = 20.0, 2.0
_LEG = re.compile(rf"PJSIP/({PHONE}[0-9]+)-[0-9a-f]+\Z")


async def measure(calls: int, rounds: int) -> dict[str, list[float]]:
    """Gaps in ms, by way."""
    async with bench_desk(AGENTS, scenario="talk.xml", queues=(AGENTS,)) as desk:
        for _ in range(rounds):
            for way in (FLOOR, APP_QUEUE, OURS):
                turn = await desk.turn(
                    way, agents=AGENTS, scenario="wait.xml", calls=calls // rounds, rate_hz=30, limit=CALLERS
                )
                if turn.failed:
                    say(f"{way}: {turn.failed} calls failed")
        return gaps(desk)


def gaps(desk: Desk) -> dict[str, list[float]]:
    """From what the witness heard and what arrived at the phones."""
    frames, invites = desk.witness.frames(), desk.invites()
    found: dict[str, list[float]] = {OURS: [], APP_QUEUE: [], FLOOR: []}
    for turn in desk.turns:
        mine = [frame for frame in frames if turn.holds(stamp(frame))]
        last_join_s = max((stamp(frame) for frame in mine if is_join(frame, turn.way)), default=turn.began_s)
        for frame in mine:
            leg = _LEG.match(frame.get("Channel", "")) if frame["Event"] == "Hangup" else None
            if leg is None or stamp(frame) > last_join_s:
                continue
            rang_s = next_after(invites.get(leg[1], ()), stamp(frame))
            if rang_s is not None and turn.holds(rang_s):
                found[turn.way].append((rang_s - stamp(frame)) * 1000)
    return found


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=640, help="calls each way")
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    found = {way: Sample.of(values) for way, values in asyncio.run(measure(arguments.calls, arguments.rounds)).items()}
    ours, floor = found[OURS], found[FLOOR]
    cases = [case("vs-app_queue", ours, APP_QUEUE, found[APP_QUEUE]), case("vs-floor", ours, FLOOR, floor)]
    met = ours.p99 <= AIM_MS and ours.p99 <= AIM_TIMES * floor.p99 and min(s.n for s in found.values()) >= 500
    print(line("ring-gap", "ms", cases, f"p99 {AIM_MS:g} ms or less and {AIM_TIMES:g} × the floor or less", met))


if __name__ == "__main__":
    main()
