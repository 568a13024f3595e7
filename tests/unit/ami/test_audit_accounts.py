"""When Asterisk's account is asked: after each gap, before anybody is declared vanished; otherwise only told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from cti.ami.feed import AmiFeed
from cti.domain import signals as sig
from cti.domain.model import UniqueId
from tests.unit.ami.fakeasterisk import FakeAsterisk, fake_asterisk, settings
from tests.unit.ami.test_feed import EMPTY_LIST, NOW, Sink, listing
from tests.unit.ami.test_resync import caller


class Asked:
    """Keeps what the audit asks, in the order of everything else that is posted."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.told: list[tuple[str, frozenset[UniqueId], bool]] = []
        self.before: list[list[str]] = []  # what had been posted when calls were missing

    async def missing(self, there: frozenset[UniqueId]) -> None:
        self.before.append(self._sink.kinds())
        self.told.append(("missing", there, True))

    def seen(self, looked_at: datetime, there: frozenset[UniqueId], *, after_gap: bool) -> None:
        assert looked_at == NOW
        assert isinstance(self._sink.signals[-1], sig.ChannelsSeen)
        self.told.append(("seen", there, after_gap))


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk() as server:
        server.answers.update({"Status": lambda _: listing(caller()), "DeviceStateList": EMPTY_LIST})
        yield server


async def test_after_a_gap_the_account_comes_before_who_is_missing(fake: FakeAsterisk) -> None:
    sink = Sink()
    asked = Asked(sink)
    feed = AmiFeed(settings(fake), sink, known=dict, clock=lambda: NOW)
    feed.auditor.accounts = asked
    await feed.start()
    await feed.client.wait_up(5)
    assert asked.told == [("missing", frozenset({"1.0"}), True), ("seen", frozenset({"1.0"}), True)]
    assert asked.before == [["CallerArrived", "CallerQueued"]]  # and not ChannelsSeen
    await feed.auditor.snapshot(after_gap=False)  # the minute's audit
    assert asked.told[2:] == [("seen", frozenset({"1.0"}), False)]
    feed.ask_resync()  # signals were lost
    async with asyncio.timeout(5):
        while len(asked.told) < 5:
            await asyncio.sleep(0)
    assert asked.told[3:] == [("missing", frozenset({"1.0"}), True), ("seen", frozenset({"1.0"}), True)]
    await feed.stop()
