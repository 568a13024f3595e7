"""The stages between hang-up and the ledger: settle, encode, store. Each bounded; none ever dies of one recording.

What fails says who waits. When object store or ledger do not answer at all, everybody waits, and the oldest
recording is the first to go on. When they answer and one recording still cannot be stored, that one steps aside, so
that it holds up nobody. Waiting recordings are manifests on disk; memory holds their ids.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any

from cti.domain.errors import IllegalMove, NotFound, Unavailable
from cti.domain.model import CallId
from recording.assemble import ReadyFile
from recording.lifecycle import RecordingState, Step
from recording.line import Line, Place
from recording.model import Job, RecordingSettings
from recording.notes import LedgerNotes
from recording.spool import Spool
from recording.stats import PipelineStats
from recording.steps import Steps

_log = logging.getLogger(__name__)

# A recording that fails for its own sake (unreadable file, wrong hash) is tried again after 2, 4, 8 … seconds.
_RETRY_MOST_S = 600.0
# Calls whose files are being looked at; after a restart with a full spool they would all be at once.
_SETTLING = 16
# Our own disk is full or gone: nothing can go on, and nothing is lost by looking again in a moment.
_DISK_PAUSE_S = 2.0
# What it means when a step of storing fails for the recording's own sake, by the state it was in.
_STORE_TROUBLE = {RecordingState.ENCODED: "upload_refused", RecordingState.UPLOADED: "upload_damaged"}


class Stages:
    """Drives ended recordings on. ``busy`` are those in here."""

    def __init__(
        self,
        *,
        settings: RecordingSettings,
        steps: Steps,
        spool: Spool,
        notes: LedgerNotes,
        stats: PipelineStats,
        now: Callable[[], datetime],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        answers: Callable[[], Awaitable[bool]],
    ) -> None:
        """``spawn`` runs a task that ends with the pipeline, ``answers`` asks whether store and ledger are there."""
        self._settings = settings
        self._steps = steps
        self._spool = spool
        self._notes = notes
        self._stats = stats
        self._now = now
        self._spawn = spawn
        self._answers = answers
        self._settling = asyncio.Semaphore(_SETTLING)
        self.busy: set[CallId] = set()
        self.to_make: Line[tuple[Job, tuple[ReadyFile, ...]]] = Line()
        self.to_store: Line[None] = Line()

    def start(self) -> None:
        """Begin to work on what comes."""
        for _ in range(self._settings.encoders):
            self._spawn(self._make_loop())
        for _ in range(self._settings.uploads):
            self._spawn(self._store_loop())

    def resume(self, job: Job) -> None:
        """A recording that an earlier run, or an earlier try, left in any state after its call's end."""
        self.busy.add(job.call_id)
        if job.state is RecordingState.ENDED:
            self._spawn(self._settle(job))
        elif job.state is RecordingState.FAILED:
            self._spawn(self._retry_later(job))
        else:
            self._queue_to_store(job)

    async def enter(self, job: Job) -> None:
        """A call has ended. Returns when that is on disk, or, with the disk full, at once."""
        self.busy.add(job.call_id)
        step = Step.FOUND if job.state is RecordingState.NOT_RECORDED else Step.CALL_ENDED
        try:
            job = await self._steps.move(job, step)
        except OSError as error:
            self._complain("the manifest cannot be written: %s", error, job.call_id)
            self._spawn(self._enter_later(job))
            return
        self._notes.put(job)
        self._spawn(self._settle(job))

    async def _enter_later(self, job: Job) -> None:
        await asyncio.sleep(_DISK_PAUSE_S)
        await self.enter(job)

    def _queue_to_store(self, job: Job) -> None:
        self.to_store.put(job.ended_at or job.arrived_at, job.call_id, None)

    # --- Settle and encode -----------------------------------------------------------------------------------

    async def _settle(self, job: Job) -> None:
        try:
            async with self._settling:
                files = await self._steps.settle(job)
        except Exception as error:  # noqa: BLE001 - whatever a file does to us, it is tried again and said
            await self._failed(job, "unreadable_file", error)
            return
        self.to_make.put(job.ended_at or job.arrived_at, job.call_id, (job, files))

    async def _make_loop(self) -> None:
        while True:
            job, files = (await self.to_make.get()).content
            try:
                job = await self._steps.make(job, files)
            except Exception as error:  # noqa: BLE001 - a loop that dies would strand every later recording
                await self._failed(job, "encoding_failed", error)
                continue
            self._notes.put(job)
            self._queue_to_store(job)

    # --- Store -----------------------------------------------------------------------------------------------

    async def _store_loop(self) -> None:
        pause_s = self._settings.retry_first_s
        while True:
            place = await self.to_store.get()
            try:
                await self._store(place.call_id)
                pause_s = self._settings.retry_first_s
            except Exception as error:  # noqa: BLE001 - see above
                self._stats.store_waits += 1
                self._complain("recordings wait: %s", error, place.call_id)
                if await self._answers():
                    self._spawn(self._again_later(place))
                    continue
                # Back to its place: the oldest is the next one again, whoever asks first.
                self.to_store.put(place.at, place.call_id, None)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, self._settings.retry_most_s)

    async def _again_later(self, place: Place[None]) -> None:
        """Others are stored, this one is not: it lets them pass."""
        await asyncio.sleep(self._settings.retry_most_s)
        self.to_store.put(place.at, place.call_id, None)

    async def _store(self, call_id: CallId) -> None:
        job = await asyncio.to_thread(self._spool.load, call_id)
        if job is None:
            self.busy.discard(call_id)
            return
        try:
            done = await self._steps.store(job)
        except NotFound:
            job = await self._steps.move(await self._newest(job), Step.REDO, reason="encoded_file_gone")
            self._spawn(self._settle(job))
            return
        except (Unavailable, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - one recording's trouble is not the others'
            job = await self._newest(job)
            await self._failed(job, _STORE_TROUBLE.get(job.state, "ledger_refused"), error)
            return
        self.busy.discard(call_id)
        self._notes.forget(call_id)
        self._stats.settled(done, now=self._now())
        _log.info(
            "a recording is settled",
            extra={"action": "recording", "call_id": call_id, "state": done.state.value, "reason": done.reason},
        )

    async def _newest(self, job: Job) -> Job:
        """The job as the last finished step left it: a step that failed half way may have written a newer one."""
        return await asyncio.to_thread(self._spool.load, job.call_id) or job

    # --- Trouble ---------------------------------------------------------------------------------------------

    async def _failed(self, job: Job, reason: str, error: Exception) -> None:
        """Never raises: whoever calls this has others to serve."""
        self._complain(f"a recording failed ({reason}): %s", error, job.call_id)
        self._stats.failures += 1
        job = replace(job, attempts=job.attempts + 1)
        # Not allowed: all is stored, only the last words are missing. Not written: the disk is full.
        with contextlib.suppress(IllegalMove, OSError):
            job = await self._steps.move(job, Step.FAILED, reason=reason)
        self._notes.put(job)
        self._spawn(self._retry_later(job))

    async def _retry_later(self, job: Job) -> None:
        await asyncio.sleep(min(_RETRY_MOST_S, 2.0 ** min(job.attempts, 16)))
        if job.state is RecordingState.FAILED:
            try:
                job = await self._steps.move(job, Step.RETRY)
            except OSError as error:
                self._complain("the manifest cannot be written: %s", error, job.call_id)
                self._spawn(self._retry_later(job))
                return
            self._notes.put(job)
        self.resume(job)

    def _complain(self, sentence: str, error: Exception, call_id: CallId) -> None:
        about = {"action": "recording", "call_id": call_id, "waiting": len(self.to_store)}
        _log.warning(sentence, error, extra=about)
