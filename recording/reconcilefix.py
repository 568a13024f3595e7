"""What reconcile may set right by itself. Nothing here deletes a recording's only copy, or replaces an object."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from cti.domain.errors import CallerError, NotFound, PeerError
from cti.domain.events import RecordingStored
from cti.domain.model import CallId
from recording import manifest
from recording.assemble import last_step, moved
from recording.encode import hash_file, sync_folder
from recording.keys import MANIFEST_SUFFIX
from recording.ledger import Ledger
from recording.lifecycle import REPLAYABLE, RecordingState, Step, advance
from recording.model import Job, Move
from recording.objectstore import ObjectStore
from recording.reconcile import Difference, Known, Noted, Remedy
from recording.spool import Seen, Spool
from recording.store import deadline, load_statements

_log = logging.getLogger(__name__)
# A manifest of a call with a hundred legs is some 40 KB.
_MANIFEST_MOST_BYTES = 4 << 20
_SQL = load_statements(files("recording").joinpath("sql/reconcile.sql").read_text(encoding="utf-8"))


class NotSafe(CallerError):
    """A remedy that would have to be taken on trust; a person has to look."""


class Tell(Protocol):
    """Who keeps the contact records."""

    async def __call__(self, stored: RecordingStored, /) -> None:
        """Where a call's recording is. Raises Unavailable."""


