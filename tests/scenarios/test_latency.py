"""From AMI's bytes to a fact in a subscriber's hands: a captured call, many times, without the socket.

In CPU time of this thread, so that a busy machine does not fail it; scripts/bench pop measures by the clock.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

from cti.ami.frames import FrameSplitter
from cti.ami.translate import WANTED, Skipped, translate
from cti.bus import Bus
from cti.domain import events as ev
from cti.domain.model import CallId
from cti.domain.signals import CallerQueued, OfferDecided
from tests.scenarios.tables import CALL, COLUMNS, TENANT, Kept, _headers, a_desk
from tests.unit.ami.test_actions import an_offer

# The rest of a channel snapshot, as wide as Asterisk sends it.
WIDE = (
    "ChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: 09012345678\r\nCallerIDName: <unknown>\r\n"
    "ConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: ja\r\nAccountCode: x\r\n"
    "Context: cti-connect\r\nExten: s\r\nPriority: 9\r\nLinkedid: 1795300079.0\r\n"
)
CALLS = 300
MEDIAN_MS = 1.0


def frames() -> list[dict[str, str]]:
    """The captured call, without our own decisions."""
    rows = (Path(__file__).parent / "tables/caller_ends.txt").read_text().splitlines()
    cells = [dict(zip(COLUMNS, [c.strip() for c in row.split(" | ")], strict=False)) for row in rows]
    return [
        {**_headers(c, dict(p.split("=", 1) for p in c.get("more", "").split("; ") if p)), "Timestamp": c["at"]}
        for c in cells
        if c["event"] != "(offer)"
    ]


def wire(frame: dict[str, str], number: int) -> bytes:
    lines = "".join(f"{k}: {v}\r\n" for k, v in frame.items() if k != "Event")
    text = f"Event: {frame['Event']}\r\nPrivilege: call,all\r\n{WIDE}{lines}\r\n"
    return text.replace(CALL, call_id(number)).replace("1795300", f"{number:07d}").encode()


def call_id(number: int) -> CallId:
    return CallId(f"{number:08x}" + CALL[8:])


async def test_from_bytes_to_subscriber_in_well_under_a_millisecond() -> None:
    bus, taken = Bus(), asyncio.Event()
    began_s = 0.0
    took_ms: list[float] = []

    def take(_event: ev.CallRinging) -> None:
        took_ms.append((time.thread_time() - began_s) * 1000)
        taken.set()

    async def others(_event: ev.Event) -> None: ...

    for number in range(8):  # routing, records, recording, linking, metrics …
        bus.subscribe(f"other {number}", others, kinds=(ev.Event,))
    bus.subscribe("pop", take, kinds=(ev.CallRinging,))
    desk = a_desk(Kept())
    desk._bus = bus
    await bus.start()
    await desk.start()
    splitter = FrameSplitter(WANTED)
    splitter.feed(b"Asterisk Call Manager/11.0.0\r\n")
    captured = frames()
    for number in range(1, CALLS + 1):
        for frame in captured:
            if frame["Event"] == "DialBegin":
                taken.clear()
            began_s = time.thread_time()
            for headers in splitter.feed(wire(frame, number)):
                signal = translate(headers, datetime.now(UTC))
                if isinstance(signal, Skipped):
                    continue
                desk.post(signal)
                if isinstance(signal, CallerQueued):
                    offer = an_offer(f"{number:032x}")
                    object.__setattr__(offer, "call_id", call_id(number))
                    desk.post(OfferDecided(at=signal.at, offer=offer))
            if frame["Event"] == "DialBegin":
                await asyncio.wait_for(taken.wait(), 5)
        await asyncio.sleep(0)
    await desk.stop()
    await bus.stop()
    assert len(took_ms) == CALLS
    assert desk.stats.live == 0
    assert TENANT == "demo"
    took_ms.sort()
    print(f"p50 {took_ms[CALLS // 2]:.3f} ms, p99 {took_ms[CALLS * 99 // 100]:.3f} ms, max {took_ms[-1]:.3f} ms")
    assert took_ms[CALLS // 2] < MEDIAN_MS
