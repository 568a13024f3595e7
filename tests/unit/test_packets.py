"""Phones are watched once a recording stood still, channel by channel, until the call is over."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime

from cti.domain.errors import NotFound, Unavailable
from cti.domain.events import CallEnded, Event, PhoneWatched, RecordingStarted, RecordingStoodStill
from cti.domain.model import CallId, ChannelName, TenantId
from cti.packets import PacketWatch
from tests.unit.web.fakes import call_id, closed_call

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TENANT = TenantId("demo")
CALL = call_id(1)
CALLER, AGENT = ChannelName("PJSIP/trunk-00000001"), ChannelName("PJSIP/demo-sato-00000002")
STILL = RecordingStoodStill(at=AT, tenant=TENANT, call_id=CALL)


class Asterisk:
    """Counts of packets: each look is a tenth of a second later, and so many came meanwhile."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.counts: dict[ChannelName, int | Exception] = {CALLER: 0, AGENT: 0}
        self.sends = {CALLER: 5, AGENT: 5}
        self.asked: list[ChannelName] = []

    def now(self) -> float:
        return self.now_s

    async def packets_received(self, *, channel: ChannelName) -> int:
        self.asked.append(channel)
        if channel == CALLER:
            self.now_s += 0.1
        found = self.counts[channel]
        if isinstance(found, Exception):
            raise found
        self.counts[channel] = found + self.sends[channel]
        return found + self.sends[channel]


class Heard:
    """What was published."""

    def __init__(self) -> None:
        self.told: list[PhoneWatched] = []

    def publish(self, event: Event) -> None:
        assert isinstance(event, PhoneWatched)
        self.told.append(event)

    def of(self, file: str) -> list[PhoneWatched]:
        return [one for one in self.told if one.file == file]


def started(file: str, channel: ChannelName) -> RecordingStarted:
    return RecordingStarted(at=AT, tenant=TENANT, call=closed_call(1), file=file, agent=None, channel=channel)


async def until(asterisk: Asterisk, looks: int) -> None:
    async with asyncio.timeout(20):
        wanted = len(asterisk.asked) + looks
        while len(asterisk.asked) < wanted:
            await asyncio.sleep(0)


async def test_nobody_is_asked_before_a_recording_stood_still() -> None:
    asterisk, heard = Asterisk(), Heard()
    watch = PacketWatch(telephony=asterisk, sink=heard, now=asterisk.now, look_s=0)
    await watch.start()
    watch.handle(started(f"{CALL}-c", CALLER))
    watch.handle(RecordingStoodStill(at=AT, tenant=TENANT, call_id=CallId("somebody-else")))
    await asyncio.sleep(0.05)
    assert asterisk.asked == []
    watch.handle(STILL)
    await until(asterisk, 3)
    await watch.stop()
    assert set(asterisk.asked) == {CALLER}


async def test_a_silence_is_told_of_the_channel_that_had_it() -> None:
    asterisk, heard = Asterisk(), Heard()
    watch = PacketWatch(telephony=asterisk, sink=heard, now=asterisk.now, look_s=0)
    await watch.start()
    watch.handle(started(f"{CALL}-c", CALLER))
    watch.handle(started(f"{CALL}-a-7", AGENT))
    watch.handle(STILL)
    await until(asterisk, 30)
    silent_from_s = asterisk.now_s
    asterisk.sends[CALLER] = 0
    await until(asterisk, 30)
    asterisk.sends[CALLER] = 5
    await until(asterisk, 30)
    watch.handle(CallEnded(at=AT, tenant=TENANT, call=closed_call(1)))
    await watch.stop()
    (silence,) = [one for told in heard.of(f"{CALL}-c") for one in told.silences]
    assert abs(silence[0] - silent_from_s) < 0.3
    assert abs(silence[1] - silence[0] - 1.5) < 0.3
    assert [one for told in heard.of(f"{CALL}-a-7") for one in told.silences] == []
    assert all(one.to_s == then.from_s for one, then in itertools.pairwise(heard.of(f"{CALL}-a-7")))


