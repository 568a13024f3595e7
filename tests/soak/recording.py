"""One long call on the whole desk, its sound known packet by packet: is each side where it was said, and what is lost?

usage: scripts/soak recording [--minutes 30] [--part call|store]

The part `store` (some 3 minutes) takes the object store away until recordings have no room any more, and gives it back:
what waited is stored oldest first, each once; what was not recorded is said (_storeaway.py).

The part `call`: a caller (440 Hz) and two agents (1000 and 700 Hz) who take turns: talk, the caller is silent, both are
silent, hold, hold by the phone's own button (re-INVITE, another SSRC), a pause of the recording; then the caller is
handed over: by turns a colleague is asked, swapped, joined and has the caller, the colleague is given the caller
unasked, or the caller is sent back to the queue. Every leg's RTP sequence numbers begin behind those of the one before,
with another SSRC. What is replayed is compared with the instants of the packets. Judged: nothing of anybody is lost,
each tone is on its side only and at its seconds, no side drifts by more than 20 ms, paused seconds are silent. The last
line is JSON; the exit status is 1 when one of that does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median
from typing import Any

from cti.demo.client import Person, logged_in
from cti.demo.folders import LOOPBACK, PortPool, run_folder
from cti.demo.stack import TENANT, Stack, running_stack
from cti.demo.tones import RATE_HZ, strength
from tests.e2e.desk.office import commanded, eventually, record_of, replayed
from tests.e2e.recording.rtp_phone import RtpPhone
from tests.soak._storeaway import away

PARTS = ("call", "store")
# Both agents may take it, and there is no menu before it.
NUMBER = "05012345010"
# Where a caller is sent back to; both agents have its skill.
QUEUE = "members"
CALLER_HZ, AGENTS_HZ = 440, {"sato": 1000, "suzuki": 700}
FRAME_S = 0.02
# What the issue promises, and the step in which a tone's edge is looked for.
DRIFT_S, STEP_S = 0.02, 0.01
# A single edge, from the middle of all: a frame, a packet, and what MixMonitor waits for a side are 20 to 40 ms each.
OFF_S = 0.15
# Of two tones at once each has half of the sound's strength.
HEARD = 0.2
# A piece below this is not counted; each piece loses its edges to the search.
LEAST_S, EDGE_S = 0.1, 0.06
# Asterisk may hold up to half a second of a side before it is written: a shorter silence would vanish in it.
MARK_S = 0.8
# A leg is recorded from its answer on, which its phone gives some steps of the dialplan earlier, to its own end.
LEG_S = 0.5
# Cut around a pause (recording.blanks: 0.75 s after it), with a second more where silence was put back.
MARGIN_S = 1.8
# How far behind its last numbers a phone begins its next leg: 20 s of packets, which would be lost if it mattered.
BACK = 1000

Span = tuple[float, float]


@dataclass
class Line:
    """The call, and who is on it."""

    desk: Stack
    call_id: str
    people: dict[str, Person]
    phones: dict[str, RtpPhone]
    marks: dict[str, list[float]]  # by phone: when it fell silent by itself, so that Asterisk lost no time there

    async def mark(self, *names: str) -> None:
        """One after the other falls silent for a moment while others talk: an edge whose instant is known."""
        for name in names:
            phone = self.phones[name]
            phone.talking.clear()
            await asyncio.sleep(MARK_S)
            self.marks[name].append(phone.sent[-1] + FRAME_S)
            phone.talking.set()
            await asyncio.sleep(0.5)

    async def ask(self, agent: str, command: str, to: str = "") -> None:
        await commanded(self.people[agent], command, to)

    async def phase(self, agent: str, wanted: str) -> None:
        await eventually(
            lambda: self.people[agent].get("/api/my/call"),
            lambda answer: bool(answer["talk"]) and answer["talk"]["phase"] == wanted,
            20.0,
        )


async def turn(line: Line, number: int, first: str, second: str) -> None:
    """The first agent's part, from talking with the caller to having given them to the second."""
    caller, agent = line.phones["caller"], line.phones[first]
    for name in AGENTS_HZ:
        line.phones[name].register_again()
    await asyncio.sleep(1)
    await line.mark("caller", first)
    # Where both are silent Asterisk loses time, and a buffer of 2 s is all that says where.
    await asyncio.sleep(2.5)
    caller.talking.clear()
    await asyncio.sleep(2)
    agent.talking.clear()
    await asyncio.sleep(1.5)
    agent.talking.set()
    caller.talking.set()
    await asyncio.sleep(2.5)
    await line.mark("caller", first)
    for command in ("hold", "resume", "record_pause", "record_resume"):
        await line.ask(first, command)
        await asyncio.sleep(2)
    await by_the_phone(agent, BACK)
    await by_the_phone(caller)
    await line.mark("caller", first)
    line.phones[second].jump(BACK)
    await HAND_OVERS[number % len(HAND_OVERS)](line, first, second)
    await line.phase(second, "talking")


