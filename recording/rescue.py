"""Recordings whose call's end nobody told, and files that nobody knows: what a restart or a lost event leaves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from cti.domain.model import Call, CallId
from recording.assemble import job_of_call, with_call
from recording.ledger import Ledger, LedgerRecord
from recording.lifecycle import REPLAYABLE, RecordingState
from recording.model import Job, Move, RecordingSettings
from recording.spool import Seen
from recording.wav import read_info

# Without anybody to ask whether a call is live: a closed file, and this long nothing, is the end of it.
_SURELY_OVER_S = 900.0


class Rescue:
    """Decides what may be taken in. Asks whoever may know: live calls, call records, the ledger."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        find_call: Callable[[CallId], Awaitable[Call | None]] | None,
        is_live: Callable[[CallId], bool] | None,
        now: Callable[[], datetime],
        settings: RecordingSettings,
    ) -> None:
        self._ledger = ledger
        self._find_call = find_call
        self._is_live = is_live
        self._now = now
        self._settings = settings
        self._suspects: dict[CallId, datetime] = {}

    async def adopt(self, call_id: CallId, seen: list[Seen], live: Job | None) -> Job | None:
        """A job to be ended now, or None: leave these files alone. Raises Unavailable."""
        newest = max(file.changed_at for file in seen)
        quiet_s = (self._now() - newest).total_seconds()
        if quiet_s < self._settings.orphan_after_s or (self._is_live is not None and self._is_live(call_id)):
            self._suspects.pop(call_id, None)
            return None
        if live is not None and not self._over(call_id, seen, quiet_s):
            return None
        call = await self._find_call(call_id) if self._find_call is not None else None
        job = live or (job_of_call(call) if call is not None else None)
        record = None if live is not None else await self._ledger.find(call_id)
        if record is not None:
            if record.state in REPLAYABLE or record.state is RecordingState.DELETED:
                return None  # stored; what lies here came later and is for a person to look at
            job = await self._from_record(record)
        if job is None:
            return None
        if call is not None:
            return with_call(job, call, now=newest)
        return replace(job, ended_at=job.ended_at or newest, inferred_end=True)

    def _over(self, call_id: CallId, seen: list[Seen], quiet_s: float) -> bool:
        """A call we know as live: surely over, although nobody told us?"""
        if self._is_live is None:
            return quiet_s > _SURELY_OVER_S and any(read_info(file.path).closed for file in seen)
        # Its end may be on its way to us at this very moment: wait for the next look.
        first = self._suspects.setdefault(call_id, self._now())
        return (self._now() - first).total_seconds() >= self._settings.rescan_s / 2

    async def _from_record(self, record: LedgerRecord) -> Job:
        """A job whose manifest is lost, as the ledger remembers it."""
        history = await self._ledger.history(record.tenant, record.call_id)
        written_off = record.state is RecordingState.NOT_RECORDED
        return Job(
            call_id=record.call_id,
            tenant=record.tenant,
            # Whatever was made of it is gone with the manifest: it begins again with the files.
            state=RecordingState.NOT_RECORDED if written_off else RecordingState.RECORDING,
            arrived_at=record.arrived_at,
            ended_at=record.ended_at,
            facts=record.facts,
            moves=tuple(Move(number=m.number, at=m.at, step=m.step, state=m.state, reason=m.reason) for m in history),
        )

    def silent(self, jobs: Iterable[Job], by_call: Mapping[CallId, object]) -> list[Job]:
        """Calls that are over and never had a file: nobody else would ever end them."""
        if self._is_live is None:
            return []
        now = self._now()
        return [
            replace(job, ended_at=now, inferred_end=True)
            for job in jobs
            if job.call_id not in by_call
            and not self._is_live(job.call_id)
            and (now - job.arrived_at).total_seconds() > self._settings.orphan_after_s
        ]
