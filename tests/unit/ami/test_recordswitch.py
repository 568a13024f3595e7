"""The dialplan is told whether to record: once, again on a new link, and nothing is lost by an error."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest

from cti.ami.client import AmiClient
from cti.ami.errors import OutcomeUnknown
from cti.ami.recordswitch import RecordSwitch
from cti.domain.model import ChannelName
from tests.unit.ami.fakeasterisk import FakeAsterisk, fake_asterisk, linked

ONE, TWO = ChannelName("PJSIP/trunk-00000001"), ChannelName("PJSIP/demo-sato-00000002")


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk() as server:
        yield server


def told(fake: FakeAsterisk) -> list[str]:
    return [a["Value"] for a in fake.named("Setvar") if a["Variable"] == "CTI_RECORD"]


async def test_it_is_told_once_and_after_each_change(fake: FakeAsterisk) -> None:
    async with linked(fake, []) as client:
        switch = RecordSwitch(client)
        for record in (True, True, False, False, True):
            await switch.keep(record=record)
        assert told(fake) == ["yes", "no", "yes"]
        assert "Channel" not in fake.named("Setvar")[0], "global"


async def test_a_new_link_is_told_again(fake: FakeAsterisk) -> None:
    """Asterisk may have been restarted, and then records again."""
    async with linked(fake, []) as client:
        switch = RecordSwitch(client)
        await switch.keep(record=False)
        switch.anew()
        await switch.keep(record=False)
        assert told(fake) == ["no", "no"]


async def test_what_asterisk_refused_is_told_again(fake: FakeAsterisk) -> None:
    fake.answers["Setvar"] = "Response: Error\nMessage: no"
    async with linked(fake, []) as client:
        switch = RecordSwitch(client)
        await switch.keep(record=False)
        fake.answers["Setvar"] = "Response: Success"
        await switch.keep(record=False)
        await switch.keep(record=False)
        assert told(fake) == ["no", "no"]


async def test_with_asterisk_away_nothing_is_told_and_nothing_raised(fake: FakeAsterisk) -> None:
    async with linked(fake, []) as client:
        switch = RecordSwitch(client)
        await client.stop()
        await switch.keep(record=False)
        assert await switch.end(frozenset({ONE})) == frozenset()
        assert told(fake) == []


async def test_each_running_recording_is_ended_once(fake: FakeAsterisk) -> None:
    fake.answers["StopMixMonitor"] = lambda action: (
        "Response: Error\nMessage: No such channel" if action["Channel"] == TWO else "Response: Success"
    )
    async with linked(fake, []) as client:
        switch = RecordSwitch(client)
        assert await switch.end(frozenset({ONE, TWO})) == frozenset({ONE})
        assert await switch.end(frozenset({ONE, TWO})) == frozenset()
        assert [a["Channel"] for a in fake.named("StopMixMonitor")] == [TWO, ONE]


class SilentClient:
    """A link on which Asterisk says nothing in time, until it does."""

    up = True

    def __init__(self) -> None:
        self.silent = True
        self.asked: list[str] = []

    async def request(self, action: dict[str, str]) -> None:
        self.asked.append(action["Channel"])
        if self.silent:
            raise OutcomeUnknown("Asterisk did not answer in time")


async def test_a_recording_of_which_nothing_is_heard_may_still_run_and_is_ended_again() -> None:
    client = SilentClient()
    switch = RecordSwitch(cast(AmiClient, client))
    assert await switch.end(frozenset({ONE, TWO})) == frozenset()
    assert client.asked == [TWO], "nobody waits twice for a link that says nothing"
    client.silent = False
    assert await switch.end(frozenset({ONE, TWO})) == frozenset({ONE, TWO})
    assert await switch.end(frozenset({ONE, TWO})) == frozenset()