async def test_a_leg_that_goes_on_in_a_further_file_is_asked_about_once() -> None:
    asterisk, heard = Asterisk(), Heard()
    watch = PacketWatch(telephony=asterisk, sink=heard, now=asterisk.now, look_s=0)
    await watch.start()
    watch.handle(started(f"{CALL}-c", CALLER))
    watch.handle(started(f"{CALL}-a-7.1", AGENT))
    watch.handle(STILL)
    await until(asterisk, 40)
    watch.handle(started(f"{CALL}-a-7.1-p1", AGENT))
    asterisk.asked.clear()
    await until(asterisk, 40)
    await watch.stop()
    assert abs(asterisk.asked.count(AGENT) - asterisk.asked.count(CALLER)) <= 2
    first, further = heard.of(f"{CALL}-a-7.1"), heard.of(f"{CALL}-a-7.1-p1")
    assert first
    assert further
    assert further[0].from_s <= first[-1].to_s  # nothing between them is not known
    assert all(one.silences == () for one in (*first, *further))


async def test_a_silence_that_begins_before_a_further_file_is_told_of_both() -> None:
    asterisk, heard = Asterisk(), Heard()
    watch = PacketWatch(telephony=asterisk, sink=heard, now=asterisk.now, look_s=0)
    await watch.start()
    watch.handle(started(f"{CALL}-c", CALLER))
    watch.handle(started(f"{CALL}-a-7.1", AGENT))
    watch.handle(STILL)
    await until(asterisk, 40)
    asterisk.sends[AGENT], silent_from_s = 0, asterisk.now_s
    await until(asterisk, 6)
    watch.handle(started(f"{CALL}-a-7.1-p1", AGENT))
    began_s = asterisk.now_s
    await until(asterisk, 30)
    asterisk.sends[AGENT], silent_to_s = 5, asterisk.now_s
    await until(asterisk, 30)
    watch.handle(CallEnded(at=AT, tenant=TENANT, call=closed_call(1)))
    await watch.stop()
    (before,) = [one for told in heard.of(f"{CALL}-a-7.1") for one in told.silences]
    (after,) = [one for told in heard.of(f"{CALL}-a-7.1-p1") for one in told.silences]
    assert abs(before[0] - silent_from_s) < 0.25
    assert abs(before[1] - began_s) < 0.25
    assert abs(after[0] - silent_from_s) < 0.25
    assert abs(after[1] - silent_to_s) < 0.25


async def test_a_channel_that_is_gone_is_told_once_more_and_asked_no_more() -> None:
    asterisk, heard = Asterisk(), Heard()
    watch = PacketWatch(telephony=asterisk, sink=heard, now=asterisk.now, look_s=0)
    await watch.start()
    watch.handle(started(f"{CALL}-c", CALLER))
    watch.handle(started(f"{CALL}-a-7", AGENT))
    watch.handle(STILL)
    await until(asterisk, 10)
    asterisk.counts[AGENT] = NotFound("no such channel")
    await until(asterisk, 40)
    await watch.stop()
    assert asterisk.asked.count(AGENT) <= 7
    assert heard.of(f"{CALL}-a-7")


async def test_a_link_that_is_down_leaves_a_hole_that_is_not_called_silence() -> None:
    asterisk, heard = Asterisk(), Heard()
    watch = PacketWatch(telephony=asterisk, sink=heard, now=asterisk.now, look_s=0)
    await watch.start()
    watch.handle(started(f"{CALL}-c", CALLER))
    watch.handle(STILL)
    await until(asterisk, 20)
    count = asterisk.counts[CALLER]
    asterisk.counts[CALLER] = Unavailable("the link is down")
    await until(asterisk, 20)
    asterisk.counts[CALLER] = count
    await until(asterisk, 20)
    watch.handle(CallEnded(at=AT, tenant=TENANT, call=closed_call(1)))
    await watch.stop()
    assert [one for told in heard.told for one in told.silences] == []
    assert any(then.from_s - one.to_s > 1 for one, then in itertools.pairwise(heard.told))


async def test_a_leg_that_begins_when_the_others_are_gone_is_watched_too() -> None:
    asterisk, heard = Asterisk(), Heard()
    watch = PacketWatch(telephony=asterisk, sink=heard, now=asterisk.now, look_s=0)
    await watch.start()
    watch.handle(started(f"{CALL}-c", CALLER))
    watch.handle(STILL)
    await until(asterisk, 5)
    asterisk.counts[CALLER] = NotFound("no such channel")
    await until(asterisk, 1)
    asterisk.now_s += 2  # told, and nobody is left
    async with asyncio.timeout(20):
        while not heard.told:
            await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    watch.handle(started(f"{CALL}-a-7", AGENT))
    await until(asterisk, 3)
    await watch.stop()
    assert asterisk.asked[-3:] == [AGENT] * 3
