"""Retention, holds and deletion of recordings: the sweep in the recordings' process, and what pages ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import asyncpg

from cti.config import Config
from cti.domain.keeping import Actor, Hold
from cti.domain.model import CallId, TenantId
from recording.keeping import Keeping
from recording.objects import ObjectStore
from recording.spool import Spool
from recording.sweep import Sweep


def make_sweep(config: Config, pool: asyncpg.Pool[Any], objects: ObjectStore) -> Sweep:
    """The sweep over the configured buckets."""
    spool = Spool(spool_dir=config.asterisk.spool_dir, work_dir=config.data_dir / "recordings")

    def clear_spool(call_id: CallId) -> None:
        for seen in spool.files_of(call_id):
            seen.path.unlink(missing_ok=True)

    return Sweep(
        keeping=Keeping(pool),
        objects=objects,
        now=lambda: datetime.now(UTC),
        clear_spool=clear_spool,
        locks=config.s3.object_lock != "none",
    )


def start_sweep(config: Config, pool: asyncpg.Pool[Any], objects: ObjectStore, cleanup: AsyncExitStack) -> None:
    """Sweep until ``cleanup``."""
    task = asyncio.create_task(make_sweep(config, pool, objects).run(), name="recordings-sweep")

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    cleanup.push_async_callback(stop)


class KeptRecordings:
    """Implements cti.web.keepports.Keeping. Deletions that are ordered here are done by the sweep, within seconds."""

    def __init__(self, pool: asyncpg.Pool[Any], now: Callable[[], datetime]) -> None:
        self._keeping = Keeping(pool)
        self._now = now

    async def order_deletion(self, tenant: TenantId, call_id: CallId, by: Actor, why: str) -> None:
        """See the port."""
        await self._keeping.order(tenant, call_id, by, why, at=self._now())

    async def hold(self, tenant: TenantId, call_id: CallId, by: Actor, reason: str, until: datetime | None) -> Hold:
        """See the port."""
        return await self._keeping.hold(tenant, call_id, by, reason, until=until, at=self._now())

    async def release(self, tenant: TenantId, hold_id: int, by: Actor, reason: str) -> Hold:
        """See the port."""
        return await self._keeping.release(tenant, hold_id, by, reason, at=self._now())

    async def holds(
        self, tenant: TenantId, *, call_id: CallId | None, counting: bool, before: int | None, limit: int
    ) -> Sequence[Hold]:
        """See the port."""
        return await self._keeping.holds(
            tenant, now=self._now(), call_id=call_id, counting=counting, before=before, limit=limit
        )
