"""Hears of each `kakehashi config apply` and has everybody read the desk again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from cti.desk.apply import CHANNEL
from cti.domain.errors import KakehashiError

log = logging.getLogger(__name__)

RETRY_S = 2.0
CONNECT_S = 5.0
# Whatever PostgreSQL says instead of listening, it is asked again.
NO_LINE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
Reload = Callable[[], Awaitable[None]]


class DeskChanges:
    """Listens on a connection of its own; after a lost one it reads again, because a notice may have been missed."""

    def __init__(self, url: str, reloads: Sequence[Reload], ask_again: Callable[[], None]) -> None:
        """``ask_again`` has Asterisk say anew what each phone does: of one that was no agent's nobody took note."""
        self._url = url
        self._reloads = tuple(reloads)
        self._ask_again = ask_again
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._run(), name="desk-changes")

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        first = True
        while True:
            try:
                conn = await asyncpg.connect(self._url, timeout=CONNECT_S)
            except NO_LINE:
                await asyncio.sleep(RETRY_S)
                first = False
                continue
            try:
                await self._listen(conn, read_first=not first)
            except NO_LINE:  # lost before it listened
                await asyncio.sleep(RETRY_S)
            finally:
                conn.terminate()
            first = False

    async def _listen(self, conn: asyncpg.Connection[Any], *, read_first: bool) -> None:
        """Until the connection is lost."""
        lost = asyncio.Event()

        def gone(_: object) -> None:
            lost.set()
            self._changed.set()

        conn.add_termination_listener(gone)
        await conn.add_listener(CHANNEL, lambda *_: self._changed.set())
        if read_first:
            self._changed.set()
        while not lost.is_set():
            await self._changed.wait()
            self._changed.clear()
            if not lost.is_set():
                await self._reload()

    async def _reload(self) -> None:
        for reload in self._reloads:
            try:
                await reload()
            except KakehashiError as error:
                log.error("a changed desk could not be read", extra={"action": "reload", "why": str(error)})
            except Exception:  # one part's mistake: the others read on, and so does this one after the next change
                log.exception("a part could not read a changed desk", extra={"action": "reload"})
        self._ask_again()
        log.info("the desk was read again", extra={"action": "reload"})
