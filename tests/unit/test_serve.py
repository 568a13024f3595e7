"""The server's life around its parts: told to stop before it is up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cti.domain.errors import Unavailable
from cti.serve import _started_before


class Slow:
    """An application whose start waits for what never comes."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.ended = False

    async def start(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


async def test_a_server_that_is_told_to_stop_while_it_starts_stops() -> None:
    application: Any = Slow()
    stopped = asyncio.Event()
    starting = asyncio.create_task(_started_before(application, stopped))
    await application.began.wait()
    stopped.set()
    async with asyncio.timeout(5):
        assert not await starting
    assert application.ended, "what had started was ended"


async def test_why_a_start_failed_is_told() -> None:
    class Broken:
        async def start(self) -> None:
            raise Unavailable("PostgreSQL cannot be reached")

    application: Any = Broken()
    with pytest.raises(Unavailable, match="PostgreSQL"):
        await _started_before(application, asyncio.Event())


async def test_a_start_that_ends_is_a_start() -> None:
    class Quick:
        async def start(self) -> None:
            return None

    application: Any = Quick()
    assert await _started_before(application, asyncio.Event())