async def by_the_phone(phone: RtpPhone, back: int = 0) -> None:
    """Its hold button: a re-INVITE, silence, another, and it sends as somebody else, so far behind."""
    phone.talking.clear()
    await phone.renew("sendonly")
    await asyncio.sleep(1.5)
    await phone.renew("sendrecv")
    phone.jump(back)
    phone.talking.set()
    await asyncio.sleep(1)


async def asked(line: Line, first: str, second: str) -> None:
    """The colleague is asked, waits, joins, and has the caller."""
    await line.ask(first, "consult", second)
    await line.phase(first, "consulting")
    for command in ("swap", "swap", "join"):
        await asyncio.sleep(1)
        await line.ask(first, command)
    await asyncio.sleep(2)
    await line.ask(first, "complete")


async def blind(line: Line, first: str, second: str) -> None:
    """The colleague is given the caller without being asked."""
    await line.ask(first, "to_agent", second)


async def to_queue(line: Line, first: str, second: str) -> None:
    """The caller waits again, and the colleague is the one who is free."""
    await line.people[second].set_state("available")
    await line.people[first].set_state("training")
    await line.ask(first, "to_queue", QUEUE)


HAND_OVERS = (asked, blind, to_queue)


@asynccontextmanager
async def a_line(desk: Stack) -> AsyncIterator[Line]:
    """A caller who talks with the first agent."""
    async with AsyncExitStack() as stack:
        server = (LOOPBACK, desk.ports.sip)
        phones = {
            name: await RtpPhone.agent(f"{TENANT}-{name}", desk.agent_secrets[name], server, hz=hz)
            for name, hz in AGENTS_HZ.items()
        }
        phones["caller"] = await RtpPhone.caller("09012345678", server, hz=CALLER_HZ)
        for phone in phones.values():
            stack.callback(phone.stop)
        people = {
            name: await stack.enter_async_context(logged_in(desk.web, name, desk.password(name))) for name in AGENTS_HZ
        }
        first, second = AGENTS_HZ
        await people[first].set_state("available")
        await people[second].set_state("training")
        await phones["caller"].dial(NUMBER)
        answer = await eventually(lambda: people[first].get("/api/my/call"), lambda said: bool(said["talk"]), 30.0)
        marks: dict[str, list[float]] = {name: [] for name in phones}
        line = Line(desk, answer["talk"]["call_id"], people, phones, marks)
        await line.phase(first, "talking")
        yield line


async def run(minutes: float) -> dict[str, Any]:
    """The call and its judgement."""
    with run_folder() as folder, PortPool() as ports:
        async with running_stack(folder, ports, lambda _: None) as desk, a_line(desk) as line:
            end_s, turns = time.monotonic() + minutes * 60, 0
            while turns < len(HAND_OVERS) or time.monotonic() < end_s:
                await turn(line, turns, *(tuple(AGENTS_HZ) if turns % 2 == 0 else tuple(AGENTS_HZ)[::-1]))
                turns += 1
            await asyncio.sleep(2)
            line.phones["caller"].hang_up()
            hung_up_at = time.time()
            await record_of(desk, line.call_id, lambda record: record["ended_at"] is not None)
            left, right = await replayed(desk, line.call_id, 60 + 10 * minutes)
            record = await record_of(desk, line.call_id, lambda r: bool((r["recording"] or {}).get("began_at")))
            return judged(line, record, left, right, turns, hung_up_at)


def judged(
    line: Line, record: Any, left: array[int], right: array[int], turns: int, hung_up_at: float
) -> dict[str, Any]:
    """What was promised and what is."""
    zero = datetime.fromisoformat(record["recording"]["began_at"]).timestamp()
    pauses = [(instant(pause["began_at"]) - zero, instant(pause["ended_at"]) - zero) for pause in record["pauses"]]
    sides = []
    for name, phone in line.phones.items():
        own, other = (left, right) if name == "caller" else (right, left)
        legs = (
            [(begin - zero, end - zero) for begin, end in phone.legs]
            if name != "caller"
            else [(0.0, hung_up_at - zero)]
        )
        hz = AGENTS_HZ.get(name, CALLER_HZ)
        sent, marks = ([at - zero for at in times] for times in (phone.sent, line.marks[name]))
        sides.append(side(name, own, other, hz, sent, marks, legs, pauses))
    wrong = [f"{one['side']} lost {one['lost_s']} s" for one in sides if one["lost_s"] > 0]
    wrong += [f"{one['side']} is heard on the other side" for one in sides if one["elsewhere_s"] > 0]
    wrong += [f"{one['side']} drifts by {one['drift_ms']} ms" for one in sides if one["drift_ms"] > 1000 * DRIFT_S]
    wrong += [f"{one['side']} is {one['edge_ms']} ms off" for one in sides if one["edge_ms"] > 1000 * OFF_S]
    for begin, end in pauses:
        loudest = max(max(map(abs, part(sound, begin, end)), default=0) for sound in (left, right))
        if loudest > 1:  # zero as it is encoded; Opus may give back the last bit
            wrong.append(f"the pause at {begin:.1f} s is not silent")
    length_s = round(len(left) / RATE_HZ, 3)
    return {"length_s": length_s, "turns": turns, "pauses": len(pauses), "sides": sides, "wrong": wrong}


