"""Where reconcile reads from: the ledger's rows, the bucket's listing and the spool, in order and page by page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from typing import Any
from uuid import UUID

import asyncpg

from cti.domain.errors import NotFound, PeerError
from cti.domain.model import CallId, TenantId
from recording.keys import parse_object_key
from recording.ledger import LedgerRecord
from recording.lifecycle import RecordingState
from recording.objectstore import ObjectStore, S3ObjectStore
from recording.reconcile import Listed, Lying, Noted
from recording.spool import Seen, Spool
from recording.store import deadline, load_statements

# Some 400 KB; a day of a large centre is 50,000.
_PAGE = 2_000
_PAGE_S = 60.0
_NOBODY = UUID(int=0)
# What a key of ours may end with, when one call's objects are asked for by name.
_SUFFIXES = (".webm", ".json", ".peaks.json")

_SQL = load_statements(files("recording").joinpath("sql/reconcile.sql").read_text(encoding="utf-8"))


class LedgerRows:
    """The ledger in the order of the bucket."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def rows(self, tenant: TenantId, since: date | None) -> AsyncIterator[Noted]:
        """By day of arrival (UTC), then call id. Raises Unavailable."""
        begin = datetime.combine(since, time(), UTC) if since else None
        async with deadline(_PAGE_S):
            span = await self._pool.fetchrow(_SQL["span"], tenant, begin, timeout=_PAGE_S)
        if span is None or span["first"] is None:
            return
        day, last = span["first"].astimezone(UTC).date(), span["last"].astimezone(UTC).date()
        while day <= last:
            at, after = datetime.combine(day, time(), UTC), _NOBODY
            while True:
                async with deadline(_PAGE_S):
                    page = await self._pool.fetch(
                        _SQL["day"], tenant, at, at + timedelta(days=1), after, _PAGE, timeout=_PAGE_S
                    )
                for row in page:
                    yield _noted(tenant, row)
                if len(page) < _PAGE:
                    break
                after = page[-1]["call_id"]
            day += timedelta(days=1)


def _noted(tenant: TenantId, row: asyncpg.Record) -> Noted:
    return Noted(
        tenant=tenant,
        call_id=CallId(str(row["call_id"])),
        state=RecordingState(row["state"]),
        arrived_at=row["arrived_at"],
        ended_at=row["ended_at"],
        key=row["uri"],
        size=row["bytes"],
        sha256=row["sha256"],
    )


def noted_of(record: LedgerRecord) -> Noted:
    """A ledger record, as far as it matters."""
    audio = record.audio
    return Noted(
        tenant=record.tenant,
        call_id=record.call_id,
        state=record.state,
        arrived_at=record.arrived_at,
        ended_at=record.ended_at,
        key=audio.uri if audio else None,
        size=audio.size if audio else None,
        sha256=audio.sha256 if audio else None,
    )


class BucketListing:
    """A tenant's objects as its buckets list them; ``foreign`` collects names that are none of ours."""

    MOST_FOREIGN = 1_000

    def __init__(self, objects: S3ObjectStore) -> None:
        self._objects = objects
        self.foreign: list[str] = []
        self.looked = 0

    async def rows(self, tenant: TenantId, since: date | None) -> AsyncIterator[Listed]:
        """By day of arrival, then call id, of all buckets together. Raises Unavailable."""
        streams = [self._bucket(bucket, tenant, since) for bucket in self._objects.buckets_of(tenant)]
        heads = [await anext(stream, None) for stream in streams]
        while waiting := [(each.day, each.call_id, at) for at, each in enumerate(heads) if each is not None]:
            at = min(waiting)[2]
            head = heads[at]
            assert head is not None  # noqa: S101 - else it would not wait
            yield head
            heads[at] = await anext(streams[at], None)

    async def _bucket(self, bucket: str, tenant: TenantId, since: date | None) -> AsyncIterator[Listed]:
        after = f"{tenant}/{since:%Y/%m/%d}/" if since else f"{tenant}/"
        while True:
            page = await self._objects.page(f"s3://{bucket}/{tenant}/", after=after)
            for key, size in page.objects:
                self.looked += 1
                name, address = parse_object_key(key), f"s3://{bucket}/{key}"
                if name is None or name.tenant != tenant:
                    if len(self.foreign) < self.MOST_FOREIGN:
                        self.foreign.append(address)
                    continue
                yield Listed(
                    key=address, size=size, tenant=tenant, day=name.day, call_id=name.call_id, suffix=name.suffix
                )
            if not page.more:
                return
            after = page.objects[-1][0]


async def objects_of(objects: ObjectStore, stem: str) -> tuple[Listed, ...]:
    """One call's objects, asked for by name. ``stem`` is the address without its suffix. Raises Unavailable."""
    found = []
    for suffix in _SUFFIXES:
        name = parse_object_key((stem + suffix).removeprefix("s3://").partition("/")[2])
        try:
            head = await objects.head(stem + suffix)
        except NotFound:
            continue
        if name is not None:
            found.append(
                Listed(
                    key=stem + suffix,
                    size=head.size,
                    tenant=name.tenant,
                    day=name.day,
                    call_id=name.call_id,
                    suffix=suffix,
                )
            )
    return tuple(found)


def lying_of(seen_files: list[Seen]) -> Lying | None:
    """A call's files in the spool, or None when there are none."""
    if not seen_files:
        return None
    return Lying(
        names=tuple(sorted(seen.path.name for seen in seen_files)),
        size=sum(seen.size for seen in seen_files),
        changed_at=max(seen.changed_at for seen in seen_files),
    )


def looked_into(spool: Spool, call_id: CallId) -> Lying | None:
    """A call's files with what is in them: what is empty or broken is what whoever reads this wants to know."""
    seen_files = spool.files_of(call_id)
    lying = lying_of(seen_files)
    if lying is None:
        return None
    told = sorted(f"{seen.path.name.removeprefix(f'{call_id}-')}{_trouble(spool, seen)}" for seen in seen_files)
    try:
        spool.load(call_id)
    except PeerError:
        told.append("its manifest cannot be read")
    return replace(lying, told=tuple(told))


def _trouble(spool: Spool, seen: Seen) -> str:
    try:
        info = spool.info(seen)
    except (PeerError, FileNotFoundError):
        return " (no sound that can be read)"
    if seen.size == 0 or info.frames == 0:
        return " (empty)" if seen.size == 0 else " (without a sample)"
    return " (broken header)" if info.salvaged else ""


async def spool_by_call(spool: Spool) -> dict[CallId, Lying]:
    """Everything in the spool: a day without S3 is 50,000 calls, which fit into memory. Raises OSError."""
    found = await asyncio.to_thread(spool.by_call)
    return {call_id: lying for call_id, seen in found.items() if (lying := lying_of(seen)) is not None}
