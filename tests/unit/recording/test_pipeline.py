"""The pipeline between its fakes: what becomes of a call's files, whatever fails and whenever it is killed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cti.domain.errors import ConfigError
from cti.domain.events import CallArrived, CallEnded, RecordingMissing, RecordingStarted, RecordingStored
from cti.domain.model import AgentId, Call, CallId
from recording import lanes, stages
from recording.lifecycle import RecordingState
from recording.model import Job, RecordingSettings
from recording.pipeline import RecordingPipeline
from recording.spool import Spool
from recording.wav import ASTERISK_HEADER_BYTES
from tests.unit.recording.fakes import (
    CALL,
    DEMO,
    Clock,
    Facts,
    InlineEncoder,
    MemoryLedger,
    MemoryObjectStore,
    break_header,
    later,
    tone,
    write_wav,
)
from tests.unit.recording.test_assemble import call, talk

SATO = AgentId("sato")
LEG = "9.2"
KEY = f"demo/2026/11/21/{CALL}.webm"


class Desk:
    """Everything around a pipeline, with one call of 10 s in the spool: 440 Hz, and 1000 Hz from 4 s to 9 s."""

    def __init__(self, folder: Path) -> None:
        self.spool, self.work = folder / "spool", folder / "work"
        self.spool.mkdir()
        self.objects, self.ledger, self.encoder = MemoryObjectStore(), MemoryLedger(), InlineEncoder()
        self.facts, self.clock = Facts(), Clock(later(10))
        self.settings = RecordingSettings(
            spool_dir=str(self.spool), work_dir=str(self.work), settle_s=0.3, retry_first_s=0.01, retry_most_s=0.02
        )
        self.find_call: Callable[[CallId], Call | None] | None = None
        self.live: set[CallId] = set()
        self.call = call(talk(SATO, LEG, 4, 9), end=10)

    def write(self, call_id: CallId = CALL) -> None:
        write_wav(self.spool / f"{call_id}-c.wav", tone(440, 10))
        write_wav(self.spool / f"{call_id}-c-rx.wav", tone(440, 10))
        for side in ("", "-rx", "-tx"):
            write_wav(self.spool / f"{call_id}-a-{LEG}{side}.wav", tone(1000, 5))

    def pipeline(self) -> RecordingPipeline:
        async def find(call_id: CallId) -> Call | None:
            return self.find_call(call_id) if self.find_call else None

        return RecordingPipeline(
            settings=self.settings,
            objects=self.objects,
            ledger=self.ledger,
            encoder=self.encoder,
            sink=self.facts,
            now=self.clock,
            find_call=find,
            is_live=lambda call_id: call_id in self.live,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[RecordingPipeline]:
        pipeline = self.pipeline()
        await pipeline.start()
        try:
            yield pipeline
        finally:
            await pipeline.stop()

    async def tell(self, pipeline: RecordingPipeline, *, ended: bool = True) -> None:
        """The facts of the call, in order."""
        await pipeline.on_event(CallArrived(at=later(0), tenant=DEMO, call=self.call))
        for base, agent, at in ((f"{self.call.call_id}-c", None, 0), (f"{self.call.call_id}-a-{LEG}", SATO, 4)):
            await pipeline.on_event(RecordingStarted(at=later(at), tenant=DEMO, call=self.call, file=base, agent=agent))
        if ended:
            await self.end(pipeline)
        await pipeline.taken()

    async def end(self, pipeline: RecordingPipeline) -> None:
        await pipeline.on_event(CallEnded(at=later(10), tenant=DEMO, call=self.call))

    def state(self) -> RecordingState:
        return self.ledger.jobs[(DEMO, CALL)].state

    def left(self) -> list[str]:
        return sorted(path.name for folder in (self.spool, self.work) for path in folder.iterdir())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def settled(desk: Desk, pipeline: RecordingPipeline) -> None:
    """Until nothing is on its way any more."""
    async with asyncio.timeout(20):
        while pipeline.gauges()["unsettled"]:
            await asyncio.sleep(0.01)


async def test_a_short_leg_whose_sound_asterisk_still_holds_is_waited_for(desk: Desk) -> None:
    """A colleague's leg outlives the caller for a moment, and its file was nothing but a header when the call ended."""
    desk.settings = replace(desk.settings, settle_s=8.0)
    desk.write()
    legs = [desk.spool / f"{CALL}-a-{LEG}{side}.wav" for side in ("", "-rx", "-tx")]
    said = legs[1].read_bytes()
    for leg in legs:
        leg.write_bytes(said[:ASTERISK_HEADER_BYTES])
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        await asyncio.sleep(0.3)
        assert desk.facts.events == []
        for leg in legs:
            leg.write_bytes(said)
        await desk.facts.wait()
        await settled(desk, pipeline)
    record = await desk.ledger.get(DEMO, CALL)
    assert record.audio is not None
    assert record.audio.agent_db > -30
    assert desk.left() == []


