"""Stands in for the object store, the ledger and the encoder. Held to the real ones by tests/contract/recording."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import struct
import wave
from array import array
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cti.domain.errors import CallerError, NotFound, Unavailable
from cti.domain.events import Event
from cti.domain.keeping import KeptFacts
from cti.domain.model import CallId, TenantId
from cti.domain.placing import BucketRule, bucket_for
from recording import encode
from recording.encode import Encoded, EncodeJob
from recording.ledger import (
    MAX_PAGE,
    LedgerMove,
    LedgerRecord,
    PlaceInList,
    RecordingFilter,
    record_of,
)
from recording.lifecycle import REPLAYABLE, RecordingState
from recording.model import Job
from recording.objectstore import CHUNK_BYTES, ObjectChanged, ObjectHead
from recording.s3errors import StillLocked

T0 = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
CALL = CallId("0f3a2b1c-1111-4222-8333-444455556666")
DEMO = TenantId("demo")


def later(seconds: float) -> datetime:
    """An instant of the test's call."""
    return T0 + timedelta(seconds=seconds)


class MemoryObjectStore:
    """Objects in a dict. ``down`` makes every request fail; ``damage`` flips a bit of what is put next."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str, str | None]] = {}
        self.down = False
        self.damage = 0
        self.puts: list[str] = []
        self.refused: set[str] = set()  # keys that are not let in
        self.locked: set[str] = set()  # keys that cannot be erased now
        self.rules: tuple[BucketRule, ...] = ()
        self.locks: dict[str, tuple[datetime | None, bool]] = {}
        self.requests = 0
        self.asked = asyncio.Event()  # set at each request

    def uri(self, key: str) -> str:
        return f"s3://memory/{key}"

    def place(self, key: str, kept: KeptFacts) -> str:
        bucket = bucket_for(self.rules, TenantId(key.partition("/")[0]), kept)
        return self.uri(key) if bucket is None else f"s3://{bucket}/{key}"

    async def ensure_bucket(self, *, every: bool = True) -> None:
        self._answer()

    async def put(self, key: str, path: Path, *, sha256: str, content_type: str) -> None:
        self._answer()
        key = _name(key)
        if key in self.refused:
            raise Unavailable(f"the object store refuses {key}")
        data = path.read_bytes()
        self.puts.append(key)
        if self.damage > 0:
            self.damage -= 1
            data = bytes([data[0] ^ 1]) + data[1:]
        self.objects[key] = (data, content_type, sha256)

    async def put_bytes(self, key: str, data: bytes, *, content_type: str) -> None:
        self._answer()
        self.objects[_name(key)] = (data, content_type, hashlib.sha256(data).hexdigest())

    async def head(self, key: str) -> ObjectHead:
        data, content_type, sha256 = self._get(key)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return ObjectHead(size=len(data), etag=etag, sha256=sha256, content_type=content_type)

    async def hash(self, key: str) -> tuple[str, int]:
        data = self._get(key)[0]
        return hashlib.sha256(data).hexdigest(), len(data)

    async def read(self, key: str, *, limit: int) -> bytes:
        data = self._get(key)[0]
        if len(data) > limit:
            raise CallerError(f"{key} is larger than {limit} bytes")
        return data

    async def chunks(self, key: str, *, start: int, end: int, etag: str) -> AsyncIterator[bytes]:
        if start >= end:
            return
        data = self._get(key)[0]
        if (await self.head(key)).etag != etag:
            raise ObjectChanged(key)
        for at in range(start, end, CHUNK_BYTES):
            yield data[at : min(at + CHUNK_BYTES, end)]

    async def delete(self, key: str) -> None:
        self._answer()
        self.objects.pop(_name(key), None)

    async def erase(self, key: str) -> None:
        self._answer()
        name = _name(key)
        if name in self.locked:
            raise StillLocked(key)
        self.objects.pop(name, None)

    async def lock(self, key: str, *, retain_until: datetime | None, held: bool) -> None:
        self._get(key)
        self.locks[key] = (retain_until, held)

    async def presigned(self, key: str, *, seconds: int) -> str:
        self._answer()
        return f"https://memory.test/{_name(key)}?seconds={seconds}"

    def _answer(self) -> None:
        self.requests += 1
        self.asked.set()
        if self.down:
            raise Unavailable("the object store is down")

    def _get(self, key: str) -> tuple[bytes, str, str | None]:
        self._answer()
        if _name(key) not in self.objects:
            raise NotFound(key)
        return self.objects[_name(key)]


def _name(key: str) -> str:
    """What lies in the one bucket that all share goes by its key, what lies in another one by its address."""
    return key.removeprefix("s3://memory/")


class MemoryLedger:
    """Rows in a dict."""

    def __init__(self) -> None:
        self.jobs: dict[tuple[TenantId, CallId], Job] = {}
        self.down = False
        self.changed: list[RecordingState] = []

    async def save(self, job: Job) -> None:
        self._answer()
        key = (job.tenant, job.call_id)
        old = self.jobs.get(key)
        if old is not None and (len(old.moves) > len(job.moves) or old.state in REPLAYABLE):
            return
        self.jobs[key] = job
        self.changed.append(job.state)

    async def get(self, tenant: TenantId, call_id: CallId) -> LedgerRecord:
        self._answer()
        job = self.jobs.get((tenant, call_id))
        if job is None:
            raise NotFound(f"no recording of call {call_id}")
        return record_of(job)

    async def find(self, call_id: CallId) -> LedgerRecord | None:
        self._answer()
        return next((record_of(job) for job in self.jobs.values() if job.call_id == call_id), None)

    async def page(
        self, tenant: TenantId, wanted: RecordingFilter, *, after: PlaceInList | None = None, limit: int = 50
    ) -> tuple[LedgerRecord, ...]:
        self._answer()
        if not 1 <= limit <= MAX_PAGE:
            raise CallerError(f"limit must be 1 to {MAX_PAGE}, not {limit}")
        records = [record_of(job) for job in self.jobs.values() if job.tenant == tenant]
        records = [record for record in records if _fits(record, wanted)]
        records.sort(key=lambda record: (record.arrived_at, record.call_id), reverse=True)
        if after is not None:
            records = [r for r in records if (r.arrived_at, r.call_id) < (after.arrived_at, after.call_id)]
        return tuple(records[:limit])

    async def history(self, tenant: TenantId, call_id: CallId) -> tuple[LedgerMove, ...]:
        self._answer()
        job = self.jobs.get((tenant, call_id))
        moves = job.moves if job else ()
        return tuple(LedgerMove(number=m.number, at=m.at, step=m.step, state=m.state, reason=m.reason) for m in moves)

    async def missing(self, tenant: TenantId, *, since: datetime, limit: int = 50) -> tuple[LedgerRecord, ...]:
        self._answer()
        wrong = (RecordingState.NOT_RECORDED, RecordingState.FAILED)
        found = [j for j in self.jobs.values() if j.tenant == tenant and j.state in wrong and j.ended_at]
        found = [job for job in found if job.ended_at is not None and job.ended_at >= since]
        found.sort(key=lambda job: job.ended_at or job.arrived_at, reverse=True)
        return tuple(record_of(job) for job in found[:limit])

    async def counts(self) -> Mapping[RecordingState, int]:
        self._answer()
        counts: dict[RecordingState, int] = {}
        for job in self.jobs.values():
            counts[job.state] = counts.get(job.state, 0) + 1
        return counts

    def _answer(self) -> None:
        if self.down:
            raise Unavailable("the database is down")


def _fits(record: LedgerRecord, wanted: RecordingFilter) -> bool:
    duration = record.audio.duration_s if record.audio else None
    flags = record.audio.flags if record.audio else ()
    return (
        (wanted.since is None or record.arrived_at >= wanted.since)
        and (wanted.until is None or record.arrived_at < wanted.until)
        and (wanted.agent is None or wanted.agent in record.facts.agents)
        and (wanted.queue is None or record.facts.queue == wanted.queue)
        and (wanted.caller_kind is None or record.facts.caller_kind == wanted.caller_kind)
        and (wanted.reservation is None or record.facts.reservation == wanted.reservation)
        and (wanted.min_duration_s is None or (duration is not None and duration >= wanted.min_duration_s))
        and (wanted.max_duration_s is None or (duration is not None and duration <= wanted.max_duration_s))
        and (not wanted.states or record.state in wanted.states)
        and (wanted.flag is None or wanted.flag in flags)
        and (wanted.call_id is None or wanted.call_id == record.call_id)
    )


class InlineEncoder:
    """The real encoding, in this process. ``broken`` makes the next so many fail."""

    def __init__(self) -> None:
        self.broken = 0
        self.made: list[str] = []

    async def encode(self, job: EncodeJob) -> Encoded:
        if self.broken > 0:
            self.broken -= 1
            raise Unavailable("the encoder died")
        self.made.append(job.name)
        return await asyncio.to_thread(encode.encode, job)


class Facts:
    """Takes published facts; a test waits for them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.also: list[Callable[[Event], None]] = []  # who else is told
        self._came = asyncio.Event()

    def publish(self, event: Event) -> None:
        self.events.append(event)
        self._came.set()
        for told in self.also:
            told(event)

    async def wait(self, count: int = 1, *, seconds: float = 20) -> list[Event]:
        """The first ``count`` facts."""
        async with asyncio.timeout(seconds):
            while len(self.events) < count:
                self._came.clear()
                await self._came.wait()
        return self.events[:count]


class Clock:
    """A clock that a test moves."""

    def __init__(self, at: datetime = T0) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def tone(hz: float, seconds: float, *, rate: int = 8000, peak: int = 9000) -> bytes:
    """A sine as 16-bit samples; digital silence for 0 Hz."""
    count = round(seconds * rate)
    if hz == 0:
        return bytes(2 * count)
    return array("h", (round(peak * math.sin(2 * math.pi * hz * i / rate)) for i in range(count))).tobytes()


def write_wav(path: Path, samples: bytes, *, rate: int = 8000, channels: int = 1) -> Path:
    """A file as Asterisk leaves it when it has closed it."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    os.utime(path, (T0.timestamp() + 10, T0.timestamp() + 10))
    return path


def break_header(path: Path) -> Path:
    """The same file as a killed Asterisk leaves it: lengths of zero."""
    with path.open("r+b") as file:
        for at in (4, 40):
            file.seek(at)
            file.write(struct.pack("<I", 0))
    return path
