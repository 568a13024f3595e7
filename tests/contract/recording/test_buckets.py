"""A recording goes into the bucket that the rules say, and is found there when they say something else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from cti.demo.objectstore import RunningObjectStore
from cti.demo.postgres import RunningPostgres
from cti.domain.errors import NotFound
from cti.domain.keeping import Actor
from cti.domain.model import CallId, TenantId
from cti.domain.placing import BucketRule
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from recording.keeping import Keeping
from recording.objects import S3Options
from recording.objectstore import S3ObjectStore
from recording.reconcile import CallFacts
from recording.reconcilerun import Finding, Reconciler
from recording.reconcilesources import LedgerRows
from recording.replay import Replay
from recording.spool import Spool
from recording.store import PostgresLedger
from recording.sweep import Sweep
from tests.unit.recording.fakes import CALL, DEMO, later
from tests.unit.recording.test_pipeline import Desk, settled

pytestmark = pytest.mark.asyncio(loop_scope="package")

RULES = (BucketRule(bucket="elsewhere", tenant="demo", queue="accident"), BucketRule(bucket="evidence", tenant="demo"))


@pytest_asyncio.fixture(loop_scope="package")
async def pool(postgres: RunningPostgres) -> AsyncIterator[asyncpg.Pool[Any]]:
    made = await create_pool(postgres.url, max_size=3)
    await migrate(made)
    await made.execute("TRUNCATE recordings CASCADE")
    yield made
    await made.close()


@pytest.fixture(params=["seaweedfs", "rclone"])
def place(request: pytest.FixtureRequest, seaweed: RunningObjectStore, rclone: str) -> dict[str, Any]:
    """Where the server is, and the bucket that all share."""
    if request.param == "rclone":
        return {"bucket": "recordings", "endpoint_url": rclone, "access_key": "key", "secret_key": "secret"}
    access = seaweed.access
    keys = {"access_key": access.access_key, "secret_key": access.secret_key, "region": access.region}
    return {"bucket": access.bucket, "endpoint_url": access.endpoint, **keys}


class NoCalls:
    """Contact records of which none is there: not what is looked at here."""

    async def tenants(self) -> list[TenantId]:
        return [DEMO]

    async def rows(self, tenant: TenantId, since: date | None) -> AsyncIterator[CallFacts]:
        nothing: list[CallFacts] = []
        for one in nothing:
            yield one

    async def find(self, tenant: TenantId | None, call_id: CallId) -> CallFacts | None:
        return None


async def differences(
    pool: asyncpg.Pool[Any], objects: S3ObjectStore, folder: Path, *, hashes: bool = True
) -> list[str]:
    """What reconcile finds wrong."""
    found: list[Finding] = []
    reconciler = Reconciler(
        calls=NoCalls(), rows=LedgerRows(pool), ledger=PostgresLedger(pool), objects=objects,
        spool=Spool(spool_dir=folder / "spool", work_dir=folder / "work"), remedies=None, min_unanswered_s=3.0,
        now=lambda: later(100_000), report=found.append, progress=lambda _: None, hashes=hashes,
    )  # fmt: skip
    await reconciler.sweep([DEMO], None)
    return [f"{one.difference.kind}: {one.difference.detail}" for one in found]


async def listed(objects: S3ObjectStore, bucket: str) -> list[str]:
    page = await objects.page(f"s3://{bucket}/demo/2026/11/21/{CALL}", after="")
    return [key for key, _ in page.objects]


async def test_what_lies_in_another_bucket_is_found_whatever_the_rules_say(
    place: dict[str, Any], pool: asyncpg.Pool[Any], tmp_path: Path
) -> None:
    ruled = S3ObjectStore(**place, options=S3Options(rules=RULES))
    plain = S3ObjectStore(**place)  # the rules were taken out
    moved = S3ObjectStore(**place, options=S3Options(buckets={"demo": "own"}))
    for store in (ruled, plain, moved):
        await store.ensure_bucket()
    desk, ledger = Desk(tmp_path), PostgresLedger(pool)
    desk.objects, desk.ledger = ruled, ledger  # type: ignore[assignment]
    desk.call = replace(desk.call, queue="members")  # type: ignore[arg-type]
    desk.write()
    async with desk.running() as pipeline:
        await desk.tell(pipeline)
        await settled(desk, pipeline)
    audio = (await ledger.get(DEMO, CALL)).audio
    assert audio is not None
    assert (audio.uri, len(await listed(plain, "evidence"))) == (f"s3://evidence/{audio.key}", 3)
    with pytest.raises(NotFound):
        await plain.head(audio.key)

    for store in (ruled, plain, moved):
        replay = Replay(ledger=ledger, objects=store)
        playable = await replay.open(DEMO, CALL)
        assert sum([len(piece) async for piece in replay.read(playable)]) == audio.size
        assert b'"peaks"' in await replay.peaks(DEMO, CALL)
        assert await differences(pool, store, tmp_path) == []
    address = await ruled.presigned(audio.uri, seconds=30)
    assert f"/evidence/{audio.key}?" in address

    await moved.put_bytes(audio.key, b"a copy", content_type="audio/webm")
    (copy,) = await differences(pool, moved, tmp_path)
    assert copy == f"unknown_object: copies that go with nothing: s3://own/{audio.key}"
    await moved.erase(audio.key)
    await deleted(pool, plain)
    assert await listed(plain, "evidence") == []
    assert await differences(pool, ruled, tmp_path) == []
    for store in (ruled, plain, moved):
        store.close()


async def deleted(pool: asyncpg.Pool[Any], objects: S3ObjectStore) -> None:
    """As retention and an erasure do it: an order, and the sweep."""
    keeping = Keeping(pool)
    await keeping.order(DEMO, CALL, Actor(who="retention"), "expired", at=later(20))
    now = later(0) + timedelta(days=1)
    sweep = Sweep(keeping=keeping, objects=objects, now=lambda: now, clear_spool=lambda _: None)
    await sweep.once()
    assert sweep.deleted == 1


async def test_a_bucket_that_cannot_be_made_keeps_nothing_else_waiting(
    place: dict[str, Any], seaweed: RunningObjectStore
) -> None:
    # No server takes such a name; the configuration does not either.
    broken = S3ObjectStore(**place, options=S3Options(rules=(BucketRule(bucket="No_Such_Bucket."),)))
    await broken.ensure_bucket(every=False)
    broken.close()