async def test_a_call_goes_from_the_spool_into_the_store_and_the_ledger(desk: Desk) -> None:
    desk.write()
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        (fact,) = await desk.facts.wait()
        await settled(desk, pipeline)
    assert isinstance(fact, RecordingStored)
    assert (fact.call_id, fact.uri, fact.duration_s) == (CALL, f"s3://memory/{KEY}", 10.0)
    record = await desk.ledger.get(DEMO, CALL)
    assert record.audio is not None
    assert record.state is RecordingState.STORED
    assert (record.audio.sha256, record.audio.size) == await desk.objects.hash(KEY)
    assert record.audio.flags == ()
    assert record.audio.talks[0]["silent"] == []
    assert sorted(desk.objects.objects) == [
        f"demo/2026/11/21/{CALL}.json",
        f"demo/2026/11/21/{CALL}.peaks.json",
        KEY,
    ]
    assert desk.left() == []
    steps = [move.step.value for move in await desk.ledger.history(DEMO, CALL)]
    assert steps == ["file_announced", "call_ended", "encoded", "uploaded", "verified", "stored"]


async def test_facts_told_twice_store_once(desk: Desk) -> None:
    desk.write()
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        await desk.tell(pipeline)
        await desk.facts.wait()
        await settled(desk, pipeline)
        await desk.end(pipeline)  # and once more when all is done
        await pipeline.taken()
        await settled(desk, pipeline)
    assert desk.objects.puts == [KEY]
    assert desk.state() is RecordingState.STORED


async def test_the_store_is_down_at_hang_up_and_comes_back(desk: Desk) -> None:
    desk.write()
    desk.objects.down = True
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        for _ in range(3):
            desk.objects.asked.clear()
            await asyncio.wait_for(desk.objects.asked.wait(), 10)
        assert desk.facts.events == []
        assert len(list(desk.spool.iterdir())) == 5
        desk.objects.down = False
        await desk.facts.wait()
        await settled(desk, pipeline)
    assert desk.objects.puts == [KEY]
    assert desk.left() == []
    assert desk.encoder.made == [CALL]


async def test_the_oldest_goes_first_and_each_once(desk: Desk) -> None:
    desk.objects.down = True
    desk.settings = replace(desk.settings, uploads=1)
    calls = [CallId(f"0f3a2b1c-1111-4222-8333-44445555666{n}") for n in range(4)]
    async with desk.running() as pipeline:
        for number in (2, 0, 3, 1):
            desk.write(calls[number])
            one = replace(desk.call, call_id=calls[number], ended_at=later(10 + number))
            await pipeline.on_event(CallEnded(at=later(10), tenant=DEMO, call=one))
        async with asyncio.timeout(20):
            while [job.state for job in desk.ledger.jobs.values()] != [RecordingState.ENCODED] * 4:
                await asyncio.sleep(0.01)
        desk.objects.down = False
        await desk.facts.wait(4)
        await settled(desk, pipeline)
    assert desk.objects.puts == [f"demo/2026/11/21/{call_id}.webm" for call_id in calls]


