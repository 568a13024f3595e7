"""Measures the room for recordings every few seconds, on a thread of its own, and has the guard decide."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from recording.diskguard import Free, Guard, Level, Limits, Look, advance, say

_log = logging.getLogger(__name__)

# A hundred talks write 8 MB in this time: far less than between any two limits.
EVERY_S = 3.0
# A folder of 50,000 files takes 0.2 s to count: it may take this share of a thread.
_SHARE = 0.05
# A local disk answers in microseconds. One that hangs (a network file system) is not known, and hangs once only.
LOOK_S = 5.0

Measure = Callable[[], Look]
Act = Callable[[Level], Awaitable[None]]


class DiskGuard:
    """``act`` is told the level after each look, also when it has not changed: what failed is tried again then."""

    def __init__(self, *, measure: Measure, limits: Limits, act: Act, every_s: float = EVERY_S) -> None:
        self._measure = measure
        self._limits = limits
        self._act = act
        self._every_s = every_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._pending: asyncio.Future[Look] | None = None
        self._task: asyncio.Task[None] | None = None
        self._guard = Guard()
        self._look = Look(frees=(), spool=None)
        self.looks = 0

    async def start(self) -> None:
        """Begin to look."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="disk-guard")

    async def stop(self) -> None:
        """Look no more; what is in force stays so."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def level(self) -> Level:
        """What is in force."""
        return self._guard.level

    @property
    def sentence(self) -> str:
        """What the operator should know, or ""."""
        return say(self._guard.level, self._look, self._limits)

    def gauges(self) -> dict[str, float]:
        """For /metrics: what is not known is not there."""
        known = [one.free for one in self._look.frees if one.free is not None]
        return {
            "level": float(self._guard.level),
            **({"free_bytes": float(min(known))} if known else {}),
            **({"spool_bytes": float(self._look.spool)} if self._look.spool is not None else {}),
        }

    async def _run(self) -> None:
        while True:
            began_s = time.monotonic()
            try:
                await self._once()
            except Exception:  # noqa: BLE001 - logged; the next look may do
                _log.exception("the disk guard failed for a reason of ours", extra={"action": "disk"})
            took_s = time.monotonic() - began_s
            await asyncio.sleep(max(self._every_s, took_s / _SHARE if took_s < LOOK_S else 0.0))

    async def _once(self) -> None:
        look = await self._measured()
        before, self._look = self._guard.level, look
        self._guard = advance(self._guard, look, self._limits)
        self.looks += 1
        if self._guard.level is not before:
            worse = self._guard.level > before
            _log.log(
                logging.WARNING if worse else logging.INFO,
                "room for recordings changed",
                extra={"action": "disk", "level": self._guard.level.name.lower(), "why": self.sentence},
            )
        await self._act(self._guard.level)

    async def _measured(self) -> Look:
        """One look, or why there is none. A look that hangs is waited for, never doubled."""
        if self._pending is None:
            self._pending = asyncio.wrap_future(self._thread.submit(self._measure))
        done, _ = await asyncio.wait({self._pending}, timeout=LOOK_S)
        if not done:
            return self._unknown(f"the disk did not answer within {LOOK_S:g} s")
        future, self._pending = self._pending, None
        error = future.exception()
        if error is not None:
            return self._unknown(f"{type(error).__name__}: {error}")
        look = future.result()
        if look.problem and look.problem != self._look.problem:
            _log.warning("room for recordings is not known", extra={"action": "disk", "why": look.problem})
        return look

    def _unknown(self, why: str) -> Look:
        if why != self._look.problem:
            _log.warning("room for recordings is not known", extra={"action": "disk", "why": why})
        return Look(frees=(), spool=None, problem=why)


def measure(*, disks: Sequence[Path], spools: Sequence[Path]) -> Look:
    """Free space of the file systems of ``disks``, and the size of all files in ``spools``. Blocking; never raises."""
    problems: list[str] = []
    frees = tuple(Free(folder=str(folder), free=_free(folder, problems)) for folder in disks)
    sizes = [_size(folder, problems) for folder in spools]
    known = [size for size in sizes if size is not None]
    return Look(frees=frees, spool=sum(known) if len(known) == len(sizes) else None, problem="; ".join(problems))


def _free(folder: Path, problems: list[str]) -> int | None:
    try:
        seen = os.statvfs(folder)
    except OSError as error:
        problems.append(f"{folder}: {error.strerror}")
        return None
    return seen.f_bavail * seen.f_frsize


def _size(folder: Path, problems: list[str]) -> int | None:
    """Bytes of the files in a folder; files that go meanwhile are no trouble."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
    except OSError as error:
        problems.append(f"{folder}: {error.strerror}")
        return None
    return total
