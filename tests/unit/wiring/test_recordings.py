"""The recording worker seen from the server: whatever it does, facts go on and the server can end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cti.domain.errors import ConfigError
from cti.domain.events import AsteriskReachable, Event
from cti.domain.model import TenantId
from cti.wiring import recordings
from cti.wiring.recordings import RecordingWorker
from cti.wiring.workerpipe import Frame, Ready, Refused, encode

FACT = AsteriskReachable(at=datetime(2026, 11, 22, tzinfo=UTC), tenant=TenantId("demo"), up=True)


class FakeProcess:
    """A child that says what it is told to, and ends when it is killed."""

    def __init__(self) -> None:
        self.stdout = asyncio.StreamReader()
        self.stdin = self
        self.told: list[bytes] = []
        self.frozen = False
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    def says(self, *frames: Frame) -> FakeProcess:
        for frame in frames:
            self.stdout.feed_data(encode(frame))
        return self

    def write(self, data: bytes) -> None:
        self.told.append(data)

    async def drain(self) -> None:
        if self.frozen:
            await self._ended.wait()
            raise BrokenPipeError

    def close(self) -> None:
        if not self.frozen:
            self.kill()

    def kill(self) -> None:
        if self.returncode is None:
            self.returncode = -9
            self.stdout.feed_eof()
            self._ended.set()

    async def wait(self) -> int | None:
        await self._ended.wait()
        return self.returncode


class Sink:
    def publish(self, event: Event) -> None: ...


class Lives:
    """What each start of the process gives: a process, or an error."""

    def __init__(self) -> None:
        self.next: list[FakeProcess | Exception] = []
        self.began: list[FakeProcess] = []
        self.worker = RecordingWorker("config", Sink())  # type: ignore[arg-type]

    async def spawn(self) -> Any:
        life = self.next.pop(0) if self.next else FakeProcess().says(Ready())
        if isinstance(life, Exception):
            raise life
        self.began.append(life)
        return life

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(2):
            while not so():
                await asyncio.sleep(0)

    async def start(self, *lives: FakeProcess | Exception) -> None:
        self.next = list(lives)
        await self.worker.launch()
        await self.worker.start(frozenset)


@pytest_asyncio.fixture
async def lives(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lives]:
    made = Lives()
    monkeypatch.setattr(recordings, "_spawn", made.spawn)
    monkeypatch.setattr(recordings, "BACKOFF_S", 0.001)
    monkeypatch.setattr(recordings, "SILENT_LOOK_S", 0.0)
    yield made
    await made.worker.stop()


async def test_facts_that_come_while_it_is_away_go_to_its_next_life(lives: Lives) -> None:
    second = FakeProcess()
    await lives.start(FakeProcess().says(Ready()), second)
    lives.began[0].kill()
    await lives.until(lambda: len(lives.began) == 2)
    fact = asyncio.create_task(lives.worker.on_event(FACT))
    await asyncio.sleep(0)
    assert not fact.done()
    second.says(Ready())
    await asyncio.wait_for(fact, 2)
    assert second.told[-1] == encode(FACT)


async def test_what_cannot_be_read_ends_a_life_and_not_the_server_s_interest(lives: Lives) -> None:
    """A program that was replaced on disk says classes that this process does not know."""
    first = FakeProcess().says(Ready())
    await lives.start(first)
    first.stdout.feed_data((9).to_bytes(4, "big") + b"\x80\x04cno\nno\n.")
    await lives.until(lambda: len(lives.began) == 2)
    await asyncio.wait_for(lives.worker.on_event(FACT), 2)
    assert lives.began[1].told[-1] == encode(FACT)


async def test_a_start_that_fails_is_tried_again(lives: Lives) -> None:
    await lives.start(FakeProcess().says(Ready()), OSError("no more processes"), OSError("no more processes"))
    lives.began[0].kill()
    await lives.until(lambda: len(lives.began) == 2)


async def test_what_a_later_life_refuses_is_tried_again(lives: Lives) -> None:
    """A folder that is away for a moment: without another try nothing would ever be stored again."""
    refusing = FakeProcess().says(Refused(problems=("the spool is away",)))
    await lives.start(FakeProcess().says(Ready()), refusing)
    lives.began[0].kill()
    await lives.until(lambda: len(lives.began) == 2)
    assert await lives.worker.worker_probe()() is not None
    refusing.kill()
    await lives.until(lambda: len(lives.began) == 3 and lives.worker._ready.is_set())
    assert await lives.worker.worker_probe()() is None


async def test_what_its_first_life_refuses_ends_the_start(lives: Lives) -> None:
    refusing = FakeProcess().says(Refused(problems=("no ffmpeg",)))
    refusing.kill()
    with pytest.raises(ConfigError, match="no ffmpeg"):
        await lives.start(refusing)
    assert len(lives.began) == 1


async def test_a_frozen_worker_is_ended_and_takes_no_facts_with_it(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "SILENT_S", 0.02)
    frozen = FakeProcess().says(Ready())
    frozen.frozen = True
    await lives.start(frozen)
    stuck = asyncio.create_task(lives.worker.on_event(FACT))
    await lives.until(lambda: len(lives.began) >= 2)
    assert frozen.returncode is not None
    await asyncio.wait_for(stuck, 2)


async def test_the_server_ends_while_the_worker_is_between_two_lives(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "BACKOFF_S", 60.0)
    await lives.start(FakeProcess().says(Ready()))
    lives.began[0].kill()
    await lives.until(lambda: lives.worker._process is None)
    await asyncio.wait_for(lives.worker.stop(), 2)
    assert lives.worker._task is not None
    assert lives.worker._task.done()
    assert len(lives.began) == 1


async def test_the_worker_is_the_program_that_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not another one that lies in the folder where somebody typed `kakehashi serve`."""
    other = tmp_path / "cti"
    other.mkdir()
    (other / "__init__.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    process = await recordings._spawn()
    assert process.stdin is not None
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 20) == 0