async def test_the_database_is_down_from_beginning_to_end_and_comes_back(desk: Desk) -> None:
    desk.write()
    desk.ledger.down = True
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        async with asyncio.timeout(20):
            while pipeline.stats.store_waits < 2:
                await asyncio.sleep(0.01)
        assert KEY in desk.objects.objects
        assert len(list(desk.spool.iterdir())) == 5  # nothing is deleted before the ledger knows
        desk.ledger.down = False
        await desk.facts.wait()
        await settled(desk, pipeline)
    assert desk.state() is RecordingState.STORED
    assert desk.objects.puts == [KEY]


STAGES = ["file_announced", "call_ended", "encoded", "uploaded", "verified"]


@pytest.mark.parametrize("killed_after", STAGES)
async def test_killed_after_any_step_the_next_run_goes_on(
    desk: Desk, killed_after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write()
    save, killed = Spool.save, asyncio.Event()
    loop = asyncio.get_running_loop()

    def save_and_die(self: Spool, job: object) -> None:
        if killed.is_set():
            raise OSError("dead")
        save(self, job)  # type: ignore[arg-type]
        if job.moves[-1].step.value == killed_after:  # type: ignore[attr-defined]
            loop.call_soon_threadsafe(killed.set)
            raise OSError("dead")

    monkeypatch.setattr(Spool, "save", save_and_die)
    first = desk.pipeline()
    await first.start()
    await desk.tell(first)
    await asyncio.wait_for(killed.wait(), 20)
    await first.stop()
    assert desk.facts.events == []
    monkeypatch.setattr(Spool, "save", save)

    async with desk.running() as second:
        if killed_after == "file_announced":
            await desk.end(second)
        (fact,) = await desk.facts.wait()
        await settled(desk, second)
    assert isinstance(fact, RecordingStored)
    assert desk.state() is RecordingState.STORED
    assert len(desk.objects.puts) == 1
    assert desk.left() == []


async def test_killed_between_commit_and_deletion_it_is_told_again_and_cleaned_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write()
    delete = Spool.delete

    def fail(self: Spool, job: object) -> list[str]:
        raise OSError("dead")

    monkeypatch.setattr(Spool, "delete", fail)
    first = desk.pipeline()
    await first.start()
    await desk.tell(first)
    await desk.facts.wait()
    await first.stop()
    assert desk.state() is RecordingState.STORED
    monkeypatch.setattr(Spool, "delete", delete)
    async with desk.running() as second:
        await desk.facts.wait(2)
        await settled(desk, second)
    assert desk.left() == []
    assert desk.objects.puts == [KEY]


async def test_an_encoded_file_that_is_gone_is_made_again(desk: Desk) -> None:
    desk.write()
    desk.objects.down = True
    first = desk.pipeline()
    await first.start()
    await desk.tell(first)
    await asyncio.wait_for(desk.objects.asked.wait(), 10)
    await first.stop()
    (desk.work / f"{CALL}.webm").unlink()
    desk.objects.down = False
    async with desk.running() as second:
        await desk.facts.wait()
        await settled(desk, second)
    assert desk.encoder.made == [CALL, CALL]
    assert desk.state() is RecordingState.STORED


async def test_what_arrives_damaged_is_noticed_and_sent_again(desk: Desk) -> None:
    desk.write()
    desk.objects.damage = 1
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        await desk.facts.wait()
        await settled(desk, pipeline)
    assert desk.objects.puts == [KEY, KEY]
    moves = await desk.ledger.history(DEMO, CALL)
    assert [(m.step.value, m.reason) for m in moves if m.reason] == [("failed", "upload_damaged")]
    assert desk.left() == []


async def test_one_that_the_store_refuses_lets_the_others_pass(desk: Desk) -> None:
    other = CallId("ffffffff-1111-4222-8333-444455556666")
    desk.write()
    desk.write(other)
    desk.objects.refused.add(KEY)
    desk.settings = replace(desk.settings, uploads=1)
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        newer = replace(desk.call, call_id=other, ended_at=later(99))
        await pipeline.on_event(CallEnded(at=later(99), tenant=DEMO, call=newer))
        (fact,) = await desk.facts.wait()
        assert isinstance(fact, RecordingStored)
        assert fact.call_id == other
        desk.objects.refused.clear()
        await desk.facts.wait(2)
        await settled(desk, pipeline)
    assert desk.state() is RecordingState.STORED
    assert desk.left() == []


async def test_our_disk_is_full_at_hang_up_and_nothing_is_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write()
    save, full = Spool.save, True

    def no_room(self: Spool, job: Job) -> None:
        if full:
            raise OSError(28, "No space left on device")
        save(self, job)

    monkeypatch.setattr(Spool, "save", no_room)
    monkeypatch.setattr(stages, "_DISK_PAUSE_S", 0.02)
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        assert pipeline.gauges()["unsettled"] == 1
        full = False
        await desk.facts.wait()
        await settled(desk, pipeline)
    assert desk.state() is RecordingState.STORED
    assert desk.left() == []


async def test_an_encoder_that_dies_is_asked_again(desk: Desk) -> None:
    desk.write()
    desk.encoder.broken = 1
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        await desk.facts.wait()
    moves = await desk.ledger.history(DEMO, CALL)
    assert [m.reason for m in moves if m.reason] == ["encoding_failed"]
    assert desk.state() is RecordingState.STORED


async def test_a_call_without_any_file_is_missing_and_that_is_told(desk: Desk) -> None:
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        (fact,) = await desk.facts.wait()
        await settled(desk, pipeline)
    assert isinstance(fact, RecordingMissing)
    assert fact.reason == "no_file"
    assert desk.state() is RecordingState.NOT_RECORDED
    missing = await desk.ledger.missing(DEMO, since=later(0))
    assert [(record.call_id, record.reason) for record in missing] == [(CALL, "no_file")]
    assert desk.left() == []
    assert pipeline.stats.reasons == {"no_file": 1}


async def test_a_link_in_the_spool_is_no_recording(desk: Desk, tmp_path: Path) -> None:
    secret = write_wav(tmp_path / "secret.wav", tone(440, 10))
    (desk.spool / f"{CALL}-c-rx.wav").symlink_to(secret)
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        (fact,) = await desk.facts.wait()
    assert isinstance(fact, RecordingMissing)
    assert desk.objects.objects == {}
    assert secret.exists()


async def test_a_caller_who_left_at_once_leaves_nothing_behind(desk: Desk) -> None:
    write_wav(desk.spool / f"{CALL}-c.wav", tone(440, 1))
    write_wav(desk.spool / f"{CALL}-c-rx.wav", tone(440, 1))
    desk.call = call(end=1)
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        (fact,) = await desk.facts.wait()
        await settled(desk, pipeline)
    assert isinstance(fact, RecordingMissing)
    assert fact.reason == "too_short"
    assert desk.left() == []


async def test_a_broken_header_is_salvaged(desk: Desk) -> None:
    desk.write()
    break_header(desk.spool / f"{CALL}-c-rx.wav")
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        await desk.facts.wait()
        await settled(desk, pipeline)
    record = await desk.ledger.get(DEMO, CALL)
    assert record.state is RecordingState.SALVAGED
    assert record.audio is not None
    assert record.audio.duration_s == 10.0


async def test_a_silent_agent_is_said(desk: Desk) -> None:
    desk.write()
    write_wav(desk.spool / f"{CALL}-a-{LEG}-rx.wav", tone(0, 5))
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        await desk.facts.wait()
    record = await desk.ledger.get(DEMO, CALL)
    assert record.audio is not None
    assert record.audio.flags == ("one_sided_agent",)


async def test_a_file_that_grows_after_it_was_stored_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write()
    path = desk.spool / f"{CALL}-c-rx.wav"
    publish = desk.facts.publish

    def grow(event: object) -> None:
        with path.open("ab") as file:
            file.write(bytes(100))
        publish(event)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.facts, "publish", grow)
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        await desk.facts.wait()
        await settled(desk, pipeline)
    assert desk.left() == [path.name]


