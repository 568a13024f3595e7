"""The pipeline's process is killed, at named points and at any moment; every recording is stored, whole, and once.

Asterisk itself killed with its files open: test_calls.py, on a real one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import signal
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cti.demo.folders import RunFolder
from cti.demo.objectstore import RunningObjectStore
from cti.demo.postgres import RunningPostgres
from cti.domain.model import CallId
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from recording.store import PostgresLedger
from tests.unit.recording.fakes import DEMO, tone, write_wav

pytestmark = pytest.mark.asyncio(loop_scope="package")

CALLS, KILLS = 6, 4
STORED_S = 90.0  # a second a call on a quiet machine
# What the manifest says when the process is killed at a named point. "uploaded": read back, and not committed.
LEFT_BEHIND = {
    "file_open": "recording",
    "file_closed": "ended",
    "encoded": "encoded",
    "uploaded": "verified",
    "committed": "verified",
}
POINTS = tuple(LEFT_BEHIND)
COUNT = "SELECT count(*) FROM recordings WHERE state = 'stored'"
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


@dataclass
class Victim:
    """What a pipeline's process works on, and what is left of it when it is killed."""

    plan: dict[str, str]
    file: Path  # the plan as the process reads it
    spool: Path
    pool: Any
    objects: RunningObjectStore

    async def start(self, *told: str, **plan: str) -> Process:
        self.file.write_text(json.dumps(self.plan | plan))
        return await start(self.file, *told)

    def record(self, call_id: str, hz: float = 300) -> None:
        """Ten seconds of a caller, five of an agent."""
        for name in ("c", "c-rx"):
            write_wav(self.spool / f"{call_id}-{name}.wav", tone(hz, 10))
        write_wav(self.spool / f"{call_id}-a-9.2-rx.wav", tone(1000, 5))

    def left(self) -> list[Path]:
        """Files of the spool, and manifests: both go when a recording is settled."""
        return [*self.spool.iterdir(), *Path(self.plan["work"]).glob("*.manifest.json")]

    async def all_stored(self, process: Process, calls: list[str]) -> None:
        """Wait until every call is stored and the spool is empty; then look at what was stored."""
        ledger = PostgresLedger(self.pool)
        try:
            async with asyncio.timeout(STORED_S):
                # Not Ledger.counts: it counts those of today, and these calls have a date of their own.
                while await self.pool.fetchval(COUNT) < len(calls) or self.left():
                    await asyncio.sleep(0.1)
        finally:
            process.kill()
            await process.wait()
        access = self.objects.access
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
            folder = record.audio.key.rpartition("/")[0]
            listed = client.list_objects_v2(Bucket=access.bucket, Prefix=f"{folder}/{call_id}")["Contents"]
            assert len(listed) == 3  # sound, peaks, manifest: nothing twice


@pytest_asyncio.fixture(loop_scope="package")
async def victim(
    around: tuple[RunFolder, RunningObjectStore, RunningPostgres], tmp_path: Path
) -> AsyncIterator[Victim]:
    _, objects, postgres = around
    spool = tmp_path / "spool"
    spool.mkdir()
    database = await postgres.make_database(f"kills_{uuid.uuid4().hex[:8]}")
    pool = await create_pool(database, max_size=2)
    await migrate(pool)
    access = objects.access
    plan = {
        "database": database,
        "spool": str(spool),
        "work": str(tmp_path / "work"),
        "bucket": access.bucket,
        "endpoint": access.endpoint,
        "access_key": access.access_key,
        "secret_key": access.secret_key,
    }
    yield Victim(plan, tmp_path / "plan.json", spool, pool, objects)
    await pool.close()


@pytest.mark.timeout(240)
async def test_killed_at_any_moment(victim: Victim) -> None:
    calls = [str(uuid.uuid4()) for _ in range(CALLS)]
    for number, call_id in enumerate(calls):
        victim.record(call_id, 300 + 100 * number)
    chance = random.Random(7)  # always the same moments, as far as a machine is always the same
    process = await victim.start(*calls)
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.05, 0.9))
        process.kill()
        await process.wait()
        process = await victim.start()
    await victim.all_stored(process, calls)


@pytest.mark.timeout(240)
async def test_killed_at_each_named_point(victim: Victim) -> None:
    """A call dies with the process at each of them; each start has those of before to bring home as well."""
    calls: list[str] = []
    for point in POINTS:
        call_id = str(uuid.uuid4())
        calls.append(call_id)
        victim.record(call_id)
        process = await victim.start(call_id, die_at=point, die_with=call_id)
        assert await asyncio.wait_for(process.wait(), STORED_S) == -signal.SIGKILL, point
        left = len(list(victim.spool.glob(f"{call_id}-*")))
        assert left == 3, point  # not one file goes before the commit, nor in the moment after it
        manifest = json.loads((Path(victim.plan["work"]) / f"{call_id}.manifest.json").read_text())
        assert manifest["state"] == LEFT_BEHIND[point]
    await victim.all_stored(await victim.start(), calls)