class Remedies:
    """The remedies that are done at once; files to be taken in are ``waiting`` for the pipeline."""

    def __init__(
        self,
        *,
        pool: asyncpg.Pool[Any],
        ledger: Ledger,
        objects: ObjectStore,
        spool: Spool,
        tell: Tell,
        now: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._ledger = ledger
        self._objects = objects
        self._spool = spool
        self._tell = tell
        self._now = now
        self.waiting: set[CallId] = set()

    async def apply(self, difference: Difference) -> None:
        """Set one difference right, or put it in line. Raises NotSafe (why), Unavailable, PeerError, OSError."""
        known = difference.known
        match difference.remedy:
            case Remedy.ADOPT:
                await self._adopt(known)
            case Remedy.NOTE:
                await self._note(known)
            case Remedy.CLEAR:
                await self._clear(known)
            case Remedy.STORE_AGAIN:
                await self._lost(known)
                self.waiting.add(known.call_id)
            case Remedy.TAKE_IN:
                self.waiting.add(known.call_id)
            case Remedy.NONE:
                raise NotSafe("a person has to look")
        _log.info("reconciled", extra={"action": f"reconcile {difference.remedy}", "call_id": known.call_id})

    async def _manifest(self, key: str) -> Job:
        """The manifest beside a recording. Raises NotSafe when it is not there or is none."""
        stem = key[: key.rindex("/") + 1] + key[key.rindex("/") + 1 :].split(".", 1)[0]
        try:
            return manifest.from_json(await self._objects.read(stem + MANIFEST_SUFFIX, limit=_MANIFEST_MOST_BYTES))
        except (NotFound, PeerError, CallerError) as error:
            raise NotSafe(f"the manifest beside it cannot be read ({error})") from error

    async def _verified(self, key: str, sha256: str | None, size: int | None) -> None:
        """Read an object back whole. Raises NotSafe when it is not what it should be."""
        if await self._objects.hash(key) != (sha256, size):
            raise NotSafe(f"{key} was read back and is not what was stored")

    async def _adopt(self, known: Known) -> None:
        assert known.sound is not None  # noqa: S101 - that is what is adopted
        key = known.sound.key
        job = await self._manifest(key)
        theirs = (known.tenant, known.call_id)
        if job.audio is None or not key.endswith(f"/{job.audio.key}") or (job.tenant, job.call_id) != theirs:
            raise NotSafe("the manifest beside it is another recording's")
        # Where it lies, and not where it lay: a bucket may be brought back under another name.
        job = replace(job, audio=replace(job.audio, uri=key))
        assert job.audio is not None  # noqa: S101 - just set
        await self._verified(key, job.audio.sha256, job.audio.size)
        if job.state not in REPLAYABLE:
            at = self._now()
            step = last_step(job.audio.flags)
            # The copy in the bucket was written just before the last step, which is done here.
            job = replace(job, state=RecordingState.VERIFIED, stored_at=at)
            job = moved(job, advance(job.state, step, call_id=job.call_id), step, at=at, reason="adopted")
        if known.noted is not None:  # an older word of the ledger: its history goes on
            history = await self._ledger.history(job.tenant, job.call_id)
            least = max((move.number for move in history), default=0) + 1
            last = replace(job.moves[-1], number=max(least, job.moves[-1].number))
            job = replace(job, moves=(*_moves(history), last))
        await self._ledger.save(job)
        assert job.audio is not None  # noqa: S101 - looked at above
        await self._tell(
            RecordingStored(
                at=self._now(),
                tenant=job.tenant,
                call_id=job.call_id,
                uri=job.audio.uri,
                sha256=job.audio.sha256,
                duration_s=job.audio.duration_s,
            )
        )

    async def _note(self, known: Known) -> None:
        job = await self._job(known)
        state = advance(job.state, Step.NOTHING_THERE, call_id=job.call_id)
        await self._ledger.save(moved(job, state, Step.NOTHING_THERE, at=self._now(), reason="no_file"))

    async def _job(self, known: Known) -> Job:
        """What ledger or call record know, as a job."""
        record = await self._ledger.find(known.call_id)
        if record is not None:
            history = await self._ledger.history(record.tenant, record.call_id)
            return Job(
                call_id=record.call_id,
                tenant=record.tenant,
                state=record.state,
                arrived_at=record.arrived_at,
                ended_at=record.ended_at,
                facts=record.facts,
                attempts=record.attempts,
                moves=_moves(history),
            )
        assert known.call is not None  # noqa: S101 - else nothing is expected
        return Job(
            call_id=known.call_id,
            tenant=known.call.tenant,
            state=RecordingState.EXPECTED,
            arrived_at=known.call.arrived_at,
            ended_at=known.call.ended_at,
        )

    async def _lost(self, known: Known) -> None:
        """The ledger learns that the object is gone; the pipeline may then make it again."""
        assert known.noted is not None  # noqa: S101 - it was stored
        noted: Noted = known.noted
        call_id = UUID(noted.call_id)
        async with deadline(), self._pool.acquire() as connection, connection.transaction():
            number = await connection.fetchval(_SQL["lost"], noted.tenant, call_id, "object_lost")
            if number is not None:
                move = (noted.tenant, call_id, number, self._now(), Step.LOST.value, "failed", "object_lost")
                await connection.execute(_SQL["lost_move"], *move)

    async def _clear(self, known: Known) -> None:
        """Delete files that the object was made of, once the object was read back. Raises NotSafe for others."""
        assert known.noted is not None and known.noted.key is not None  # noqa: S101 - it was stored
        await self._verified(known.noted.key, known.noted.sha256, known.noted.size)
        job = await self._manifest(known.noted.key)
        kept = await asyncio.to_thread(self._delete, job)
        if kept:
            raise NotSafe(f"not what was stored, and kept: {', '.join(kept)}")

    def _delete(self, job: Job) -> list[str]:
        made_of = {file.name: file for file in job.files}
        kept = []
        for seen in self._spool.files_of(job.call_id):
            file = made_of.get(seen.path.name)
            if file is not None and file.size == seen.size and (not file.sha256 or file.sha256 == _sha256(seen)):
                seen.path.unlink(missing_ok=True)
            else:
                kept.append(seen.path.name)
        sync_folder(self._spool.path("x").parent)
        return kept


def _sha256(seen: Seen) -> str:
    path: Path = seen.path
    return hash_file(path)[0]


def _moves(history: Any) -> tuple[Move, ...]:
    return tuple(Move(number=m.number, at=m.at, step=m.step, state=m.state, reason=m.reason) for m in history)