async def test_a_file_that_is_still_open_is_waited_for(desk: Desk) -> None:
    desk.write()
    desk.settings = replace(desk.settings, settle_s=10)
    path = break_header(desk.spool / f"{CALL}-c-rx.wav")
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with desk.running() as pipeline:
        info = Spool.info

        def look(self: Spool, seen: object) -> object:
            loop.call_soon_threadsafe(looked.set)
            return info(self, seen)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Spool, "info", look)
            await desk.tell(pipeline)
            await asyncio.wait_for(looked.wait(), 10)
            assert desk.encoder.made == []
            write_wav(path, tone(440, 10))
            await desk.facts.wait()
    assert desk.state() is RecordingState.STORED


async def test_files_of_a_call_that_ended_while_nobody_ran_are_taken_in(desk: Desk) -> None:
    desk.write()
    desk.find_call = lambda call_id: desk.call if call_id == CALL else None
    desk.clock.at = later(10**9)  # the files are new, the clock says they are old
    async with desk.running() as pipeline:
        await desk.facts.wait()
        await settled(desk, pipeline)
    record = await desk.ledger.get(DEMO, CALL)
    assert record.state is RecordingState.STORED
    assert record.facts.agents == (SATO,)
    assert desk.left() == []


async def test_a_live_call_and_a_stranger_are_left_alone(desk: Desk) -> None:
    desk.write()
    other = CallId("ffffffff-1111-4222-8333-444455556666")
    desk.write(other)
    desk.live.add(CALL)
    desk.find_call = lambda call_id: desk.call if call_id == CALL else None  # its row is in the table already
    desk.clock.at = later(10**9)
    desk.settings = replace(desk.settings, rescan_s=0.02)
    async with desk.running() as pipeline:
        async with asyncio.timeout(10):
            while pipeline.stats.strangers == 0:
                await asyncio.sleep(0.01)
        assert pipeline.stats.strangers >= 1
    assert desk.facts.events == []
    assert len(list(desk.spool.iterdir())) == 10


