"""Events a second from bytes to facts (framing, translation, reduction), beside bare panoramisk that only parses them.

A real Asterisk serves real calls (menu left out; queue, ring, talk, end) and two witnesses write down its AMI stream:
one that hears everything (no filter, VarSet and Newexten too), one with our own user's filter. Then both streams are
read again and again, in pieces of 4 KiB as from a socket: by ours up to the facts of the call desk, and by
panoramisk's own protocol up to its Message objects, with nobody registered for them. Passes take turns; garbage is
collected as in the server. Unit: µs of CPU time an event, by pass; events_per_s is over all passes, and ratio is ours
÷ panoramisk of it (more is better).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from cti.ami.frames import Headers
from cti.ami.protocol import GuardedProtocol
from cti.ami.translate import WANTED, Skipped, translate
from cti.bus import Bus
from cti.calls import CallDesk
from cti.demo.asterisk import start_asterisk
from cti.demo.folders import LOOPBACK
from cti.demo.stack import TENANT, Stack
from cti.domain.errors import IllegalMove, NotFound
from cti.domain.model import AgentId, TenantId
from cti.domain.phone import parse_called, parse_caller
from cti.wiring.runtime import MIDDLE, OLD, YOUNG
from tests.bench._desk import OURS, PHONE, Desk, Witness, bench_desk, say
from tests.bench._report import Sample, line

PIECE = 4096
AGENTS = 20
AIM_UNFILTERED, AIM_FILTERED = 5.0, 1.0
EVERYTHING = """
[everything]
secret = {secret}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
writetimeout = 5000
read = all
write = call
"""


async def capture(calls: int) -> dict[str, bytes]:
    """The two streams of the same calls."""
    async with bench_desk(AGENTS, scenario="talk.xml", prepare=_tell_everything) as desk:
        unfiltered = await _listen(desk, "everything", desk.secrets["bench"])
        filtered = await _listen(desk, "kakehashi", desk.stack.secrets["ami"])
        await desk.turn(OURS, agents=AGENTS, scenario="wait.xml", calls=calls, rate_hz=20, limit=60)
        return {"unfiltered": b"".join(unfiltered.chunks), "filtered": b"".join(filtered.chunks)}


async def _tell_everything(stack: Stack, secrets: Mapping[str, str]) -> None:
    """Asterisk as it is without our manager.conf: no event is disabled. That needs a new start."""
    manager = stack.folders.etc / "manager.conf"
    kept = [text for text in manager.read_text().splitlines() if not text.startswith("disabledevents")]
    manager.write_text("\n".join(kept) + EVERYTHING.format(secret=secrets["bench"]))
    assert stack.asterisk is not None
    await stack.asterisk.stop()
    stack.asterisk = await start_asterisk(stack.run)


async def _listen(desk: Desk, user: str, secret: str) -> Witness:
    loop = asyncio.get_running_loop()
    _, witness = await loop.create_connection(lambda: Witness(user, secret), LOOPBACK, desk.stack.ports.ami)
    return witness


class _Endpoints:
    """Implements what the call desk needs of a directory."""

    def agent_of_endpoint(self, endpoint: str) -> tuple[TenantId, AgentId] | None:
        agent = endpoint.removeprefix(f"{TENANT}-")
        return (TenantId(TENANT), AgentId(agent)) if endpoint.startswith(PHONE) else None

    def endpoint_of(self, tenant: TenantId, agent: AgentId) -> str:
        raise NotFound(f"nobody calls {agent} of {tenant} here")


class _Reduction:
    """What a connection tells goes through translation into the call desk, at once."""

    def __init__(self, now: datetime) -> None:
        self.desk = CallDesk(Bus(), _Endpoints(), parse_caller=parse_caller, parse_called=parse_called)
        self._now = now
        self.illegal = 0

    def frame_received(self, frame: Headers) -> None:
        signal = translate(frame, self._now)
        if not isinstance(signal, Skipped):
            try:
                self.desk.apply(signal)
            except IllegalMove:
                self.illegal += 1

    def protocol_lost(self, protocol: GuardedProtocol, error: BaseException | None) -> None:
        raise AssertionError(error)


def ours(pieces: list[bytes], now: datetime) -> int:
    """One pass; signals accepted."""
    reduction = _Reduction(now)
    protocol = GuardedProtocol(reduction, WANTED)
    for piece in pieces:
        protocol.data_received(piece)
    return reduction.desk.stats.accepted


def bare(pieces: list[bytes], now: datetime) -> int:
    """One pass of panoramisk's own protocol; nobody listens."""
    manager = Manager()
    manager.callbacks.clear()
    manager.patterns.clear()
    protocol = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory = manager
    protocol.encoding = "utf8"
    for piece in pieces:
        protocol.data_received(piece)
    return 0


async def compare(stream: bytes, passes: int) -> tuple[dict[str, Any], dict[str, Any], float]:
    """Ours, the peer's, and the ratio of their events a second."""
    # Shutdown would close panoramisk's connection; nothing of it is in a stream of calls.
    events = stream.count(b"\r\nEvent: ")
    pieces = [stream[begin : begin + PIECE] for begin in range(0, len(stream), PIECE)]
    now = datetime.now(UTC)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    times: dict[Callable[[list[bytes], datetime], int], list[float]] = {ours: [], bare: []}
    for _ in range(passes):
        for way, spent in times.items():
            began = time.process_time()
            way(pieces, now)
            spent.append(time.process_time() - began)
    if not ours(pieces, now):
        raise SystemExit("the stream holds no calls")
    mine, theirs = (_figures(times[way], events) for way in (ours, bare))
    say(f"{events} events a pass, {mine['events_per_s']} and {theirs['events_per_s']} a second")
    return mine, theirs, round(mine["events_per_s"] / theirs["events_per_s"], 2)


def _figures(spent: list[float], events: int) -> dict[str, Any]:
    sample = Sample.of([s / events * 1e6 for s in spent])
    return {**sample.__dict__, "events_per_s": round(events * len(spent) / sum(spent))}


async def measure(calls: int, passes: int) -> tuple[list[dict[str, Any]], bool]:
    """The cases, and whether the aim is met."""
    cases, met = [], True
    streams = await capture(calls)
    for name, aim in (("unfiltered", AIM_UNFILTERED), ("filtered", AIM_FILTERED)):
        mine, theirs, ratio = await compare(streams[name], passes)
        cases.append({"case": name, "ours": mine, "peer": {"name": "bare panoramisk", **theirs}, "ratio": ratio})
        met = met and ratio >= aim
    return cases, met


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=60, help="calls in the captured streams")
    parser.add_argument("--passes", type=int, default=500)
    arguments = parser.parse_args()
    cases, met = asyncio.run(measure(arguments.calls, arguments.passes))
    aim = f"events/s: {AIM_UNFILTERED:g} × panoramisk unfiltered, {AIM_FILTERED:g} × filtered"
    print(line("ami", "µs", cases, aim, met))


if __name__ == "__main__":
    main()
