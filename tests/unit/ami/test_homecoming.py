"""Callers in the fallback come back when the link is up, and nobody else is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.unit.ami.fakeasterisk import FakeAsterisk, fake_asterisk
from tests.unit.ami.test_feed import EMPTY_LIST, Sink, a_feed, listing
from tests.unit.ami.test_resync import caller, leg

CALLERS = 12  # more than are asked for at once


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk() as server:
        server.answers.update({"Status": EMPTY_LIST, "DeviceStateList": EMPTY_LIST})
        yield server


def numbered(number: int, context: str) -> dict[str, str]:
    """One of several callers."""
    item = caller(context)
    call_id = f"{number:08x}-0000-4000-8000-000000000000"
    variables = "\n".join(
        f"CTI_CALL_ID={call_id}" if line.startswith("CTI_CALL_ID") else line for line in item["Variable"].split("\n")
    )
    changes = {"Channel": f"PJSIP/trunk-{number:08x}", "Uniqueid": f"{number}.0", "ChanVariable": ""}
    return {**item, **changes, "Variable": variables}


async def test_all_who_wait_in_the_fallback_are_fetched_back_and_nobody_else(fake: FakeAsterisk) -> None:
    there = [numbered(n, "cti-fallback") for n in range(1, CALLERS + 1)]
    fake.answers["Status"] = listing(caller("cti-fallback"), leg(state="5"), numbered(99, "cti-wait"), *there)
    # One has hung up meanwhile.
    fake.answers["Redirect"] = lambda action: (
        "Response: Error\nMessage: Channel does not exist"
        if action["Channel"].endswith("00000001")
        else "Response: Success\nMessage: Redirect successful"
    )
    async with a_feed(fake, Sink()) as feed:
        await fake.received("Redirect", CALLERS)
        while feed.homecoming.fetched < CALLERS - 1:
            await asyncio.sleep(0.001)
        moved = [(a["Channel"], a["Context"], a["Exten"]) for a in fake.named("Redirect")]
        assert moved == [(item["Channel"], "cti-wait", "s") for item in there]


async def test_nobody_is_fetched_when_no_beat_reached_asterisk(fake: FakeAsterisk) -> None:
    """The waiting loop would send them straight back, and say it again."""
    fake.answers["Status"] = listing(caller("cti-fallback"))
    fake.answers["Setvar"] = lambda action: (
        "Response: Error\nMessage: no" if action["Variable"] == "CTI_BEAT" else "Response: Success\nMessage: done"
    )
    async with a_feed(fake, Sink()):
        await fake.received("Ping", 2)  # the snapshot's own, then one of the link's
        assert fake.named("Redirect") == []


async def test_after_a_reconnect_those_of_then_are_fetched(fake: FakeAsterisk) -> None:
    async with a_feed(fake, Sink()) as feed:
        assert fake.named("Redirect") == []
        fake.answers["Status"] = listing(caller("cti-fallback"))
        fake.drop()
        await fake.received("Redirect")
        await feed.client.wait_up(5)