async def test_a_look_at_the_spool_that_goes_wrong_is_not_the_last_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write()
    other = CallId("ffffffff-1111-4222-8333-444455556666")
    desk.write(other)
    desk.find_call = lambda _: None
    desk.clock.at = later(10**9)
    desk.settings = replace(desk.settings, rescan_s=0.02)
    look, looks = Spool.by_call, []

    def wrong_at_first(spool: Spool) -> object:
        looks.append(spool)
        if len(looks) == 1:
            raise RuntimeError("nobody thought of this")
        return look(spool)

    monkeypatch.setattr(Spool, "by_call", wrong_at_first)
    async with desk.running() as pipeline, asyncio.timeout(10):
        while pipeline.stats.strangers == 0:
            await asyncio.sleep(0.01)
    assert len(looks) > 1


async def test_a_call_known_as_live_whose_end_was_never_told_is_ended(desk: Desk) -> None:
    desk.write()
    desk.settings = replace(desk.settings, rescan_s=0.05)
    desk.live.add(CALL)
    async with desk.running() as pipeline:
        await desk.tell(pipeline, ended=False)
        desk.live.clear()
        desk.clock.at = later(10**9)
        stepping = asyncio.create_task(_tick(desk.clock))
        await desk.facts.wait()
        await settled(desk, pipeline)
        stepping.cancel()
    record = await desk.ledger.get(DEMO, CALL)
    assert record.audio is not None
    assert "end_inferred" in record.audio.flags


