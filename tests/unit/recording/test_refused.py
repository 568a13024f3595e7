"""Recordings that the dialplan did not begin, because the disk had no room: the ledger says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.domain.events import CallArrived, RecordingMissing, RecordingRefused, RecordingStored
from recording.lifecycle import RecordingState
from recording.pipeline import RecordingPipeline
from tests.unit.recording.fakes import CALL, DEMO, later
from tests.unit.recording.test_pipeline import Desk, settled


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def refuse(desk: Desk, pipeline: RecordingPipeline) -> None:
    await pipeline.on_event(RecordingRefused(at=later(0), tenant=DEMO, call=desk.call, reason="disk_full"))


async def test_a_call_that_nothing_was_recorded_of_says_why(desk: Desk) -> None:
    async with desk.running() as pipeline:
        await pipeline.on_event(CallArrived(at=later(0), tenant=DEMO, call=desk.call))
        await refuse(desk, pipeline)
        await refuse(desk, pipeline)  # the caller's channel, then the agent's
        await desk.end(pipeline)
        (fact,) = await desk.facts.wait()
        await settled(desk, pipeline)
    assert isinstance(fact, RecordingMissing)
    assert fact.reason == "disk_full"
    assert desk.state() is RecordingState.NOT_RECORDED
    assert pipeline.stats.reasons == {"disk_full": 1}
    assert desk.left() == []


async def test_a_call_that_a_part_was_recorded_of_keeps_it_and_carries_the_flag(desk: Desk) -> None:
    desk.write()
    async with desk.running() as pipeline:
        await desk.tell(pipeline, ended=False)
        await refuse(desk, pipeline)
        await desk.end(pipeline)
        (fact,) = await desk.facts.wait()
        await settled(desk, pipeline)
    assert isinstance(fact, RecordingStored)
    record = await desk.ledger.get(DEMO, CALL)
    assert record.audio is not None
    assert record.audio.flags == ("disk_full",)


async def test_the_reason_survives_a_restart(desk: Desk) -> None:
    async with desk.running() as pipeline:
        await pipeline.on_event(CallArrived(at=later(0), tenant=DEMO, call=desk.call))
        await refuse(desk, pipeline)
        await pipeline.taken()
    async with desk.running() as pipeline:
        await desk.end(pipeline)
        (fact,) = await desk.facts.wait()
        await settled(desk, pipeline)
    assert isinstance(fact, RecordingMissing)
    assert fact.reason == "disk_full"
