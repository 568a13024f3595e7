"""What Asterisk says that it left out of a file, from the fact to the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.domain.events import SoundLost
from cti.domain.model import UniqueId
from recording.loss import in_words
from tests.unit.recording.fakes import CALL, DEMO, later, tone, write_wav
from tests.unit.recording.test_pipeline import LEG, Desk, settled


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def lost(desk: Desk, began: float, until: float | None, *, uniqueid: str = LEG) -> SoundLost:
    return SoundLost(
        at=later(until or began), tenant=DEMO, call=desk.call, uniqueid=UniqueId(uniqueid), began_at=later(began),
        until_at=None if until is None else later(until), lost_s=2.0,
    )  # fmt: skip


@pytest.mark.parametrize(("hole", "flags", "told"), [(True, ("agent_lost",), [(5.0, 2.0)]), (False, (), [])])
async def test_a_loss_is_flagged_and_told_where_the_file_has_a_hole(
    desk: Desk, hole: bool, flags: tuple[str, ...], told: list[tuple[float, float]]
) -> None:
    desk.write()
    middle = bytes(2 * 8000 * 2) if hole else tone(1000, 2)
    for side in ("-rx", "-tx"):  # the other one heard as little of it
        write_wav(desk.spool / f"{CALL}-a-{LEG}{side}.wav", tone(1000, 1.5) + middle + tone(1000, 1.5))
    async with desk.running() as pipeline:
        await desk.tell(pipeline, ended=False)
        await pipeline.on_event(lost(desk, 5, None))
        await pipeline.taken()
    # Killed here, it is known all the same: the manifest has it.
    async with desk.running() as pipeline:
        await pipeline.on_event(lost(desk, 5, 8))
        await desk.end(pipeline)
        await pipeline.taken()
        await settled(desk, pipeline)
        await pipeline.on_event(lost(desk, 5, 8))  # too late
        await pipeline.taken()
    job = desk.ledger.jobs[(DEMO, CALL)]
    assert job.audio is not None
    assert job.audio.flags == flags
    assert [(one["at_s"], one["seconds"]) for one in in_words(job)] == told
    assert [loss.until_at for loss in job.losses] == [later(8)]
