"""From hang-up to a verified object: takes facts from the bus and drives every recording to its end.

Three stages, each bounded: files settle (a light task a call), are encoded (``encoders`` at once), are stored
(``uploads`` at once, oldest first; while the store is away everybody backs off, and nothing is tried twice at once).
Waiting recordings are held on disk as manifests; memory holds their ids only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cti.domain.errors import ConfigError, IllegalMove, KakehashiError, NotFound, PeerError, Unavailable
from cti.domain.events import CallArrived, CallEnded, Event, RecordingStarted
from cti.domain.model import Call, CallId
from recording.assemble import ReadyFile, job_of_call, with_call
from recording.encode import Encoder
from recording.keys import Direction, SpoolName, parse_base
from recording.ledger import Ledger
from recording.lifecycle import RecordingState, Step
from recording.line import Line
from recording.model import Announcement, Job, RecordingSettings
from recording.notes import LedgerNotes
from recording.objectstore import ObjectStore
from recording.rescue import Rescue
from recording.spool import GrowthLog, Spool
from recording.stats import PipelineStats
from recording.steps import Sink, Steps, Tools

_log = logging.getLogger(__name__)

# How often growing files are looked at; timeline.GROWTH_NOISE_S depends on it.
_GROWTH_LOOK_S = 0.25
# A recording that fails for its own sake (unreadable file, wrong hash) is tried again after 2, 4, 8 … seconds.
_RETRY_MOST_S = 600.0
# Calls whose files are being looked at; after a restart with a full spool they would all be at once.
_SETTLING = 16

# What it means when a step of storing fails for the recording's own sake, by the state it was in.
_STORE_TROUBLE = {RecordingState.ENCODED: "upload_refused", RecordingState.UPLOADED: "upload_damaged"}

CallFinder = Callable[[CallId], Awaitable[Call | None]]


class RecordingPipeline:
    """Owner of every recording between the dialplan's first file and the ledger's last word."""

    def __init__(
        self,
        *,
        settings: RecordingSettings,
        objects: ObjectStore,
        ledger: Ledger,
        encoder: Encoder,
        sink: Sink,
        now: Callable[[], datetime],
        find_call: CallFinder | None = None,
        is_live: Callable[[CallId], bool] | None = None,
    ) -> None:
        """``find_call`` reads a closed call's record, ``is_live`` asks for a live one: both help after a restart."""
        self._settings = settings
        self._now = now
        self._spool = Spool(spool_dir=Path(settings.spool_dir), work_dir=Path(settings.work_dir))
        self._growth = GrowthLog()
        self._ledger = ledger
        self._notes = LedgerNotes(ledger)
        self._steps = Steps(
            Tools(
                settings=settings,
                spool=self._spool,
                growth=self._growth,
                objects=objects,
                ledger=ledger,
                encoder=encoder,
                sink=sink,
                now=now,
            )
        )
        self._rescue = Rescue(ledger=ledger, find_call=find_call, is_live=is_live, now=now, settings=settings)
        self._live: dict[CallId, Job] = {}  # calls that are going on
        self._busy: set[CallId] = set()  # ended, and in one of the stages
        self._settling = asyncio.Semaphore(_SETTLING)
        self._to_make: Line[tuple[Job, tuple[ReadyFile, ...]]] = Line()
        self._to_store: Line[None] = Line()
        self._tasks: set[asyncio.Task[None]] = set()
        self.stats = PipelineStats()

    # --- Start and stop -----------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Go on with what the last run left, then take facts. Raises ConfigError for folders that cannot be used."""
        try:
            await asyncio.to_thread(self._spool.prepare)
            jobs, broken = await asyncio.to_thread(self._spool.jobs)
        except OSError as error:
            raise ConfigError(
                [f"recording folders: {error.filename}: {error.strerror}; Asterisk and this server need it"]
            ) from error
        for name in broken:
            _log.error("a manifest cannot be read and was left", extra={"action": "recording", "file": name})
        for job in jobs:
            self._resume(job)
        self._spawn(self._notes.run())
        for _ in range(self._settings.encoders):
            self._spawn(self._make_loop())
        for _ in range(self._settings.uploads):
            self._spawn(self._store_loop())
        self._spawn(self._watch_growth())
        self._spawn(self._rescan_loop())

    async def stop(self) -> None:
        """Stop at once. What was not finished goes on at the next start; calls and files are not touched."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a recording's task ended", exc_info=error, extra={"action": "recording"})

    def _resume(self, job: Job) -> None:
        if job.state in (RecordingState.EXPECTED, RecordingState.RECORDING):
            self._live[job.call_id] = job
            return
        self._busy.add(job.call_id)
        if job.state is RecordingState.ENDED:
            self._spawn(self._settle(job))
        elif job.state is RecordingState.FAILED:
            self._spawn(self._retry_later(job))
        else:
            self._to_store.put(job.ended_at or job.arrived_at, job.call_id, None)

    # --- Facts ---------------------------------------------------------------------------------------------------

    async def on_event(self, event: Event) -> None:
        """One fact from the bus. Quick: at most one small file is written."""
        if isinstance(event, CallArrived):
            self._on_arrived(event)
        elif isinstance(event, RecordingStarted):
            await self._on_started(event)
        elif isinstance(event, CallEnded):
            await self._on_ended(event)

    def _on_arrived(self, event: CallArrived) -> None:
        if event.call_id not in self._live and event.call_id not in self._busy:
            job = self._live[event.call_id] = job_of_call(event.call)
            self._notes.put(job)

    async def _on_started(self, event: RecordingStarted) -> None:
        if event.call_id in self._busy:
            return  # told again after a reconnect, when the call is over
        job = self._live.get(event.call_id) or job_of_call(event.call)
        if any(known.base == event.file for known in job.announced):
            return
        announcement = Announcement(base=event.file, agent=event.agent, at=event.at)
        job = replace(job, announced=(*job.announced, announcement))
        if job.state is RecordingState.EXPECTED:
            job = await self._steps.move(job, Step.FILE_ANNOUNCED)
            self._notes.put(job)
        else:
            await asyncio.to_thread(self._spool.save, job)
        self._live[event.call_id] = job

    async def _on_ended(self, event: CallEnded) -> None:
        if event.call_id in self._busy:
            return
        job = self._live.pop(event.call_id, None) or job_of_call(event.call)
        await self._end(with_call(job, event.call, now=event.at))

    async def _end(self, job: Job) -> None:
        self._busy.add(job.call_id)
        self._live.pop(job.call_id, None)
        step = Step.FOUND if job.state is RecordingState.NOT_RECORDED else Step.CALL_ENDED
        job = await self._steps.move(job, step)
        self._notes.put(job)
        self._spawn(self._settle(job))

    # --- Stages --------------------------------------------------------------------------------------------------

    async def _settle(self, job: Job) -> None:
        try:
            async with self._settling:
                files = await self._steps.settle(job)
        except (PeerError, OSError) as error:
            await self._failed(job, "unreadable_file", error)
            return
        self._to_make.put(job.ended_at or job.arrived_at, job.call_id, (job, files))

    async def _make_loop(self) -> None:
        while True:
            job, files = (await self._to_make.get()).content
            try:
                job = await self._steps.make(job, files)
            except Exception as error:  # noqa: BLE001 - a loop that dies would strand every later recording
                await self._failed(job, "encoding_failed", error)
                continue
            self._notes.put(job)
            self._to_store.put(job.ended_at or job.arrived_at, job.call_id, None)

    async def _store_loop(self) -> None:
        pause_s = self._settings.retry_first_s
        while True:
            place = await self._to_store.get()
            try:
                await self._store(place.call_id)
                pause_s = self._settings.retry_first_s
            except Unavailable as error:
                # Back to its place: the oldest is the next one again, whoever asks first.
                self._to_store.put(place.at, place.call_id, None)
                self.stats.store_waits += 1
                _log.warning(
                    "recordings wait: %s", error, extra={"action": "recording", "waiting": len(self._to_store)}
                )
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, self._settings.retry_most_s)

    async def _store(self, call_id: CallId) -> None:
        job = await asyncio.to_thread(self._spool.load, call_id)
        if job is None:
            self._busy.discard(call_id)
            return
        try:
            done = await self._steps.store(job)
        except NotFound:
            job = await self._steps.move(await self._newest(job), Step.REDO, reason="encoded_file_gone")
            self._spawn(self._settle(job))
            return
        except (Unavailable, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - one recording's trouble is not the others'
            job = await self._newest(job)
            await self._failed(job, _STORE_TROUBLE.get(job.state, "ledger_refused"), error)
            return
        self._busy.discard(call_id)
        self._notes.forget(call_id)
        self.stats.settled(done, now=self._now())
        _log.info(
            "a recording is settled",
            extra={"action": "recording", "call_id": call_id, "state": done.state.value, "reason": done.reason},
        )

    async def _newest(self, job: Job) -> Job:
        """The job as the last finished step left it: a step that failed half way may have written a newer one."""
        return await asyncio.to_thread(self._spool.load, job.call_id) or job

    async def _failed(self, job: Job, reason: str, error: Exception) -> None:
        _log.error(
            "a recording failed: %s", error, extra={"action": "recording", "call_id": job.call_id, "reason": reason}
        )
        self.stats.failures += 1
        job = replace(job, attempts=job.attempts + 1)
        with contextlib.suppress(IllegalMove):
            job = await self._steps.move(job, Step.FAILED, reason=reason)
        self._notes.put(job)
        self._spawn(self._retry_later(job))

    async def _retry_later(self, job: Job) -> None:
        await asyncio.sleep(min(_RETRY_MOST_S, 2.0 ** min(job.attempts, 16)))
        if job.state is not RecordingState.FAILED:  # all is stored, only the last words are missing
            self._to_store.put(job.ended_at or job.arrived_at, job.call_id, None)
            return
        job = await self._steps.move(job, Step.RETRY)
        self._notes.put(job)
        await self._settle(job)

    # --- Beside the stages -----------------------------------------------------------------------------------------

    async def _watch_growth(self) -> None:
        while True:
            names = [name for job in self._live.values() for name in _watched(job)]
            sizes = await asyncio.to_thread(self._spool.look, names) if names else {}
            at = self._now()
            for name, frames in sizes.items():
                self._growth.note(name, frames, at)
            await asyncio.sleep(_GROWTH_LOOK_S)

    async def _rescan_loop(self) -> None:
        while True:
            try:
                await self._rescan()
            except (KakehashiError, OSError) as error:
                _log.warning("the spool could not be compared: %s", error, extra={"action": "recording"})
            await asyncio.sleep(self._settings.rescan_s)

    async def _rescan(self) -> None:
        """Take in what nobody knows, and end calls whose end nobody told."""
        by_call = await asyncio.to_thread(self._spool.by_call)
        strangers = 0
        for call_id, seen in by_call.items():
            if call_id in self._busy:
                continue
            job = await self._rescue.adopt(call_id, seen, self._live.get(call_id))
            if job is not None:
                await self._end(job)
            elif call_id not in self._live:
                strangers += 1
        for job in self._rescue.silent(self._live.values(), by_call):
            await self._end(job)
        self.stats.strangers = strangers
        self.stats.spool_bytes = sum(file.size for files in by_call.values() for file in files)
        self.stats.oldest_waiting_at = self._to_store.oldest

    def gauges(self) -> dict[str, float]:
        """Figures of now, by name, for /metrics."""
        return {
            **self.stats.gauges(now=self._now()),
            "live": len(self._live),
            "to_encode": len(self._to_make),
            "to_store": len(self._to_store),
            "unsettled": len(self._busy),
        }


def _watched(job: Job) -> list[str]:
    names = (parse_base(announcement.base) for announcement in job.announced)
    return [
        SpoolName(call_id=name.call_id, uniqueid=name.uniqueid, direction=Direction.RX).file_name
        for name in names
        if name is not None
    ]