def side(
    name: str,
    own: array[int],
    other: array[int],
    hz: int,
    sent: Sequence[float],
    marks: Sequence[float],
    legs: Sequence[Span],
    pauses: Sequence[Span],
) -> dict[str, Any]:
    """What of one phone's packets is heard, when, and where it is not to be heard."""

    def counts(at: float) -> bool:
        on_a_leg = any(begin + LEG_S <= at < end - LEG_S for begin, end in legs)
        return on_a_leg and not any(begin - MARGIN_S <= at < end + MARGIN_S for begin, end in pauses)

    said = [at for at in sent if counts(at)]
    heard = [(max(on, 0.0), off) for on, off in spans(own, hz)]
    inside = [step for on, off in heard for step in steps(on, off) if counts(step)]
    said_s, heard_s = FRAME_S * len(said), STEP_S * len(inside)
    spurts = 1 + sum(b - a > 0.1 for a, b in itertools.pairwise(said))
    late = [min((off - mark for _, off in heard), key=abs, default=99.0) for mark in marks]
    return {
        "side": name,
        "hz": hz,
        "said_s": round(said_s, 2),
        "heard_s": round(heard_s, 2),
        "lost_s": round(max(0.0, said_s - heard_s - spurts * EDGE_S), 2),
        "drift_ms": drift_ms(late),
        "edge_ms": round(1000 * max((abs(one - median(late)) for one in late), default=0.0)),
        "marks": [(round(mark, 2), round(1000 * ms)) for mark, ms in zip(marks, late, strict=True)],
        "bursts": [round(at, 2) for at in bursts(sent)],
        "elsewhere_s": round(sum(off - on for on, off in spans(other, hz)), 2),
    }


def bursts(sent: Sequence[float]) -> Sequence[float]:
    """When the phone itself was held up for 0.1 s or more and sent what it owed at once: its sound was not in time."""
    found: list[float] = []
    for first, fifth in zip(sent, sent[4:], strict=False):
        if fifth - first < FRAME_S and (not found or first - found[-1] > 1.0):
            found.append(first)
    return found


def drift_ms(late: Sequence[float]) -> int:
    """By how much the edges of the call's last third are later or earlier than those of its first."""
    third = max(1, len(late) // 3)
    return round(1000 * abs(median(late[-third:]) - median(late[:third]))) if late else 0


def steps(on: float, off: float) -> Sequence[float]:
    return [on + STEP_S * number for number in range(round((off - on) / STEP_S))]


def spans(samples: array[int], hz: float) -> list[Span]:
    """When a tone is heard: (from, to) in seconds."""
    step, found = round(STEP_S * RATE_HZ), []
    since: float | None = None
    for at in range(0, len(samples) + step, step):
        piece = samples[at : at + step]
        heard = len(piece) == step and max(piece) > 1500 and strength(piece, hz) > HEARD
        if heard and since is None:
            since = at / RATE_HZ
        elif not heard and since is not None:
            if at / RATE_HZ - since >= LEAST_S:
                found.append((since, at / RATE_HZ))
            since = None
    return found


def part(sound: array[int], begin_s: float, end_s: float) -> array[int]:
    return sound[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)]


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0, help="of talk; at least three turns are taken")
    parser.add_argument("--part", action="append", default=[], choices=PARTS, help="only this one")
    arguments = parser.parse_args()
    parts = arguments.part or PARTS
    result: dict[str, Any] = {"wrong": []}
    if "call" in parts:
        result = long_call(arguments.minutes)
    if "store" in parts:
        result["store"] = asdict(asyncio.run(away(lambda sentence: print(sentence, file=sys.stderr))))
        result["wrong"] += result["store"].pop("wrong")
    for sentence in result["wrong"]:
        print(f"WRONG: {sentence}")
    print(json.dumps(result))
    return 1 if result["wrong"] else 0


def long_call(minutes: float) -> dict[str, Any]:
    """The part `call`, with its table."""
    result = asyncio.run(run(minutes))
    columns = ("side", "hz", "said_s", "heard_s", "lost_s", "drift_ms", "edge_ms", "elsewhere_s")
    for row in (dict(zip(columns, columns, strict=True)), *result["sides"]):
        print("  ".join(f"{row[column]!s:>11}" for column in columns))
    return result


if __name__ == "__main__":
    sys.exit(main())