async def _tick(clock: Clock) -> None:
    seconds = 0
    while True:
        await asyncio.sleep(0.01)
        seconds += 1
        clock.at = later(10**9 + seconds)


async def test_files_that_turn_up_after_a_recording_was_written_off_are_stored(desk: Desk) -> None:
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        await desk.facts.wait()
        await settled(desk, pipeline)
    assert desk.state() is RecordingState.NOT_RECORDED
    desk.write()
    desk.clock.at = later(10**9)
    async with desk.running() as pipeline:
        await desk.facts.wait(2)
        await settled(desk, pipeline)
    assert desk.state() is RecordingState.STORED
    assert [m.step.value for m in await desk.ledger.history(DEMO, CALL)][2:4] == ["nothing_there", "found"]


async def test_an_unreadable_manifest_is_left_and_does_not_stop_the_start(desk: Desk) -> None:
    desk.work.mkdir()
    (desk.work / f"{CALL}.manifest.json").write_text("{")
    async with desk.running() as pipeline:
        assert pipeline.gauges()["unsettled"] == 0
    assert desk.left() == [f"{CALL}.manifest.json"]


async def test_a_spool_that_is_not_there_stops_the_start_and_says_which(desk: Desk) -> None:
    desk.spool.rmdir()
    with pytest.raises(ConfigError, match="spool: No such file"):
        await desk.pipeline().start()


async def test_one_recordings_trouble_does_not_stop_the_others(desk: Desk) -> None:
    bad = CallId("eeeeeeee-1111-4222-8333-444455556666")
    odd = write_wav(desk.spool / f"{bad}-c-rx.wav", tone(440, 10))
    data = bytearray(odd.read_bytes())
    data[20:22] = b"\x07\x00"  # µ-law: not what the dialplan asks for
    odd.write_bytes(data)
    desk.write()
    async with desk.running() as pipeline:
        await pipeline.on_event(CallEnded(at=later(9), tenant=DEMO, call=replace(desk.call, call_id=bad)))
        await desk.tell(pipeline)
        await desk.facts.wait()
        async with asyncio.timeout(20):  # a failure is no fact, and stays unsettled: it is tried again
            while not (failed := [move for move in await desk.ledger.history(DEMO, bad) if move.reason]):
                await asyncio.sleep(0.01)
    assert desk.state() is RecordingState.STORED
    assert (failed[0].state, failed[0].reason) == (RecordingState.FAILED, "unreadable_file")
    assert odd.exists()


async def test_a_slow_disk_holds_up_one_call_and_not_the_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write()
    slow, release = CallId("ffffffff-1111-4222-8333-444455556666"), threading.Event()
    save = Spool.save

    def stuck(self: Spool, job: Job) -> None:
        if job.call_id == slow:
            release.wait(20)
        save(self, job)

    monkeypatch.setattr(Spool, "save", stuck)
    monkeypatch.setattr(lanes, "hash", lambda call_id: int(call_id == slow), raising=False)
    async with desk.running() as pipeline:
        other = replace(desk.call, call_id=slow)
        for number in range(20):
            file = f"{slow}-a-9.{number}"
            await pipeline.on_event(RecordingStarted(at=later(1), tenant=DEMO, call=other, file=file, agent=SATO))
        for event in (
            RecordingStarted(at=later(0), tenant=DEMO, call=desk.call, file=f"{CALL}-c", agent=None),
            CallEnded(at=later(10), tenant=DEMO, call=desk.call),
        ):
            await pipeline.on_event(event)
        (fact,) = await desk.facts.wait()
        assert isinstance(fact, RecordingStored)
        assert fact.call_id == CALL
        release.set()
