"""Two servers on one Asterisk by mistake: the later start is in charge, the earlier one says so and waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from cti.ami import actions, heartbeat
from cti.ami.charge import ASK_S, SENTENCE
from cti.ami.feed import AmiFeed
from cti.ami.frames import Headers
from cti.domain.errors import CallerError
from tests.unit.ami.fakeasterisk import FakeAsterisk, fake_asterisk, settings
from tests.unit.ami.test_feed import EMPTY_LIST, Sink

T0 = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


@pytest.fixture
async def asterisk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeAsterisk]:
    """It keeps global variables."""
    monkeypatch.setattr(heartbeat, "EVERY_S", 0.02)
    values: dict[str, str] = {}

    def setvar(action: Headers) -> str:
        values[action["Variable"]] = action["Value"]
        return "Response: Success\nMessage: Variable Set"

    async with fake_asterisk() as fake:
        fake.answers.update({"Status": EMPTY_LIST, "DeviceStateList": EMPTY_LIST, "Setvar": setvar})
        fake.answers["Getvar"] = lambda action: f"Response: Success\nValue: {values.get(action['Variable'], '')}"
        yield fake


@contextlib.asynccontextmanager
async def a_server(asterisk: FakeAsterisk, started_at: datetime, now: datetime = T0) -> AsyncIterator[AmiFeed]:
    """Not waited for. Its epoch is made of ``started_at``; its clock stands at ``now`` from then on."""
    instants = [started_at]

    def clock() -> datetime:
        return instants.pop() if instants else now

    feed = AmiFeed(settings(asterisk), Sink(), known=dict, clock=clock)
    await feed.start()
    try:
        yield feed
    finally:
        await feed.stop()


async def until(seen: str, feed: AmiFeed) -> None:
    """Wait until this is why a server has no link."""
    async with asyncio.timeout(5):
        while feed.client.problem != seen:
            await asyncio.sleep(0.005)


async def test_the_later_start_takes_over_and_the_earlier_one_says_so(asterisk: FakeAsterisk) -> None:
    async with a_server(asterisk, T0 - timedelta(seconds=60)) as first:
        await first.client.wait_up(5)
        async with a_server(asterisk, T0) as second:
            await second.client.wait_up(5)
            await until(SENTENCE, first)
            assert not first.client.up
            assert not first.heartbeat.fresh, "it moves no caller"
            assert second.client.up
            assert asterisk.named("Getvar")


async def test_the_earlier_one_takes_over_when_the_later_one_has_died(asterisk: FakeAsterisk) -> None:
    later = AmiFeed(settings(asterisk), Sink(), known=dict, clock=lambda: T0 - timedelta(seconds=5))
    await later.start()
    await later.client.wait_up(5)
    await later.stop()  # its last beat is 5 s old
    async with a_server(asterisk, T0 - timedelta(seconds=60)) as first:
        await first.client.wait_up(5)
        values = [a["Value"] for a in asterisk.named("Setvar") if a["Variable"] == "CTI_EPOCH"]
        assert values == [later.epoch, first.epoch]
        assert int(first.epoch) < int(later.epoch)


async def test_while_the_later_one_beats_the_earlier_one_changes_nothing(asterisk: FakeAsterisk) -> None:
    async with a_server(asterisk, T0) as second:
        await second.client.wait_up(5)
        async with a_server(asterisk, T0 - timedelta(seconds=60)) as first:
            await until(SENTENCE, first)
            epochs = {a["Value"] for a in asterisk.named("Setvar") if a["Variable"] == "CTI_EPOCH"}
            assert epochs == {second.epoch}
            assert second.client.up


async def test_an_asterisk_that_does_not_say_deposes_nobody(asterisk: FakeAsterisk) -> None:
    asterisk.answers["Getvar"] = "Response: Error\nMessage: no"
    async with a_server(asterisk, T0) as server:
        await server.client.wait_up(5)
        beats = server.heartbeat.beats
        async with asyncio.timeout(5):
            while server.heartbeat.beats < beats + 3:
                await asyncio.sleep(0.005)
        assert server.client.up


def test_an_asterisk_that_is_slow_to_say_makes_no_beat_late() -> None:
    """Both are asked together; the next beat waits for the slower of the two."""
    assert ASK_S <= heartbeat.EVERY_S


async def test_who_holds_a_lease_tells_its_epoch_and_where_its_menus_are(asterisk: FakeAsterisk) -> None:
    feed = AmiFeed(settings(asterisk), Sink(), known=dict, clock=lambda: T0, epoch=7, menus="agi://127.0.0.1:4573")
    await feed.start()
    try:
        await feed.client.wait_up(5)
    finally:
        await feed.stop()
    told = [(a["Variable"], a["Value"]) for a in asterisk.named("Setvar")][:3]
    assert told == [("CTI_EPOCH", "7"), ("CTI_AGI_AT", "agi://127.0.0.1:4573"), ("CTI_BEAT", str(int(T0.timestamp())))]


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "agi://host:1", "agi://127.0.0.1", "agi://1.1.1.1:1\nX: y"])
def test_what_is_no_address_of_a_menu_server_is_not_told(address: str) -> None:
    with pytest.raises(CallerError):
        actions.menus_at(address)
