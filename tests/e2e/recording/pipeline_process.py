"""A pipeline as a process of its own, to be killed: told in a JSON file where everything is; prints what it stored."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cti.domain.events import CallEnded, Event, RecordingStarted, RecordingStored
from cti.domain.model import AgentId, Call, CallId
from cti.store.pool import create_pool
from recording.encode import EncoderPool
from recording.lifecycle import REPLAYABLE, RecordingState
from recording.model import Job, RecordingSettings
from recording.objectstore import S3ObjectStore
from recording.pipeline import RecordingPipeline
from recording.spool import Spool
from recording.store import PostgresLedger
from tests.unit.recording.fakes import DEMO, T0
from tests.unit.recording.test_assemble import call, talk


def die(point: str, job: Job, plan: dict[str, str]) -> None:
    """End as a kill does, when this is the place and the call that the plan names."""
    if plan.get("die_at") == point and plan.get("die_with") == job.call_id:
        os.kill(os.getpid(), signal.SIGKILL)


class DyingLedger(PostgresLedger):
    """Dies before or after the commit of a stored recording."""

    def __init__(self, pool: Any, plan: dict[str, str]) -> None:
        super().__init__(pool)
        self._plan = plan

    async def save(self, job: Job) -> None:
        if job.state in REPLAYABLE:
            die("uploaded", job, self._plan)
        await super().save(job)
        if job.state in REPLAYABLE:
            die("committed", job, self._plan)


def die_in_spool(plan: dict[str, str]) -> None:
    """Have the spool die just after the manifest of a step was written."""
    save = Spool.save
    points = {
        RecordingState.RECORDING: "file_open",
        RecordingState.ENDED: "file_closed",
        RecordingState.ENCODED: "encoded",
    }

    def saved(spool: Spool, job: Job) -> None:
        save(spool, job)
        die(points.get(job.state, ""), job, plan)

    Spool.save = saved  # type: ignore[method-assign, assignment]


class Printed:
    def publish(self, event: Event) -> None:
        if isinstance(event, RecordingStored):
            print(event.call_id, event.sha256, flush=True)


def the_call(call_id: str) -> Call:
    from dataclasses import replace

    return replace(call(talk(AgentId("sato"), "9.2", 4, 9), end=10), call_id=CallId(call_id))


async def main(plan: dict[str, str], told: list[str]) -> None:
    die_in_spool(plan)
    pool = await create_pool(plan["database"], max_size=4)
    encoder = EncoderPool(workers=1)
    await encoder.start()

    async def find(call_id: CallId) -> Call | None:
        return the_call(call_id)  # the calls table has every call; facts that were on the bus died with us

    pipeline = RecordingPipeline(
        settings=RecordingSettings(
            spool_dir=plan["spool"], work_dir=plan["work"], settle_s=2.0, orphan_after_s=0.5, rescan_s=0.5
        ),
        objects=S3ObjectStore(
            bucket=plan["bucket"],
            endpoint_url=plan["endpoint"],
            access_key=plan["access_key"],
            secret_key=plan["secret_key"],
        ),
        ledger=DyingLedger(pool, plan),
        encoder=encoder,
        sink=Printed(),
        now=lambda: datetime.now(UTC),
        find_call=find,
        is_live=lambda call_id: False,
    )
    await pipeline.start()
    print("ready", flush=True)
    for call_id in told:
        one = the_call(call_id)
        await pipeline.on_event(RecordingStarted(at=T0, tenant=DEMO, call=one, file=f"{call_id}-c", agent=None))
        await pipeline.on_event(CallEnded(at=T0 + timedelta(seconds=10), tenant=DEMO, call=one))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2:]))
