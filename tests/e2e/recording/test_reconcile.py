"""`kakehashi recordings reconcile`: one fault of each kind planted; all are named, the safe ones set right."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sys
import time
import uuid
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from cti.config import load_config
from cti.demo.folders import RunFolder
from cti.demo.objectstore import RunningObjectStore
from cti.demo.postgres import RunningPostgres
from cti.domain.model import AgentId, Call, CallId
from cti.store.calls import CallStore
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from cti.wiring.reconcile import Wanted, reconcile
from recording.assemble import job_of_call, moved, with_call
from recording.encode import EncoderPool, hash_file
from recording.keys import object_keys
from recording.lifecycle import TABLE, RecordingState, Step
from recording.manifest import to_json
from recording.model import Job, RecordingSettings, SpoolFile, StoredAudio
from recording.objectstore import S3ObjectStore
from recording.pipeline import RecordingPipeline
from recording.reconcilerun import Finding
from recording.store import PostgresLedger
from tests.unit.recording.fakes import DEMO, T0, Facts, tone, write_wav
from tests.unit.recording.test_assemble import call, talk

pytestmark = pytest.mark.asyncio(loop_scope="package")

ROOT = Path(__file__).parents[3]
SOUND = b"what was encoded" * 100
WIDE = 16_000  # of a trunk in G.722
WAY = (Step.FILE_ANNOUNCED, Step.CALL_ENDED, Step.ENCODED, Step.UPLOADED, Step.VERIFIED)


@dataclass
class Archive:
    """A desk's database, bucket and spool, filled by hand: a reconcile sees what they say and not how it came to be."""

    folder: Path
    pool: asyncpg.Pool[Any]
    calls: CallStore
    ledger: PostgresLedger
    objects: S3ObjectStore
    config: Path

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def work(self) -> Path:
        return self.folder / "data" / "recordings"

    async def call(self) -> Call:
        """A call that sato answered, in the contact records."""
        one = replace(
            call(talk(AgentId("sato"), "9.2", 1, 3), end=4), call_id=CallId(str(uuid.uuid4())), answered_at=T0
        )
        await self.calls.save([one])
        return one

    def record(self, one: Call, *, rate: int = 8000) -> tuple[SpoolFile, ...]:
        """The files that Asterisk wrote an hour ago; the agent's phone is narrow."""
        files = []
        for name, seconds, hz in (("c", 4, rate), ("c-rx", 4, rate), ("a-9.2-rx", 2, 8000)):
            path = self.spool / f"{one.call_id}-{name}.{'wav' if hz == 8000 else 'wav16'}"
            write_wav(path, tone(440, seconds, rate=hz), rate=hz)
            os.utime(path, (time.time() - 3600,) * 2)
            sha256, size = hash_file(path)
            heard = sha256 if name.endswith("rx") else ""
            files.append(SpoolFile(name=path.name, size=size, seconds=seconds, sha256=heard, salvaged=False))
        return tuple(files)

    async def stored(self, one: Call, files: tuple[SpoolFile, ...] = ()) -> Job:
        """A recording as the pipeline leaves it: object, peaks, manifest, ledger."""
        keys = object_keys(one.tenant, one.call_id, one.arrived_at, suffix=".webm")
        sound = self.folder / "sound"
        sound.write_bytes(SOUND + one.call_id.encode())
        sha256, size = hash_file(sound)
        audio = StoredAudio(
            key=keys.audio, uri=self.objects.uri(keys.audio), sha256=sha256, size=size, duration_s=4.0, rate=8000,
            format="webm/opus", channels=2, caller_db=-20.0, agent_db=-20.0, talks=(), peaks_key=keys.peaks, flags=(),
        )  # fmt: skip
        job = replace(with_call(job_of_call(one), one, now=T0), audio=audio, files=files)
        for step in WAY:
            job = moved(job, TABLE[job.state][step], step, at=T0)
        await self.objects.put(keys.audio, sound, sha256=sha256, content_type="audio/webm")
        await self.objects.put_bytes(keys.peaks, b"{}", content_type="application/json")
        await self.objects.put_bytes(keys.manifest, to_json(job), content_type="application/json")
        job = moved(job, RecordingState.STORED, Step.STORED, at=T0)
        await self.ledger.save(replace(job, stored_at=T0))
        return job

    async def overwrite(self, one: Call, data: bytes) -> None:
        key = object_keys(one.tenant, one.call_id, one.arrived_at, suffix=".webm").audio
        await self.objects.put_bytes(key, data, content_type="audio/webm")

    async def command(self, *words: str) -> tuple[int, dict[str, dict[str, Any]], dict[str, Any]]:
        """Exit status, findings by call id (or detail), summary."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "ignore", "-m", "cti", "recordings", "reconcile", "--json",
            "--config", str(self.config), *words, cwd=ROOT, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 120)
        lines = [json.loads(line) for line in out.splitlines()]
        assert lines, err.decode()
        assert process.returncode is not None
        return process.returncode, {line["call_id"] or line["detail"]: line for line in lines[:-1]}, lines[-1]


@pytest_asyncio.fixture(loop_scope="package")
async def archive(
    around: tuple[RunFolder, RunningObjectStore, RunningPostgres], tmp_path: Path
) -> AsyncIterator[Archive]:
    _, running, postgres = around
    name = f"reconcile_{uuid.uuid4().hex[:8]}"
    url = await postgres.make_database(name)
    pool = await create_pool(url, max_size=4)
    await migrate(pool)
    access = running.access
    bucket = name.replace("_", "-")
    config = tmp_path / "kakehashi.toml"
    config.write_text(
        f'data_dir = "{tmp_path / "data"}"\n[asterisk]\nami_secret = "unused"\nspool_dir = "{tmp_path / "spool"}"\n'
        f'[database]\nurl = "{url}"\n[s3]\nendpoint = "{access.endpoint}"\nbucket = "{bucket}"\n'
        f'access_key = "{access.access_key}"\nsecret_key = "{access.secret_key}"\n'
    )
    objects = S3ObjectStore(
        bucket=bucket, endpoint_url=access.endpoint, access_key=access.access_key, secret_key=access.secret_key
    )
    await objects.ensure_bucket()
    made = Archive(tmp_path, pool, CallStore(pool), PostgresLedger(pool), objects, config)
    made.spool.mkdir()
    made.work.mkdir(parents=True)
    yield made
    objects.close()
    await pool.close()


@pytest.mark.timeout(240)
async def test_one_fault_of_each_kind(archive: Archive) -> None:
    fine, nowhere, found, lost, gone, changed, resized, forgotten, left, grown = [
        await archive.call() for _ in range(10)
    ]
    await archive.stored(fine)
    archive.record(found, rate=WIDE)
    await archive.stored(lost, archive.record(lost, rate=WIDE))
    await archive.stored(gone)
    for one in (lost, gone):
        await archive.objects.delete(object_keys(DEMO, one.call_id, one.arrived_at, suffix=".webm").audio)
    sound = SOUND + (await archive.stored(changed)).call_id.encode()
    await archive.overwrite(changed, sound[:-1] + b"!")
    await archive.stored(resized)
    await archive.overwrite(resized, sound + b"!")
    await archive.stored(forgotten)
    await archive.pool.execute("DELETE FROM recordings WHERE call_id = $1", uuid.UUID(forgotten.call_id))
    await archive.stored(left, archive.record(left, rate=WIDE))
    await archive.stored(grown, archive.record(grown))
    late = archive.spool / f"{grown.call_id}-c-rx.wav"
    late.write_bytes(late.read_bytes() + b"later")
    os.utime(late, (time.time() - 3600,) * 2)
    stranger = replace(fine, call_id=CallId(str(uuid.uuid4())))
    archive.record(stranger, rate=WIDE)
    await archive.objects.put_bytes("demo/2026/11/21/somebody-elses.txt", b"?", content_type="text/plain")
    before = sorted(path.name for path in archive.spool.iterdir())
    expected = {
        nowhere.call_id: ("missing", "note"),
        found.call_id: ("unledgered", "take_in"),
        lost.call_id: ("object_missing", "store_again"),
        gone.call_id: ("object_missing", "none"),
        resized.call_id: ("object_differs", "none"),
        forgotten.call_id: ("unknown_object", "adopt"),
        left.call_id: ("leftover", "clear"),
        grown.call_id: ("leftover", "clear"),
        stranger.call_id: ("stranger", "none"),
        archive.objects.uri("demo/2026/11/21/somebody-elses.txt"): ("unknown_object", "none"),
    }

    status, findings, summary = await archive.command()
    assert {name: (one["kind"], one["remedy"]) for name, one in findings.items()} == expected
    assert (status, summary["left"], summary["looked_at"]) == (1, len(expected), 10)
    assert sorted(path.name for path in archive.spool.iterdir()) == before  # looking changes nothing

    status, findings, _ = await archive.command("--hash")
    expected[changed.call_id] = ("object_differs", "none")
    assert {name: (one["kind"], one["remedy"]) for name, one in findings.items()} == expected

    status, findings, summary = await archive.command("--fix")
    done = {name for name, one in findings.items() if one["outcome"].startswith("done")}
    assert done == {nowhere.call_id, found.call_id, lost.call_id, forgotten.call_id, left.call_id}
    assert "c-rx" in findings[grown.call_id]["outcome"]
    assert (status, summary["left"]) == (1, len(expected) - 1 - len(done))
    await check_fixed(archive, found, lost, forgotten, nowhere)
    assert {path.name[:36] for path in archive.spool.iterdir()} == {stranger.call_id, grown.call_id}
    assert [path.name for path in archive.spool.glob(f"{grown.call_id}-*")] == [late.name]
    # Nothing that differs was replaced: it is evidence of what happened.
    key = object_keys(DEMO, resized.call_id, resized.arrived_at, suffix=".webm").audio
    assert await archive.objects.read(key, limit=10_000) == sound + b"!"

    status, findings, _ = await archive.command()
    assert set(findings) == set(expected) - done - {changed.call_id}
    assert status == 1


async def check_fixed(archive: Archive, found: Call, lost: Call, forgotten: Call, nowhere: Call) -> None:
    for one in (found, lost, forgotten):
        record = await archive.ledger.get(DEMO, one.call_id)
        assert record.state is RecordingState.STORED
        assert record.audio is not None
        assert await archive.objects.hash(record.audio.key) == (record.audio.sha256, record.audio.size)
        # Made of its files, or as it was stored.
        assert record.audio.rate == (8000 if one is forgotten else WIDE)
        assert record.audio.duration_s == pytest.approx(4)
        uri = await archive.pool.fetchval("SELECT recording_uri FROM calls WHERE call_id = $1", uuid.UUID(one.call_id))
        assert uri == record.audio.uri
    steps = [move.step for move in await archive.ledger.history(DEMO, lost.call_id)]
    assert steps[6:8] == [Step.LOST, Step.CALL_ENDED]
    record = await archive.ledger.get(DEMO, nowhere.call_id)
    assert (record.state, record.reason) == (RecordingState.NOT_RECORDED, "no_file")


async def test_all_agree(archive: Archive) -> None:
    for _ in range(3):
        await archive.stored(await archive.call())
    assert await archive.command() == (0, {}, {"looked_at": 3, "differences": {}, "left": 0})
    assert (await archive.command("--hash", "--fix", "--since", "2026-11-21"))[0] == 0
    assert (await archive.command("--since", "2026-11-22"))[2]["looked_at"] == 0


async def test_what_cannot_be_looked_at_is_no_agreement(archive: Archive) -> None:
    text = archive.config.read_text()
    endpoint = next(line for line in text.splitlines() if line.startswith("endpoint"))
    archive.config.write_text(text.replace(endpoint, 'endpoint = "http://127.0.0.1:1"'))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-m", "cti", "recordings", "reconcile", "--config", str(archive.config),
        cwd=ROOT, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    await archive.stored(await archive.call())
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, out) == (2, b"")
    assert b"could not look" in err


@pytest.mark.timeout(240)
async def test_beside_a_running_server_files_are_its_own_to_take_in(archive: Archive) -> None:
    one = await archive.call()
    archive.record(one)
    encoder = EncoderPool(workers=1)
    await encoder.start()
    pipeline = RecordingPipeline(
        settings=RecordingSettings(
            spool_dir=str(archive.spool), work_dir=str(archive.work), orphan_after_s=0, rescan_s=0.5, settle_s=1
        ),
        objects=archive.objects,
        ledger=archive.ledger,
        encoder=encoder,
        sink=Facts(),
        now=lambda: datetime.now(UTC),
        find_call=archive.calls.find,
        is_live=lambda _: False,
    )
    with (archive.work / ".lock").open("a") as lock:
        fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
        looks, waits = count(), asyncio.Event()
        findings: list[Finding] = []
        command = asyncio.create_task(
            reconcile(
                load_config(archive.config),
                Wanted(since=None, tenant=None, fix=True, hashes=False),
                report=findings.append,
                progress=lambda _: waits.set() if next(looks) else None,  # the first is of the sweep over one call
            )
        )
        await asyncio.wait({command, (waiting := asyncio.ensure_future(waits.wait()))}, return_when="FIRST_COMPLETED")
        assert waiting.done(), command.result()
        assert list(archive.work.iterdir()) == [archive.work / ".lock"]  # it does nothing itself
        await pipeline.start()
        tally = await command
        await pipeline.stop()
    await encoder.stop()
    assert [(found.difference.kind, found.outcome) for found in findings] == [("unledgered", "done: stored")]
    assert tally.left == 0
    assert (await archive.ledger.get(DEMO, one.call_id)).state is RecordingState.STORED
