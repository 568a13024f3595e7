"""The disk guard's shell: real folders, a thread that hangs, an action that fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from recording import disk
from recording.disk import DiskGuard, measure
from recording.diskguard import CALM_LOOKS, MB, Free, Level, Limits, Look

LIMITS = Limits(warn_free=5000 * MB, stop_free=1000 * MB, cut_free=500 * MB, spool_max=10_000 * MB)


def room(mb: int) -> Look:
    return Look(frees=(Free(folder="/spool", free=mb * MB),), spool=0)


class Told:
    """Keeps what the guard orders."""

    def __init__(self) -> None:
        self.levels: list[Level] = []
        self.fails = False
        self._more = asyncio.Condition()

    async def __call__(self, level: Level) -> None:
        async with self._more:
            self.levels.append(level)
            self._more.notify_all()
        if self.fails:
            raise ZeroDivisionError("a bug")

    async def times(self, count: int) -> None:
        async with asyncio.timeout(5), self._more:
            await self._more.wait_for(lambda: len(self.levels) >= count)


def a_guard(look: Callable[[], Look], told: Told) -> DiskGuard:
    return DiskGuard(measure=look, limits=LIMITS, act=told, every_s=0.001)


def test_files_are_counted_and_free_space_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x" * 1000)
    (tmp_path / "b.wav").write_bytes(b"x" * 500)
    (tmp_path / "link.wav").symlink_to(tmp_path / "a.wav")
    (tmp_path / "folder").mkdir()
    look = measure(disks=[tmp_path], spools=[tmp_path, tmp_path / "folder"])
    assert (look.spool, look.problem) == (1500, "")
    free = look.frees[0].free
    assert free is not None
    assert free > 0


def test_a_folder_that_cannot_be_read_is_named_and_the_rest_is_measured(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    look = measure(disks=[gone, tmp_path], spools=[gone])
    assert [one.free is None for one in look.frees] == [True, False]
    assert look.spool is None
    assert look.problem == f"{gone}: No such file or directory; {gone}: No such file or directory"


async def test_it_stops_and_goes_on_again() -> None:
    told, now = Told(), [room(900)]
    guard = a_guard(lambda: now[0], told)
    await guard.start()
    try:
        await told.times(2)
        assert guard.level is Level.STOP
        assert guard.sentence.startswith("no new recordings")
        assert guard.gauges() == {"level": 2.0, "free_bytes": 900.0 * MB, "spool_bytes": 0.0}
        now[0] = room(20_000)
        await told.times(len(told.levels) + CALM_LOOKS + 1)
        assert (guard.level, guard.sentence) == (Level.OK, "")
    finally:
        await guard.stop()


async def test_a_disk_that_hangs_is_asked_once_and_recording_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "LOOK_S", 0.01)
    told, asked, goes_on = Told(), [], threading.Event()

    def hangs() -> Look:
        asked.append(1)
        goes_on.wait(10)
        return room(900)

    guard = a_guard(hangs, told)
    await guard.start()
    try:
        await told.times(3)
        assert len(asked) == 1
        assert told.levels[-1] is Level.OK
        assert guard.sentence == "cannot be measured, recording goes on: the disk did not answer within 0.01 s"
        goes_on.set()
        await told.times(len(told.levels) + 2)
        assert guard.level is Level.STOP
    finally:
        goes_on.set()
        await guard.stop()


async def test_what_could_not_be_ordered_is_ordered_again() -> None:
    told = Told()
    told.fails = True
    guard = a_guard(lambda: room(900), told)
    await guard.start()
    try:
        await told.times(3)
        assert told.levels[:3] == [Level.STOP] * 3
    finally:
        await guard.stop()


async def test_an_error_while_measuring_is_said() -> None:
    told = Told()

    def broken() -> Look:
        raise PermissionError(13, "Permission denied")

    guard = a_guard(broken, told)
    await guard.start()
    try:
        await told.times(1)
        assert "Permission denied" in guard.sentence
        assert "free_bytes" not in guard.gauges()
    finally:
        await guard.stop()
