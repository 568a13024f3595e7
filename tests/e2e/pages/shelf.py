"""Recordings as the pages' tests have them: in memory, or a real list with sound from memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from cti.domain.errors import PeerError
from cti.domain.model import CallId, TenantId
from cti.store.callsearch import CallSearch
from cti.store.recordings import RecordingList
from cti.web import recordingports
from cti.wiring.recordingpages import RecordingPages
from recording.webm import cues, second_at
from tests.e2e.pages.sound import Sound


class Shelf:
    """Recordings in memory, all with the same sound. Implements cti.web.recordingports.Recordings."""

    def __init__(self, sound: Sound) -> None:
        self.sound = sound
        self.rows: dict[CallId, recordingports.RecordingFacts] = {}
        self.changed = False  # the object was changed behind our back

    async def page(
        self, tenant: TenantId, wanted: recordingports.RecordingFilter
    ) -> Sequence[recordingports.RecordingFacts]:
        found = sorted(self.rows.values(), key=lambda r: (r.arrived_at, r.call_id), reverse=True)
        if wanted.status is not None:
            found = [r for r in found if r.status == wanted.status]
        if wanted.queue is not None:
            found = [r for r in found if r.queue == wanted.queue]
        if wanted.after is not None:
            after = (wanted.after.at, wanted.after.call_id)
            found = [r for r in found if (r.arrived_at, r.call_id) < after]
        return found[: wanted.limit]

    async def count(self, tenant: TenantId, wanted: recordingports.RecordingFilter) -> recordingports.RecordingCount:
        return recordingports.RecordingCount(count=len(await self.page(tenant, wanted)), more=False)

    async def missing(self, tenant: TenantId, since: datetime, limit: int) -> Sequence[recordingports.RecordingFacts]:
        return [row for row in self.rows.values() if row.status in ("not_recorded", "failed")][:limit]

    async def get(self, tenant: TenantId, call_id: CallId) -> recordingports.RecordingFacts | None:
        return self.rows.get(call_id)

    async def address(self, tenant: TenantId, call_id: CallId, seconds: int) -> str:
        raise AssertionError("here the server brings the sound")

    async def seconds(self, tenant: TenantId, call_id: CallId, start: int, stop: int) -> tuple[float, float]:
        marks, sound = cues(self.sound.data), self.sound
        size, length_s = len(sound.data), sound.duration_s
        first = second_at(marks, start, size=size, duration_s=length_s)
        return first, second_at(marks, stop, size=size, duration_s=length_s)

    async def read(self, tenant: TenantId, call_id: CallId, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        if self.changed:
            raise PeerError("the object in the store is not the one that was stored")
        for at in range(start, stop, 65_536):
            yield self.sound.data[at : min(at + 65_536, stop)]

    async def peaks(self, tenant: TenantId, call_id: CallId) -> recordingports.PeaksFacts | None:
        row = self.rows.get(call_id)
        if row is None or row.size is None:
            return None
        sound = self.sound
        return recordingports.PeaksFacts(step_ms=100, duration_s=sound.duration_s, left=sound.left, right=sound.right)


class StoredShelf(RecordingPages):
    """The real list out of PostgreSQL; the bytes, which S3 would hold, come from memory."""

    def __init__(self, pool: asyncpg.Pool[Any], shelf: Shelf) -> None:
        self._list = RecordingList(pool)
        self._search = CallSearch(pool)
        self.read = shelf.read  # type: ignore[method-assign]
        self.seconds = shelf.seconds  # type: ignore[method-assign]
        self._sound = shelf.sound

    async def peaks(self, tenant: TenantId, call_id: CallId) -> recordingports.PeaksFacts | None:
        sound = self._sound
        return recordingports.PeaksFacts(step_ms=100, duration_s=sound.duration_s, left=sound.left, right=sound.right)
