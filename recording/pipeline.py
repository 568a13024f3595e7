"""From hang-up to a verified object: takes facts from the bus and drives every recording to its end.

Here live calls are watched, and what a restart or a lost fact left behind is found again. The work after a call's
end is done by the stages.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cti.domain.errors import ConfigError, KakehashiError
from cti.domain.events import (
    CallArrived,
    CallEnded,
    CallEvent,
    Event,
    PhoneWatched,
    RecordingPauseChanged,
    RecordingRefused,
    RecordingStarted,
    RecordingStoodStill,
    SoundLost,
)
from cti.domain.model import Call, CallId
from cti.domain.pause import merged
from recording.assemble import job_of_call, with_call
from recording.encode import Encoder
from recording.keys import RATES, Direction, parse_base, parse_spool_file
from recording.lanes import LANES, Lanes
from recording.ledger import Ledger
from recording.lifecycle import RecordingState, Step
from recording.loss import with_loss
from recording.model import Announcement, Job, RecordingSettings
from recording.notes import LedgerNotes
from recording.objectstore import ObjectStore
from recording.quiet import QuietLog
from recording.rescue import Rescue
from recording.spool import GrowthLog, Spool
from recording.stages import Stages
from recording.stats import PipelineStats
from recording.steps import Sink, Steps, Tools
from recording.timeline import Growth

_log = logging.getLogger(__name__)

# How often growing files are looked at; each is written every 2 s, and the disk says when.
_GROWTH_LOOK_S = 0.25
# A disk's time is that of the kernel's last tick, up to 10 ms ago.
_TICK = timedelta(milliseconds=20)
# A file is this much shorter than the clock says: it stood still. Less may be events and disks that are late.
_STILL_S = 0.25
# Asterisk writes a first time when its buffer of 32 KiB is full; a file that holds less was closed.
_FIRST_FRAMES = 16_000
# A stop waits so long for facts that are being written down.
_STOP_S = 5.0

TAKEN = (CallArrived, RecordingStarted, RecordingRefused, RecordingPauseChanged, SoundLost, CallEnded)

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
        self._sink = sink
        self._spool = Spool(spool_dir=Path(settings.spool_dir), work_dir=Path(settings.work_dir))
        self._growth = GrowthLog()
        self._quiet = QuietLog()
        self._stood_still: set[CallId] = set()  # and was told
        self._objects = objects
        self._ledger = ledger
        self._notes = LedgerNotes(ledger)
        self._steps = Steps(
            Tools(
                settings=settings,
                spool=self._spool,
                growth=self._growth,
                quiet=self._quiet,
                objects=objects,
                ledger=ledger,
                encoder=encoder,
                sink=sink,
                now=now,
            )
        )
        self._rescue = Rescue(ledger=ledger, find_call=find_call, is_live=is_live, now=now, settings=settings)
        self._live: dict[CallId, Job] = {}  # calls that are going on
        self._lanes = Lanes(self._on_event)
        self._tasks: set[asyncio.Task[None]] = set()
        self.stats = PipelineStats()
        self._stages = Stages(
            settings=settings,
            steps=self._steps,
            spool=self._spool,
            notes=self._notes,
            stats=self.stats,
            now=now,
            spawn=self._spawn,
            answers=self._answers,
        )

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
        self._stages.start()
        for lane in range(LANES):
            self._spawn(self._lanes.run(lane))
        self._spawn(self._watch_growth())
        self._spawn(self._rescan_loop())

    async def stop(self) -> None:
        """Take what has been told, then stop. What was not finished goes on at the next start."""
        await self.taken()
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
        else:
            self._stages.resume(job)

    async def _answers(self) -> bool:
        """Are object store and ledger there at all?"""
        try:
            # One bucket that cannot be used must not keep from going on what belongs into the others.
            await self._objects.ensure_bucket(every=False)
            await self._ledger.counts()
        except KakehashiError:
            return False
        return True

    # --- Facts ---------------------------------------------------------------------------------------------------

    async def on_event(self, event: Event) -> None:
        """One fact from the bus; returns when it is in line, in the order of its call."""
        if isinstance(event, TAKEN):
            await self._lanes.put(event)
        elif isinstance(event, PhoneWatched) and event.call_id in self._live:
            self._quiet.note(event)

    async def taken(self) -> None:
        """Wait until every fact told so far is taken (not: stored)."""
        await self._lanes.drained(_STOP_S)

    async def _on_event(self, event: CallEvent) -> None:
        if isinstance(event, CallArrived):
            self._on_arrived(event)
        elif isinstance(event, RecordingStarted):
            await self._on_started(event)
        elif isinstance(event, RecordingRefused):
            await self._on_refused(event)
        elif isinstance(event, RecordingPauseChanged):
            await self._on_paused(event)
        elif isinstance(event, SoundLost):
            await self._on_lost(event)
        elif isinstance(event, CallEnded):
            await self._on_ended(event)

    def _on_arrived(self, event: CallArrived) -> None:
        if event.call_id not in self._live and event.call_id not in self._stages.busy:
            job = self._live[event.call_id] = job_of_call(event.call)
            self._notes.put(job)

    async def _on_started(self, event: RecordingStarted) -> None:
        if event.call_id in self._stages.busy:
            return  # told again after a reconnect, when the call is over
        job = self._live.get(event.call_id) or job_of_call(event.call)
        if any(known.base == event.file for known in job.announced):
            return
        announcement = Announcement(base=event.file, agent=event.agent, at=event.at)
        job = replace(job, announced=(*job.announced, announcement))
        self._live[event.call_id] = job
        try:
            if job.state is RecordingState.EXPECTED:
                job = self._live[event.call_id] = await self._steps.move(job, Step.FILE_ANNOUNCED)
                self._notes.put(job)
            else:
                await asyncio.to_thread(self._spool.save, job)
        except OSError as error:  # known as long as we live; after a restart it is taken in by its files
            _log.warning(
                "the manifest cannot be written: %s", error, extra={"action": "recording", "call_id": job.call_id}
            )

    async def _on_refused(self, event: RecordingRefused) -> None:
        job = self._live.get(event.call_id) or job_of_call(event.call)
        if event.call_id in self._stages.busy or event.reason in job.refused:
            return
        job = self._live[event.call_id] = replace(job, refused=(*job.refused, event.reason))
        with contextlib.suppress(OSError):  # the disk is full: known as long as we live
            await asyncio.to_thread(self._spool.save, job)

    async def _on_paused(self, event: RecordingPauseChanged) -> None:
        if event.call_id in self._stages.busy:
            return
        job = self._live.get(event.call_id) or job_of_call(event.call)
        job = self._live[event.call_id] = replace(job, pauses=merged(job.pauses, event.call.pauses))
        # Not written (the disk is full): known as long as we live, and the call's own record has it too.
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._spool.save, job)

    async def _on_lost(self, event: SoundLost) -> None:
        job = self._live.get(event.call_id)
        if job is None:
            return  # it has ended, or nothing of it is recorded
        job = self._live[event.call_id] = replace(job, losses=with_loss(job.losses, event))
        with contextlib.suppress(OSError):  # not written: known as long as we live
            await asyncio.to_thread(self._spool.save, job)

    async def _on_ended(self, event: CallEnded) -> None:
        if event.call_id in self._stages.busy:
            return
        job = self._live.pop(event.call_id, None) or job_of_call(event.call)
        await self._end(with_call(job, event.call, now=event.at))

    async def _end(self, job: Job) -> None:
        self._live.pop(job.call_id, None)
        self._stood_still.discard(job.call_id)
        await self._stages.enter(job)

    # --- Beside the stages -----------------------------------------------------------------------------------------

    async def _watch_growth(self) -> None:
        before = self._now()
        while True:
            names = [name for job in self._live.values() for name in _watched(job)]
            looks: dict[str, Growth] = {}
            at = self._now()
            with contextlib.suppress(OSError):
                looks = await asyncio.to_thread(self._spool.look, names) if names else {}
            now = self._now()
            for name, look in looks.items():
                # The disk knows when it was written. Another clock than ours (a disk of the network) is not believed.
                written = replace(look, at=look.at if before <= look.at + _TICK <= now + _TICK else now)
                self._growth.note(name, written.frames, written.at)
                self._watch_for_stills(name, written)
            before = at
            await asyncio.sleep(_GROWTH_LOOK_S)

    def _watch_for_stills(self, file: str, look: Growth) -> None:
        """Say once of a call that one of its files stood still: from then on somebody looks when (cti.packets)."""
        name = parse_spool_file(file)
        job = self._live.get(name.call_id) if name is not None else None
        if name is None or job is None or job.call_id in self._stood_still or look.frames < _FIRST_FRAMES:
            return
        began_at = next((one.at for one in job.announced if one.base == name.base), look.at)
        if (look.at - began_at).total_seconds() - look.frames / name.rate > _STILL_S:
            self._stood_still.add(job.call_id)
            self._sink.publish(RecordingStoodStill(at=look.at, tenant=job.tenant, call_id=job.call_id))

    async def _rescan_loop(self) -> None:
        while True:
            try:
                await self._rescan()
            except (KakehashiError, OSError) as error:
                _log.warning("the spool could not be compared: %s", error, extra={"action": "recording"})
            except Exception:  # noqa: BLE001 - logged; nobody else would ever take in what is left behind
                _log.exception("comparing the spool failed", extra={"action": "recording"})
            await asyncio.sleep(self._settings.rescan_s)

    async def _rescan(self) -> None:
        """Take in what nobody knows, and end calls whose end nobody told."""
        by_call = await asyncio.to_thread(self._spool.by_call)
        strangers = 0
        for call_id, seen in by_call.items():
            if call_id in self._stages.busy:
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
        self.stats.oldest_waiting_at = self._stages.to_store.oldest

    def gauges(self) -> dict[str, float]:
        """Figures of now, by name, for /metrics."""
        return {
            **self.stats.gauges(now=self._now()),
            "live": len(self._live),
            "to_encode": len(self._stages.to_make),
            "to_store": len(self._stages.to_store),
            "untold": len(self._lanes),
            "unsettled": len(self._stages.busy),
        }


def _watched(job: Job) -> list[str]:
    names = (parse_base(announcement.base) for announcement in job.announced)
    # An announcement does not say at which rate: one of the two is there.
    return [
        replace(name, direction=Direction.RX, rate=rate).file_name
        for name in names
        if name is not None
        for rate in RATES.values()
    ]
