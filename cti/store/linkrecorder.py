"""Writes found links to their history without anyone waiting for PostgreSQL: kept in line while it is away."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, Protocol

import asyncpg

from cti.domain.errors import CallerError, Unavailable
from cti.domain.events import CallLinked
from cti.domain.journal import Body, Journal, NoJournal
from cti.store.journalrecords import finding_body, finding_from_body

log = logging.getLogger(__name__)

# Two or three findings a call: some hours of a busy node, some 10 MB.
MAX_WAITING = 10_000
# Written one by one, some 0.2 s: after that many the journal may be put away.
ROUND = 100
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 5.0


class History(Protocol):
    """Where findings go (LinkStore)."""

    async def handle(self, event: CallLinked) -> None:
        """Keep one. Raises Unavailable while the database is away."""


class LinkRecorder:
    """``take`` is the handler for the bus: plain, instant, never fails. Order is kept."""

    def __init__(self, history: History, *, maxsize: int = MAX_WAITING, journal: Journal | None = None) -> None:
        self._history = history
        self._maxsize = maxsize
        self._journal: Journal = journal or NoJournal()
        self._journal.attach(self._bodies)
        self._waiting: deque[CallLinked] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self.degraded: str | None = None  # why findings wait, for /readyz; None: all is well
        self.lost = 0  # no room: the oldest findings, which newer ones have mostly replaced

    @property
    def waiting(self) -> int:
        """How many findings wait to be written."""
        return len(self._waiting)

    def take(self, event: CallLinked) -> None:
        """Put a finding in line. What a person decided was stored before it was told."""
        if not event.found:
            return
        if len(self._waiting) >= self._maxsize:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(event)
        self._journal.put(partial(finding_body, event))
        self._idle.clear()
        self._wake.set()

    def _bodies(self) -> Iterator[Body]:
        return (partial(finding_body, event) for event in self._waiting)

    def _take_back(self, body: Mapping[str, Any]) -> None:
        self._waiting.append(finding_from_body(body))

    async def recover(self) -> int:
        """Take in line what an earlier process could not write, before ``start``. Returns how many findings wait.

        Raises Unavailable when the disk cannot be read.
        """
        await self._journal.recover(self._take_back)
        if self._waiting:
            self._idle.clear()
            self._wake.set()
        else:
            await self._journal.settle()
        return self.waiting

    async def start(self) -> None:
        """Begin to write."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="link-recorder")

    async def stop(self, deadline_s: float = 5.0) -> int:
        """Write what waits within ``deadline_s``, then end. Returns how many findings were left."""
        if self._task is not None:
            try:
                async with asyncio.timeout(deadline_s):
                    await self._idle.wait()
            except TimeoutError:
                log.error("links are left for the next start", extra={"left": self.waiting})
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._journal.close()
        return self.waiting

    async def settled(self) -> None:
        """Wait until nothing waits to be written."""
        await self._idle.wait()

    async def _run(self) -> None:
        delay_s = BACKOFF_FIRST_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                if await self._write_round():
                    delay_s = BACKOFF_FIRST_S
                    continue
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, BACKOFF_MAX_S)
            self._idle.set()

    async def _write_round(self) -> bool:
        """Write the oldest of what waits; False when the database is away, and everything waits on."""
        whole = len(self._waiting) <= ROUND
        for event in tuple(islice(self._waiting, ROUND)):
            with self._journal.writing():
                written = await self._written(event)
            if not written:
                self._journal.begin()
                return False
            # Full meanwhile: another one may be the oldest now.
            if self._waiting and self._waiting[0] is event:
                self._waiting.popleft()
        if whole:
            await self._journal.settle()
        return True

    async def _written(self, event: CallLinked) -> bool:
        """False: the database is away, keep it. What the database refuses for good is logged and let go."""
        try:
            await self._history.handle(event)
        except Unavailable as error:
            if self.degraded is None:
                log.warning("links wait for the database", extra={"action": str(error)})
            self.degraded = f"{error}; {self.waiting} links wait"
            return False
        except (CallerError, asyncpg.PostgresError, ValueError, TypeError) as error:
            log.error("the database refuses a link", extra={"call_id": event.call_id, "action": type(error).__name__})
        self.degraded = None
        return True
