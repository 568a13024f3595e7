"""The object store is away for a day: what waits keeps within its limit, survives a restart and drains oldest first."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from cti.domain.events import CallEnded, RecordingStored
from cti.domain.model import Call, CallId
from recording.disk import measure
from recording.diskguard import CALM_LOOKS, MB, Guard, Level, Limits, advance
from recording.lifecycle import RecordingState
from recording.pipeline import RecordingPipeline
from tests.unit.recording.fakes import DEMO, later, tone, write_wav
from tests.unit.recording.test_assemble import call, talk
from tests.unit.recording.test_pipeline import LEG, SATO, Desk, settled

CALLS = 8  # in a day
EVERY_S = 24 * 3600 / CALLS
LENGTH_S = 2


def a_call(number: int) -> Call:
    """The day's call ``number``. Later calls come first by name: the order of time is not that of files."""
    begin_s = number * EVERY_S
    told = call(talk(SATO, LEG, begin_s + 0.1, begin_s + LENGTH_S - 0.1), end=begin_s + LENGTH_S)
    name = CallId(f"0f3a2b1c-1111-4222-8333-4444555566{99 - number}")
    return replace(told, call_id=name, arrived_at=later(begin_s))


def record(desk: Desk, one: Call) -> None:
    """As Asterisk leaves it at the hang-up."""
    assert one.ended_at is not None
    for name, hz in (("c", 440), ("c-rx", 440), (f"a-{LEG}", 1000), (f"a-{LEG}-rx", 1000), (f"a-{LEG}-tx", 440)):
        path = write_wav(desk.spool / f"{one.call_id}-{name}.wav", tone(hz, LENGTH_S))
        os.utime(path, (one.ended_at.timestamp(), one.ended_at.timestamp()))


async def encoded(desk: Desk, one: Call) -> None:
    """Until only the store is missing."""
    async with asyncio.timeout(20):
        while getattr(desk.ledger.jobs.get((DEMO, one.call_id)), "state", None) is not RecordingState.ENCODED:
            await asyncio.sleep(0.005)


async def test_a_day_without_the_store_and_a_restart_in_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.settings = replace(desk.settings, uploads=1)
    desk.objects.down = True
    calls = [a_call(number) for number in range(CALLS)]
    desk.live = {one.call_id for one in calls}  # nobody else's: only what we are told of is taken in
    limits, guard = Limits(warn_free=0, stop_free=0, cut_free=0, spool_max=8 * MB // 10), Guard()
    waiting: list[Call] = []
    refused = 0

    async def life(pipeline: RecordingPipeline, hours: list[Call]) -> None:
        nonlocal guard, refused
        for one in hours:
            desk.clock.at = one.ended_at or one.arrived_at
            if guard.level >= Level.STOP:  # Asterisk begins no recording
                refused += 1
                continue
            record(desk, one)
            waiting.append(one)
            await pipeline.on_event(CallEnded(at=desk.clock.at, tenant=DEMO, call=one))
            await encoded(desk, one)
            look = measure(disks=[], spools=[desk.spool, desk.work])
            guard = advance(guard, look, limits)
            assert look.spool is not None
            assert look.spool < 1.2 * limits.spool_max  # one recording beyond the limit at most

    async with desk.running() as first:
        await life(first, calls[: CALLS // 3])
    async with desk.running() as second:
        await life(second, calls[CALLS // 3 :])
        assert (len(waiting) > CALLS // 3, refused > 0, guard.level) == (True, True, Level.STOP)
        assert desk.objects.puts == []
        desk.clock.at = later(25 * 3600)
        desk.objects.down = False
        facts = await desk.facts.wait(len(waiting))
        await settled(desk, second)
    assert [fact.call_id for fact in facts if isinstance(fact, RecordingStored)] == [one.call_id for one in waiting]
    sounds = [key for key in desk.objects.puts if key.endswith(".webm")]
    assert [key.rpartition("/")[2] for key in sounds] == [
        f"{one.call_id}.webm" for one in waiting
    ]  # oldest first, once
    assert sorted(desk.encoder.made) == sorted(one.call_id for one in waiting)  # the restart made nothing anew
    assert len(desk.facts.events) == len(waiting)
    assert desk.left() == []
    for _ in range(CALM_LOOKS):
        guard = advance(guard, measure(disks=[], spools=[desk.spool, desk.work]), limits)
    assert guard.level is Level.OK
