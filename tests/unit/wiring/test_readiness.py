"""What is ready and since when: every part by itself, soon after a change."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from cti.domain.errors import Unavailable
from cti.wiring import readiness as module
from cti.wiring.readiness import Readiness, Warned

T0 = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


class Part:
    """A part that says what it is told to, and counts how often it was asked."""

    def __init__(self, said: str | Warned | None = None) -> None:
        self.said = said
        self.hangs = False
        self.raises: Exception | None = None
        self.asked = 0
        self._asked = asyncio.Condition()

    async def __call__(self) -> str | Warned | None:
        async with self._asked:
            self.asked += 1
            self._asked.notify_all()
        if self.raises is not None:
            raise self.raises
        if self.hangs:
            await asyncio.Event().wait()
        return self.said

    async def asked_again(self, times: int = 2) -> None:
        """The answer before the last question has been noted."""
        wanted = self.asked + times
        async with asyncio.timeout(5), self._asked:
            await self._asked.wait_for(lambda: self.asked >= wanted)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOON_S", 0.001)
    monkeypatch.setattr(module, "EVERY_S", 0.004)


class Clock:
    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> datetime:
        return self.now


async def test_before_anybody_has_looked_nothing_is_ready() -> None:
    state = Readiness({"s3": Part()}, lambda: T0).parts()["s3"]
    assert (state.ready, state.why) == (False, "has not been looked at yet")


async def test_a_part_that_hangs_keeps_nobody_from_hearing_that_the_others_are_ready() -> None:
    slow, quick_one = Part(), Part()
    slow.hangs = True
    readiness = Readiness({"s3": slow, "ami": quick_one}, lambda: T0)
    await readiness.start()
    try:
        await quick_one.asked_again()
        assert readiness.parts()["ami"].ready
        assert not readiness.parts()["s3"].ready
    finally:
        await readiness.stop()


async def test_a_part_that_comes_and_goes_says_since_when_and_why() -> None:
    part, clock = Part("not connected"), Clock()
    readiness = Readiness({"ami": part}, clock)
    await readiness.start()
    try:
        await part.asked_again()
        assert (readiness.parts()["ami"].why, readiness.parts()["ami"].since) == ("not connected", T0)
        part.said, clock.now = None, T0 + timedelta(seconds=2)
        await part.asked_again(3)
        state = readiness.parts()["ami"]
        assert (state.ready, state.since, state.why) == (True, T0 + timedelta(seconds=2), None)
        part.raises, clock.now = Unavailable("broke"), T0 + timedelta(seconds=5)
        await part.asked_again(3)
        state = readiness.parts()["ami"]
        assert (state.ready, state.since, state.why) == (False, T0 + timedelta(seconds=5), "broke")
    finally:
        await readiness.stop()


async def test_a_warning_is_told_and_takes_no_part_out_of_service() -> None:
    part = Part(Warned(why="1.9 GB free"))
    readiness = Readiness({"disk": part}, lambda: T0)
    await readiness.start()
    try:
        await part.asked_again()
        assert (readiness.parts()["disk"].ready, readiness.parts()["disk"].why) == (True, "1.9 GB free")
    finally:
        await readiness.stop()


async def test_no_part_is_asked_when_it_has_been_stopped() -> None:
    part = Part()
    readiness = Readiness({"ami": part}, lambda: T0)
    await readiness.start()
    await part.asked_again()
    await readiness.stop()
    before = part.asked
    await asyncio.sleep(0.02)
    assert part.asked == before
