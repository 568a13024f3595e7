"""The outbox: what comes before what, when the database says no, is away, or is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from cti.domain.callbacks import Callback, CallbackId
from cti.domain.effects import Effect, EffectId
from cti.domain.errors import Unavailable
from cti.domain.journal import Body, NoJournal
from cti.domain.model import CallId, QueueId, TenantId
from cti.domain.outgoing import Outgoing
from cti.store import effects as module
from cti.store.effects import EffectStore

T0 = datetime(2026, 11, 22, tzinfo=UTC)
EFFECT = Effect(
    effect_id=EffectId("e" * 32), tenant=TenantId("demo"), kind="callback", created_at=T0, changed_at=T0, body={}
)

CALLBACK = Callback(
    callback_id=CallbackId("c" * 32), tenant=TenantId("demo"), queue=QueueId("members"), origin=CallId("x"),
    number="+819012345678", number_called="+815012345000", language="ja", queued_at=T0, asked_at=T0,
)  # fmt: skip


class RefusingPool:
    """A database that is there and takes nothing."""

    @asynccontextmanager
    async def acquire(self, *, timeout: float) -> AsyncIterator[Any]:
        yield self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield

    async def execute(self, *_: Any, timeout: float) -> None:
        raise asyncpg.CheckViolationError("no such state")


async def test_what_the_database_refuses_is_not_stored_and_told_so() -> None:
    """Callers of ``save`` hold a caller or an agent meanwhile, and are prepared for one answer."""
    store = EffectStore(RefusingPool())  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match="refuses the record"):
        await store.save(EFFECT)
    assert store.waiting == 0
    assert store.degraded is None


class Disks:
    """A database that may be away or slow, and a journal that works: in which order they were written."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.away = False
        self.says = "INSERT 0 1"  # of each write
        self.slow: asyncio.Event | None = None  # the next write waits for it

    async def asked(self) -> None:
        """The write that is slow has begun."""
        async with asyncio.timeout(20):
            while self.slow is not None:
                await asyncio.sleep(0.001)

    @asynccontextmanager
    async def acquire(self, *, timeout: float) -> AsyncIterator[Disks]:
        if self.away:
            raise OSError("no connection")
        yield self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield

    async def execute(self, _: str, *values: Any, timeout: float) -> str:
        if self.slow is not None:
            slow, self.slow = self.slow, None
            await slow.wait()
        self.log.append(f"table {values[4]}")  # the version
        return self.says

    async def writing(self) -> None:
        """Until a write has begun to wait."""
        async with asyncio.timeout(20):
            while self.slow is not None:
                await asyncio.sleep(0.001)

    async def until(self, said: str) -> None:
        async with asyncio.timeout(20):
            while said not in self.log:
                await asyncio.sleep(0.001)


class Paper(NoJournal):
    """A journal that only says when it is on disk."""

    active = True

    def __init__(self, disks: Disks) -> None:
        self._disks = disks

    def put(self, body: Body) -> None:
        self._disks.log.append(f"journal {body()['version']}")

    async def synced(self) -> None:
        self._disks.log.append("synced")

    async def settle(self) -> None:
        self._disks.log.append("settled")


def version(number: int) -> Effect:
    return replace(EFFECT, version=number)


@pytest.fixture
async def disks(monkeypatch: pytest.MonkeyPatch) -> Disks:
    monkeypatch.setattr(module, "RETRY_S", 0.001)
    return Disks()


@pytest.fixture
async def store(disks: Disks) -> AsyncIterator[EffectStore]:
    made = EffectStore(disks, Paper(disks))  # type: ignore[arg-type]
    await made.start()
    yield made
    await made.stop()


async def test_what_waits_is_on_disk_first_and_in_the_table_when_the_database_is_back(
    disks: Disks, store: EffectStore
) -> None:
    disks.away = True
    await store.save(version(1))
    assert disks.log[:2] == ["journal 1", "synced"]
    disks.away = False
    await disks.until("settled")
    assert disks.log[-3:] == ["synced", "table 1", "settled"]
    assert disks.log.count("synced") > 1, "asked for anew before each write: the tables never know more than the disk"
    assert (store.waiting, store.degraded) == (0, None)


@pytest.mark.parametrize(("said", "told"), [("INSERT 0 1", 1), ("INSERT 0 0", 0)])
async def test_a_word_that_came_too_late_is_told_to_nobody(
    disks: Disks, store: EffectStore, monkeypatch: pytest.MonkeyPatch, said: str, told: int
) -> None:
    """Another server's is newer, and stays in the table."""
    messages: list[Outgoing] = []

    async def write(_connection: object, outgoing: list[Outgoing]) -> None:
        messages.extend(outgoing)

    monkeypatch.setattr(module, "write_outgoing", write)
    disks.says = said
    await store.save(CALLBACK)
    assert len(messages) == told


async def test_a_newer_word_does_not_overtake_the_one_that_waits_and_stays_when_that_is_written(
    disks: Disks, store: EffectStore
) -> None:
    disks.away = True
    await store.save(version(1))
    disks.away, disks.slow = False, (first := asyncio.Event())
    await disks.writing()
    await store.save(version(2))  # while the first is being written
    disks.slow = second = asyncio.Event()
    first.set()
    await disks.writing()
    await store.save(version(3))  # the database is well again, and the second is being written
    second.set()
    await disks.until("settled")
    done = [line for line in disks.log if line != "synced"]
    assert done == ["journal 1", "journal 2", "table 1", "journal 3", "table 2", "table 3", "settled"]
