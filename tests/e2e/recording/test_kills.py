"""The pipeline's process is killed again and again; every recording is stored, whole, and nothing is left behind."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from cti.demo.folders import RunFolder
from cti.demo.objectstore import RunningObjectStore
from cti.demo.postgres import RunningPostgres
from cti.domain.model import CallId
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from recording.lifecycle import RecordingState
from recording.store import PostgresLedger
from tests.unit.recording.fakes import DEMO, tone, write_wav

pytestmark = pytest.mark.asyncio(loop_scope="package")

CALLS, KILLS = 6, 4
ROOT = Path(__file__).parents[3]


async def start(plan: Path, *told: str) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-m", "tests.e2e.recording.pipeline_process", str(plan), *told,
        cwd=ROOT, stdout=PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    assert line == b"ready\n"
    return process


@pytest.mark.timeout(120)
async def test_killed_at_any_moment(
    around: tuple[RunFolder, RunningObjectStore, RunningPostgres], tmp_path: Path
) -> None:
    _, objects, postgres = around
    spool, work = tmp_path / "spool", tmp_path / "work"
    spool.mkdir()
    database = await postgres.make_database("kills")
    pool = await create_pool(database, max_size=2)
    await migrate(pool)
    access = objects.access
    plan = tmp_path / "plan.json"
    plan.write_text(
        json.dumps(
            {
                "database": database,
                "spool": str(spool),
                "work": str(work),
                "bucket": access.bucket,
                "endpoint": access.endpoint,
                "access_key": access.access_key,
                "secret_key": access.secret_key,
            }
        )
    )
    calls = [str(uuid.uuid4()) for _ in range(CALLS)]
    for number, call_id in enumerate(calls):
        for name in ("c", "c-rx"):
            write_wav(spool / f"{call_id}-{name}.wav", tone(300 + 100 * number, 10))
        write_wav(spool / f"{call_id}-a-9.2-rx.wav", tone(1000, 5))

    chance = random.Random(7)  # always the same moments, as far as a machine is always the same
    process = await start(plan, *calls)
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.05, 0.9))
        process.kill()
        await process.wait()
        process = await start(plan)
    ledger = PostgresLedger(pool)
    try:
        async with asyncio.timeout(60):
            while (await ledger.counts()).get(RecordingState.STORED, 0) < CALLS or any(spool.iterdir()):
                await asyncio.sleep(0.1)
    finally:
        process.kill()
        await process.wait()
    client = access.client()
    for call_id in calls:
        record = await ledger.get(DEMO, CallId(call_id))
        assert record.audio is not None
        body = client.get_object(Bucket=access.bucket, Key=record.audio.key)["Body"].read()
        assert hashlib.sha256(body).hexdigest() == record.audio.sha256
        assert record.audio.duration_s == 10.0
        steps = [move.step.value for move in await ledger.history(DEMO, CallId(call_id))]
        assert steps[-1] == "stored"
        assert steps.count("stored") == 1
    await pool.close()
