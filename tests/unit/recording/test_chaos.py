"""Everything around the pipeline fails at random for a while; in the end every recording is stored, once, and whole."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cti.domain.errors import PeerError, Unavailable
from cti.domain.events import RecordingStored
from cti.domain.model import CallId
from recording import stages
from recording.lifecycle import RecordingState
from recording.pipeline import RecordingPipeline
from recording.spool import Spool
from tests.unit.recording.fakes import DEMO
from tests.unit.recording.test_pipeline import Desk, settled

CALLS = 3
TROUBLES = 40  # failures in one run; then everything works


class Chaos:
    """Fails one in three of what it is put in front of, until it is tired."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.left = TROUBLES

    def strike(self, *errors: type[Exception]) -> None:
        if self.left and self.chance.random() < 0.33:
            self.left -= 1
            raise self.chance.choice(errors)("chaos")

    def awaited(self, inner: Callable[..., Any], *errors: type[Exception]) -> Callable[..., Any]:
        """Fails before, or after the work is done: the answer got lost."""

        async def wrapped(*args: Any, **named: Any) -> Any:
            self.strike(*errors)
            result = await inner(*args, **named)
            self.strike(*errors)
            return result

        return wrapped

    def plain(self, inner: Callable[..., Any], *errors: type[Exception]) -> Callable[..., Any]:
        def wrapped(*args: Any, **named: Any) -> Any:
            self.strike(*errors)
            return inner(*args, **named)

        return wrapped


@pytest.mark.parametrize("seed", range(3))
async def test_in_the_end_everything_is_stored_once(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, chaos = Desk(tmp_path), Chaos(seed)
    monkeypatch.setattr(stages, "_RETRY_MOST_S", 0.01)
    monkeypatch.setattr(stages, "_DISK_PAUSE_S", 0.01)
    for name in ("put", "put_bytes", "head", "hash", "ensure_bucket"):
        monkeypatch.setattr(desk.objects, name, chaos.awaited(getattr(desk.objects, name), Unavailable))
    put = desk.objects.put
    monkeypatch.setattr(desk.objects, "put", chaos.awaited(put, PeerError))
    for name in ("save", "counts"):
        monkeypatch.setattr(desk.ledger, name, chaos.awaited(getattr(desk.ledger, name), Unavailable))
    monkeypatch.setattr(desk.encoder, "encode", chaos.awaited(desk.encoder.encode, Unavailable, PeerError))
    for name in ("save", "delete", "files_of", "take_in", "load"):
        monkeypatch.setattr(Spool, name, chaos.plain(getattr(Spool, name), OSError))

    calls = [CallId(f"0f3a2b1c-1111-4222-8333-44445555666{n}") for n in range(CALLS)]
    first = desk.call
    async with desk.running() as pipeline:
        for call_id in calls:
            desk.write(call_id)
            desk.call = replace(first, call_id=call_id)
            await desk.tell(pipeline)
        async with asyncio.timeout(60):
            while _stored(desk) < CALLS:
                await asyncio.sleep(0.02)
        await settled(desk, pipeline)
        _nothing_is_stuck(pipeline)
    assert desk.left() == []
    for call_id in calls:
        record = await desk.ledger.get(DEMO, call_id)
        assert record.audio is not None
        assert (record.audio.sha256, record.audio.size) == await desk.objects.hash(record.audio.key)
    told = [fact.call_id for fact in desk.facts.events if isinstance(fact, RecordingStored)]
    assert set(told) == set(calls)


def _stored(desk: Desk) -> int:
    return sum(job.state is RecordingState.STORED for job in desk.ledger.jobs.values())


def _nothing_is_stuck(pipeline: RecordingPipeline) -> None:
    gauges = pipeline.gauges()
    assert [gauges[name] for name in ("live", "untold", "to_encode", "to_store", "unsettled")] == [0] * 5
