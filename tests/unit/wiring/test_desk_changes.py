"""A changed desk is read by all parts, and one part that fails takes neither the others nor the listening with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from cti.domain.errors import Unavailable
from cti.wiring import desk_changes
from cti.wiring.desk_changes import DeskChanges

LONG_S = 20.0


class Connection:
    """One that hears what the test says; ``broken`` is lost before it listens."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.notice: Callable[..., None] | None = None
        self.listens = asyncio.Event()

    def add_termination_listener(self, gone: Callable[[object], None]) -> None:
        """Nobody ends it."""

    async def add_listener(self, channel: str, notice: Callable[..., None]) -> None:
        if self.broken:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        self.notice = notice
        self.listens.set()

    def terminate(self) -> None:
        """It is of no more use."""


class Parts:
    """Two that read the desk; the first raises ``error``."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.second = 0
        self.asked: asyncio.Queue[int] = asyncio.Queue()

    async def first_reads(self) -> None:
        if self.error is not None:
            raise self.error

    async def second_reads(self) -> None:
        self.second += 1

    def ask_again(self) -> None:
        self.asked.put_nowait(self.second)

    async def read(self) -> int:
        """How often the second has read when all have."""
        return await asyncio.wait_for(self.asked.get(), LONG_S)


@asynccontextmanager
async def listening(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, *connections: Connection
) -> AsyncIterator[Connection]:
    left = list(connections)

    async def connect(*_: Any, **__: Any) -> Connection:
        return left.pop(0)

    monkeypatch.setattr(asyncpg, "connect", connect)
    monkeypatch.setattr(desk_changes, "RETRY_S", 0.0)
    reloads: tuple[Callable[[], Awaitable[None]], ...] = (parts.first_reads, parts.second_reads)
    changes = DeskChanges("postgresql://", reloads, parts.ask_again)
    await changes.start()
    try:
        await asyncio.wait_for(connections[-1].listens.wait(), LONG_S)
        yield connections[-1]
    finally:
        await changes.stop()


@pytest.mark.parametrize("error", [None, Unavailable("away"), KeyError("own_ring_s"), RuntimeError("a mistake")])
async def test_each_change_is_read_by_all_whatever_one_of_them_raises(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    parts = Parts(error)
    async with listening(parts, monkeypatch, Connection()) as connection:
        assert connection.notice is not None
        connection.notice()
        assert await parts.read() == 1
        connection.notice()
        assert await parts.read() == 2
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == (0 if error is None else 2)


async def test_a_connection_that_is_lost_before_it_listens_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts()
    async with listening(parts, monkeypatch, Connection(broken=True), Connection()):
        assert await parts.read() == 1
