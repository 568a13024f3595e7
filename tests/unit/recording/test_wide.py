"""A wide call's files through the pipeline: found by their extension, watched and stored at their own rate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cti.domain.events import RecordingStoodStill, RecordingStored
from recording.lifecycle import RecordingState
from tests.unit.recording.fakes import CALL, DEMO, break_header, later, tone, write_wav
from tests.unit.recording.test_pipeline import KEY, LEG, Desk, settled

WIDE_HZ = 16000


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def wide(desk: Desk, name: str, hz: float, seconds: float) -> Path:
    return write_wav(desk.spool / f"{CALL}-{name}.wav16", tone(hz, seconds, rate=WIDE_HZ), rate=WIDE_HZ)


async def test_a_wide_caller_and_a_narrow_phone_are_one_wide_recording(desk: Desk) -> None:
    for name in ("c", "c-rx"):
        wide(desk, name, 5000, 10)
    for side in ("", "-rx", "-tx"):
        write_wav(desk.spool / f"{CALL}-a-{LEG}{side}.wav", tone(1000, 5))
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        (fact,) = await desk.facts.wait()
        await settled(desk, pipeline)
    assert isinstance(fact, RecordingStored)
    record = await desk.ledger.get(DEMO, CALL)
    assert record.audio is not None
    assert (record.audio.rate, record.audio.duration_s, record.audio.flags) == (WIDE_HZ, 10.0, ())
    manifest = json.loads(desk.objects.objects[KEY.replace(".webm", ".json")][0])
    assert manifest["audio"]["rate"] == WIDE_HZ
    assert {file["name"]: file["seconds"] for file in manifest["files"]}[f"{CALL}-c-rx.wav16"] == 10.0
    assert desk.left() == []  # the wide files, too


async def test_what_a_killed_asterisk_left_of_a_wide_call_is_as_long_as_it_was(desk: Desk) -> None:
    for name in ("c-rx", f"a-{LEG}-rx"):
        break_header(wide(desk, name, 1000, 10 if name == "c-rx" else 5))
    path = desk.spool / f"{CALL}-c-rx.wav16"
    path.write_bytes(bytes(44) + path.read_bytes()[44:])  # of this one not even the header reached the disk
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        await desk.facts.wait()
        await settled(desk, pipeline)
    record = await desk.ledger.get(DEMO, CALL)
    assert record.state is RecordingState.SALVAGED
    assert record.audio is not None
    assert (record.audio.rate, record.audio.duration_s) == (WIDE_HZ, 10.0)


async def test_a_wide_file_that_stood_still_is_seen_by_its_own_rate(desk: Desk) -> None:
    """One second of 16 kHz after 2.2 s; counted as 8 kHz it would be two."""
    desk.clock.at = later(2.2)
    async with desk.running() as pipeline:
        await desk.tell(pipeline, ended=False)
        wide(desk, "c-rx", 440, 1.0)
        (fact,) = await desk.facts.wait()
    assert isinstance(fact, RecordingStoodStill)
    assert fact.call_id == CALL
