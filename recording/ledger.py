"""The ledger as others see it: records, filters, pages, and the interface in front of PostgreSQL. PURE."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from cti.domain.model import AgentId, CallId, TenantId
from recording.lifecycle import RecordingState, Step
from recording.model import CallFacts, Job, StoredAudio

MAX_PAGE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerMove:
    """One line of a recording's history."""

    number: int
    at: datetime
    step: Step
    state: RecordingState
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerRecord:
    """One recording as the ledger knows it."""

    tenant: TenantId
    call_id: CallId
    state: RecordingState
    reason: str
    attempts: int
    arrived_at: datetime
    began_at: datetime | None  # second 0 of the sound
    ended_at: datetime | None
    stored_at: datetime | None
    facts: CallFacts
    audio: StoredAudio | None  # None until something was encoded


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingFilter:
    """What the QA list shows. Empty fields do not filter."""

    since: datetime | None = None  # arrived at or after
    until: datetime | None = None  # arrived before
    agent: AgentId | None = None  # who is heard
    queue: str | None = None
    caller_kind: str | None = None
    reservation: str | None = None
    min_duration_s: float | None = None
    max_duration_s: float | None = None
    states: tuple[RecordingState, ...] = ()
    flag: str | None = None  # for example "one_sided_agent"
    call_id: CallId | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceInList:
    """Where a page of the list ends: the next one begins behind it, newest first."""

    arrived_at: datetime
    call_id: CallId


class Ledger(Protocol):
    """What the pipeline, the replay and the QA list need. Every method may raise Unavailable."""

    async def save(self, job: Job) -> None:
        """Write what is known of a job with its history. Safe to repeat; an older job never replaces a newer one."""

    async def get(self, tenant: TenantId, call_id: CallId) -> LedgerRecord:
        """One recording. Raises NotFound."""

    async def find(self, call_id: CallId) -> LedgerRecord | None:
        """One recording, whosever it is; for files that only carry a call id."""

    async def page(
        self, tenant: TenantId, wanted: RecordingFilter, *, after: PlaceInList | None = None, limit: int = 50
    ) -> tuple[LedgerRecord, ...]:
        """The QA list: at most ``limit``, newest arrival first. Raises CallerError for a limit out of bounds."""

    async def history(self, tenant: TenantId, call_id: CallId) -> tuple[LedgerMove, ...]:
        """What happened to a recording, oldest first."""

    async def missing(self, tenant: TenantId, *, since: datetime, limit: int = 50) -> tuple[LedgerRecord, ...]:
        """Recordings that should be there and are not (not recorded, or failing), newest first."""

    async def counts(self) -> Mapping[RecordingState, int]:
        """How many recordings are in each unsettled state, and how many settled today."""


def record_of(job: Job) -> LedgerRecord:
    """A job as the ledger shows it."""
    return LedgerRecord(
        tenant=job.tenant,
        call_id=job.call_id,
        state=job.state,
        reason=job.reason,
        attempts=job.attempts,
        arrived_at=job.arrived_at,
        began_at=job.began_at,
        ended_at=job.ended_at,
        stored_at=job.stored_at,
        facts=job.facts,
        audio=job.audio,
    )


def record_from_row(row: Mapping[str, Any]) -> LedgerRecord:
    """A row of ``recordings``."""
    return LedgerRecord(
        tenant=TenantId(row["tenant"]),
        call_id=CallId(str(row["call_id"])),
        state=RecordingState(row["state"]),
        reason=row["reason"],
        attempts=row["attempts"],
        arrived_at=row["arrived_at"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        stored_at=row["stored_at"],
        facts=CallFacts(
            agents=tuple(AgentId(agent) for agent in row["agents"]),
            queue=row["queue"],
            caller_kind=row["caller_kind"],
            reservation=row["reservation"],
            end_reason=row["end_reason"],
        ),
        audio=_audio_from_row(row) if row["object_key"] is not None else None,
    )


def _audio_from_row(row: Mapping[str, Any]) -> StoredAudio:
    return StoredAudio(
        key=row["object_key"],
        uri=row["uri"],
        sha256=row["sha256"],
        size=row["bytes"],
        duration_s=row["duration_s"],
        rate=row["rate"],
        format=row["format"],
        channels=row["channels"],
        caller_db=row["caller_db"],
        agent_db=row["agent_db"],
        talks=tuple(json.loads(row["talks"])),
        peaks_key=row["peaks_key"],
        flags=tuple(row["flags"]),
        voicemail_s=row["voicemail_s"],
        silence_s=row["silence_s"],
    )
