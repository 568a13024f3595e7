"""`kakehashi recordings reconcile`: joins call records, ledger, spool and bucket, beside a running server or without.

Whoever holds the lock of the recordings' work folder settles recordings. When that is a running server, files that
have to be taken in are left to its own rescan, each minute; when nobody does, an ordinary pipeline runs here, for those
files only (docs/decisions/0133-one-settles-recordings.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import asyncpg

from cti.config import Config
from cti.domain.errors import ConfigError
from cti.domain.events import Event, RecordingStored
from cti.domain.model import CallId, TenantId
from cti.store.calls import CallStore
from cti.store.callstream import CallStream
from cti.store.pool import create_pool
from cti.wiring import core, objectstores
from cti.wiring.recordinglock import alone_in
from recording.encode import EncoderPool
from recording.model import RecordingSettings
from recording.pipeline import RecordingPipeline
from recording.reconcile import CallFacts
from recording.reconcilefix import Remedies
from recording.reconcilerun import Finding, Reconciler, Tally
from recording.reconcilesources import LedgerRows
from recording.spool import Spool
from recording.store import PostgresLedger

# A running server looks at its spool each minute and takes in what has been quiet for one; then it encodes.
SERVER_S = 180.0
# The pipeline of our own: a file of an hour takes 20 s; beyond this without any progress something is wrong.
STALLED_S = 120.0
LOOK_S = 0.5
THREADS = 8


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was asked for."""

    since: date | None
    tenant: str | None
    fix: bool
    hashes: bool


class _Calls:
    """Implements recording.reconcilerun.Calls."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._stream = CallStream(pool)
        self._store = CallStore(pool)

    async def tenants(self) -> list[TenantId]:
        return [TenantId(tenant) for tenant in await self._stream.tenants()]

    async def rows(self, tenant: TenantId, since: date | None) -> AsyncIterator[CallFacts]:
        async for row in self._stream.rows(tenant, since):
            yield CallFacts(
                tenant=tenant,
                call_id=CallId(str(row["call_id"])),
                arrived_at=row["arrived_at"],
                ended_at=row["ended_at"],
                answered=row["answered"],
            )

    async def find(self, tenant: TenantId | None, call_id: CallId) -> CallFacts | None:
        call = await (self._store.get(tenant, call_id) if tenant else self._store.find(call_id))
        if call is None:
            return None
        return CallFacts(
            tenant=call.tenant,
            call_id=call.call_id,
            arrived_at=call.arrived_at,
            ended_at=call.ended_at,
            answered=call.answered_at is not None,
        )


async def reconcile(
    config: Config, wanted: Wanted, *, report: Callable[[Finding], None], progress: Callable[[Tally], None]
) -> Tally:
    """Look, and set right what is asked for. Raises KakehashiError or OSError when it could not look."""
    async with AsyncExitStack() as cleanup:
        pool = await create_pool(config.database.url.get_secret_value(), max_size=4, command_s=60.0)
        cleanup.push_async_callback(core.close_pool, pool)
        await core.require_tables(pool)
        objects = objectstores.object_store(config, threads=THREADS)
        cleanup.callback(objects.close)
        spool = Spool(spool_dir=config.asterisk.spool_dir, work_dir=config.data_dir / "recordings")
        calls, ledger = _Calls(pool), PostgresLedger(pool)
        remedies = None
        if wanted.fix:
            store = CallStore(pool)

            async def tell(stored: RecordingStored) -> None:
                await store.save(recordings=[stored])

            remedies = Remedies(pool=pool, ledger=ledger, objects=objects, spool=spool, tell=tell, now=_now)
        reconciler = Reconciler(
            calls=calls,
            rows=LedgerRows(pool),
            ledger=ledger,
            objects=objects,
            spool=spool,
            remedies=remedies,
            min_unanswered_s=config.recording.min_s,
            now=_now,
            report=report,
            progress=progress,
            hashes=wanted.hashes,
        )
        tenants = await calls.tenants()
        if wanted.tenant is not None:
            if wanted.tenant not in tenants:
                raise ConfigError([f"no tenant {wanted.tenant!r}; there are: {', '.join(tenants)}"])
            tenants = [TenantId(wanted.tenant)]
        await reconciler.sweep(tenants, wanted.since)
        if reconciler.waiting:
            await _settle(config, reconciler, pool, progress)
        return reconciler.tally


async def _settle(
    config: Config, reconciler: Reconciler, pool: asyncpg.Pool[Any], progress: Callable[[Tally], None]
) -> None:
    """Have the files that wait taken in: by the running server, or here."""
    with alone_in(config.data_dir / "recordings") as alone:
        if not alone:
            if not await _wait(reconciler, progress, SERVER_S):
                reconciler.give_up_waiting("the running server takes it in; look again in some minutes")
            return
        async with AsyncExitStack() as cleanup:
            await _pipeline(config, frozenset(reconciler.waiting), pool, cleanup)
            if not await _wait(reconciler, progress, STALLED_S):
                reconciler.give_up_waiting("the pipeline did not get on with it; its messages say why")


async def _wait(reconciler: Reconciler, progress: Callable[[Tally], None], most_s: float) -> bool:
    """Until none waits, or nothing has changed for ``most_s``."""
    loop = asyncio.get_running_loop()
    left, since_s = len(reconciler.waiting), loop.time()
    while not await reconciler.look_at_waiting():
        if len(reconciler.waiting) != left:
            left, since_s = len(reconciler.waiting), loop.time()
        if loop.time() - since_s > most_s:
            return False
        progress(reconciler.tally)
        await asyncio.sleep(LOOK_S)
    return True


async def _pipeline(
    config: Config, wanted: frozenset[CallId], pool: asyncpg.Pool[Any], cleanup: AsyncExitStack
) -> None:
    """The ordinary pipeline, for these calls: all others count as live, because Asterisk may be writing them."""
    calls = CallStore(pool)
    encoder = EncoderPool(workers=config.recording.encoders)
    await encoder.start()
    cleanup.push_async_callback(encoder.stop)
    objects = objectstores.object_store(config)
    cleanup.callback(objects.close)
    pipeline = RecordingPipeline(
        settings=RecordingSettings(
            spool_dir=str(config.asterisk.spool_dir),
            work_dir=str(config.data_dir / "recordings"),
            min_unanswered_s=config.recording.min_s,
            encoders=config.recording.encoders,
            settle_s=1.0,  # long closed
            orphan_after_s=0.0,
            rescan_s=1.0,
        ),
        objects=objects,
        ledger=PostgresLedger(pool),
        encoder=encoder,
        sink=_Records(calls, asyncio.get_running_loop(), cleanup),
        now=_now,
        find_call=calls.find,
        is_live=lambda call_id: call_id not in wanted,
    )
    await pipeline.start()
    cleanup.push_async_callback(pipeline.stop)


class _Records:
    """Where recordings are, into the contact records: what the server's recorder does of it."""

    def __init__(self, calls: CallStore, loop: asyncio.AbstractEventLoop, cleanup: AsyncExitStack) -> None:
        self._calls = calls
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()
        cleanup.push_async_callback(self.written)

    def publish(self, event: Event) -> None:
        if isinstance(event, RecordingStored):
            task = self._loop.create_task(self._calls.save(recordings=[event]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def written(self) -> None:
        await asyncio.gather(*self._tasks)


def _now() -> datetime:
    return datetime.now(UTC)
