"""A copy on disk of what waits for the database: written only while PostgreSQL is away or slow, read at start.

Nothing is written while the database is well: what waits then is younger than PATIENCE_S, and a log of every fact would
cost a disk write a fact for nearly the same promise. docs/decisions/0110.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cti.domain.errors import ConfigError, Unavailable
from cti.domain.journal import Body
from cti.store.journalfile import Decoded, JournalFiles

log = logging.getLogger(__name__)

# A write takes 2 to 10 ms; one that takes this long may never end, and what it holds is on disk a moment later.
PATIENCE_S = 0.2
# Records are gathered this long before one fsync; with an fsync of 1 to 20 ms a record is on disk within 50 ms.
GATHER_S = 0.02
# Nobody waits longer for a disk that hangs; what must not depend on it goes on.
SYNC_S = 5.0
# How often a disk that failed is tried again.
RETRY_S = 5.0
# A file is begun anew (with what waits, and nothing else) when it has grown past this and past twice its beginning.
TURN_BYTES = 16 * 1024 * 1024
# 20,000 usual calls are 25 MB; ten times that is no desk any more.
MAX_BYTES = 256 * 1024 * 1024
# Records between two writes to the disk; more only when it hangs, and then everything is written anew.
MAX_PENDING = 5_000
# Servers on one data_dir: one, a second that takes over, and room for mistakes.
MAX_SERVERS = 8


class DiskJournal:
    """Implements cti.domain.journal.Journal in a folder of its own; one event loop, one writer."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES, turn_bytes: int = TURN_BYTES) -> None:
        self._files = JournalFiles(folder, max_bytes)
        self._turn_bytes = turn_bytes
        self._waiting: Callable[[], Iterable[Body]] = tuple
        # One thread: what is asked of the disk happens in order.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"journal-{folder.name}")
        self._pending: list[Body] = []
        self._fresh = True  # the next write begins a new file
        self._on_disk = False
        self._count, self._synced = 0, 0
        self._wake, self._progress = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._slow = False  # the last write to the database was
        self.name = folder.name
        self.active = False
        self.problem: str | None = None
        self.counts: Counter[str] = Counter()  # begun, written (batches), failed, damaged, recovered

    def attach(self, waiting: Callable[[], Iterable[Body]]) -> None:
        """See the protocol."""
        self._waiting = waiting

    # -- while the database is away --------------------------------------------------------------------

    def put(self, body: Body) -> None:
        """See the protocol."""
        if not self.active:
            return
        if len(self._pending) >= MAX_PENDING:
            self._fresh = True
        if self._fresh:
            self._pending.clear()  # the new file begins with everything that waits, this one included
        else:
            self._pending.append(body)
        self._count += 1
        self._wake.set()

    def begin(self) -> None:
        """See the protocol."""
        if self.active:
            return
        self._go_on(fresh=True)
        self._count += 1
        self.counts["begun"] += 1
        self._wake.set()

    def _go_on(self, *, fresh: bool) -> None:
        self.active, self._fresh = True, fresh
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"journal-{self.name}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See the protocol."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        timer = loop.call_later(PATIENCE_S, self.begin)
        try:
            yield
        finally:
            timer.cancel()
            self._slow = loop.time() - began_s >= PATIENCE_S

    async def synced(self) -> None:
        """See the protocol."""
        upto = self._count
        with suppress(TimeoutError):
            async with asyncio.timeout(SYNC_S):
                while self.active and self._synced < upto and self.problem is None:
                    self._progress.clear()
                    await self._progress.wait()
                return
        self._fail(OSError("the disk does not answer"))

    async def settle(self) -> None:
        """See the protocol."""
        if not self.active or (self._slow and any(True for _ in self._waiting())):
            return
        # From here on nothing more is added; what came during the last write is as young as ever in good times.
        self.active = False
        self._pending.clear()
        if not self._on_disk:
            self.problem = None
            return
        try:
            async with asyncio.timeout(SYNC_S):
                await self._in_thread(self._files.clear)
        except (OSError, TimeoutError) as error:
            self._fail(error)
            self.begin()
        else:
            self._on_disk, self.problem = False, None
            log.info("what waited on disk is in the database", extra={"action": f"journal {self.name}"})

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            if self.active:
                await self._write()

    async def _write(self) -> None:
        if self._files.size > max(self._turn_bytes, 2 * self._files.head):
            self._fresh = True
        upto, fresh = self._count, self._fresh
        bodies = tuple(self._waiting()) if fresh else tuple(self._pending)
        self._pending.clear()
        self._fresh = False
        first, self._on_disk = not self._on_disk, True  # before it is: a file that may be there has to be removed
        try:
            await self._in_thread(self._files.begin if fresh else self._files.append, bodies)
        except OSError as error:
            self._fail(error)
        else:
            if first:
                log.info(
                    "the database is away or slow: what waits is kept on disk", extra={"action": f"journal {self.name}"}
                )
            self.problem, self._synced = None, upto
            self.counts["written"] += 1
        self._progress.set()

    def _fail(self, error: BaseException) -> None:
        """The disk does not take it: everything is tried anew later."""
        self.counts["failed"] += 1
        if self.problem is None:
            log.error("the journal cannot be written", extra={"action": f"journal {self.name}: {error}"})
        self.problem = f"the journal {self.name} cannot be written ({error}): what waits is in memory only"
        self._fresh = True
        asyncio.get_running_loop().call_later(RETRY_S, self._wake.set)

    # -- start and end ---------------------------------------------------------------------------------

    async def recover(self, take: Callable[[Mapping[str, Any]], None]) -> int:
        """See the protocol. What cannot be understood is kept under another name, and does not hold up the rest."""
        try:
            found: Decoded = await self._in_thread(self._files.read)
            damaged = found.damaged
            for body in found.bodies:
                try:
                    take(body)
                except (KeyError, ValueError, TypeError, AttributeError):
                    damaged += 1
            if damaged:
                self.counts["damaged"] += damaged
                await self._in_thread(self._files.keep_damaged)
                log.error(
                    "the journal has lines that are no records; a copy is kept as *.damaged",
                    extra={"lines": damaged, "action": f"journal {self.name}"},
                )
        except OSError as error:
            raise Unavailable(f"the journal {self.name} cannot be read: {error}") from error
        if found.torn:
            log.warning("the journal's last line was torn", extra={"action": f"journal {self.name}"})
        self._on_disk = bool(found.bodies or found.torn or damaged)
        self.counts["recovered"] += len(found.bodies)
        if self._on_disk:
            self._go_on(fresh=bool(damaged) or not await self._in_thread(self._files.resume))
        return len(found.bodies)

    async def close(self) -> None:
        """See the protocol."""
        await self.synced()
        self.active = False
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        with suppress(TimeoutError, RuntimeError):
            async with asyncio.timeout(SYNC_S):
                await self._in_thread(self._files.close)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def hold_folder(folder: Path, names: Iterable[str]) -> tuple[Path, int]:
    """A folder for the journals of one process, held until the descriptor is closed; raises ConfigError.

    A second server (one that takes over from a frozen one, or a mistake) gets a folder of its own. What dead processes
    left in other folders becomes ours to read.
    """
    ours: tuple[Path, int] | None = None
    try:
        for number in range(MAX_SERVERS):
            slot = folder / str(number)
            if ours is not None and not slot.is_dir():
                continue
            fd = _hold(slot)
            if fd is None:
                continue
            if ours is None:
                ours = slot, fd
                continue
            try:
                for name in names:
                    JournalFiles(ours[0] / name, 0).take_over(slot / name)
            finally:
                os.close(fd)
    except OSError as error:
        raise ConfigError([f"data_dir: {folder} cannot be written ({error.strerror}); it must be ours"]) from error
    if ours is None:
        raise ConfigError([f"data_dir: {MAX_SERVERS} servers use {folder}; stop those that are not needed"])
    return ours


def _hold(slot: Path) -> int | None:
    slot.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(slot / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd
