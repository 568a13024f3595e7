"""The ledger as others see it: records, filters, pages, and the interface in front of PostgreSQL. PURE."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from cti.domain.errors import CallerError
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
    started_at: datetime
    ended_at: datetime | None
    stored_at: datetime | None
    facts: CallFacts
    audio: StoredAudio | None  # None until something was encoded


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingFilter:
    """What the QA list shows. Empty fields do not filter."""

    since: datetime | None = None  # started at or after
    until: datetime | None = None  # started before
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
class RecordingPage:
    """Newest first."""

    records: tuple[LedgerRecord, ...]
    next_cursor: str | None  # hand it back for the page after; None: that was the last


class Ledger(Protocol):
    """What the pipeline, the replay and the QA list need. Every method may raise Unavailable."""

    async def save(self, job: Job) -> None:
        """Write what is known of a job with its history. Safe to repeat; an older job never replaces a newer one."""

    async def get(self, tenant: TenantId, call_id: CallId) -> LedgerRecord:
        """One recording. Raises NotFound."""

    async def find(self, call_id: CallId) -> LedgerRecord | None:
        """One recording, whosever it is; for files that only carry a call id."""

    async def page(
        self, tenant: TenantId, wanted: RecordingFilter, *, cursor: str | None = None, limit: int = 50
    ) -> RecordingPage:
        """The QA list. Raises CallerError for a cursor or limit that is not ours."""

    async def history(self, tenant: TenantId, call_id: CallId) -> tuple[LedgerMove, ...]:
        """What happened to a recording, oldest first."""

    async def missing(self, tenant: TenantId, *, since: datetime, limit: int = 50) -> tuple[LedgerRecord, ...]:
        """Recordings that should be there and are not (not recorded, or failing), newest first."""

    async def counts(self) -> Mapping[RecordingState, int]:
        """How many recordings are in each unsettled state, and how many settled today."""


def write_cursor(record: LedgerRecord) -> str:
    """The place in the list after this record."""
    place = [record.started_at.astimezone(UTC).isoformat(), record.call_id]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Where the list goes on. Raises CallerError when it was not made here."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, call_id = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        when = datetime.fromisoformat(at)
        if when.tzinfo is None:
            raise ValueError("no time zone")
        return when, UUID(call_id)
    except (ValueError, TypeError, AttributeError) as error:
        raise CallerError("cursor: not one that the list gave; start again without it") from error


def record_of(job: Job) -> LedgerRecord:
    """A job as the ledger shows it."""
    return LedgerRecord(
        tenant=job.tenant,
        call_id=job.call_id,
        state=job.state,
        reason=job.reason,
        attempts=job.attempts,
        started_at=job.started_at,
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
        started_at=row["started_at"],
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
    )
