"""The ledger in PostgreSQL (0006_recording.sql). The statements are in sql/ledger.sql, by name."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.resources import files
from typing import Any
from uuid import UUID

import asyncpg

from cti.domain.errors import CallerError, NotFound, PeerError, Unavailable
from cti.domain.model import CallId, TenantId
from recording.ledger import (
    MAX_PAGE,
    LedgerMove,
    LedgerRecord,
    PlaceInList,
    RecordingFilter,
    record_from_row,
)
from recording.lifecycle import RecordingState, Step
from recording.loss import in_words
from recording.model import Job

# A person waits for a page, the pipeline for a commit; beyond this the database is away.
_DEADLINE_S = 5.0
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,  # two waited for each other (the search's triggers), and this one gave way
    asyncpg.ReadOnlySQLTransactionError,  # the standby of a cluster, before it is promoted
    asyncpg.UndefinedTableError,  # migrations have not run yet: the recording waits
)


def load_statements(text: str) -> dict[str, str]:
    """Statements of a file by their name: each begins with a line ``-- name: …``."""
    parts = re.split(r"(?m)^-- name: (\w+)$", text)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


_SQL = load_statements(files("recording").joinpath("sql/ledger.sql").read_text(encoding="utf-8"))


class PostgresLedger:
    """See recording.ledger.Ledger."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def save(self, job: Job) -> None:
        """See Ledger."""
        call_id = UUID(job.call_id)
        moves = [(job.tenant, call_id, m.number, m.at, m.step.value, m.state.value, m.reason) for m in job.moves]
        async with deadline(), self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["save"], *_values(job))
            if moves:
                await connection.executemany(_SQL["save_move"], moves)

    async def get(self, tenant: TenantId, call_id: CallId) -> LedgerRecord:
        """See Ledger."""
        async with deadline():
            row = await self._pool.fetchrow(_SQL["get"], tenant, _uuid(call_id))
        if row is None:
            raise NotFound(f"no recording of call {call_id}")
        return record_from_row(row)

    async def find(self, call_id: CallId) -> LedgerRecord | None:
        """See Ledger."""
        async with deadline():
            row = await self._pool.fetchrow(_SQL["find"], _uuid(call_id))
        return None if row is None else record_from_row(row)

    async def page(
        self, tenant: TenantId, wanted: RecordingFilter, *, after: PlaceInList | None = None, limit: int = 50
    ) -> tuple[LedgerRecord, ...]:
        """See Ledger."""
        if not 1 <= limit <= MAX_PAGE:
            raise CallerError(f"limit must be 1 to {MAX_PAGE}, not {limit}")
        async with deadline():
            rows = await self._pool.fetch(
                _SQL["page"],
                tenant,
                wanted.since,
                wanted.until,
                wanted.agent,
                wanted.queue,
                wanted.caller_kind,
                wanted.reservation,
                wanted.min_duration_s,
                wanted.max_duration_s,
                [state.value for state in wanted.states],
                wanted.flag,
                _uuid(wanted.call_id) if wanted.call_id else None,
                after.arrived_at if after else None,
                _uuid(after.call_id) if after else None,
                limit,
            )
        return tuple(record_from_row(row) for row in rows)

    async def history(self, tenant: TenantId, call_id: CallId) -> tuple[LedgerMove, ...]:
        """See Ledger."""
        async with deadline():
            rows = await self._pool.fetch(_SQL["history"], tenant, _uuid(call_id))
        return tuple(
            LedgerMove(
                number=row["number"],
                at=row["at"],
                step=Step(row["step"]),
                state=RecordingState(row["state"]),
                reason=row["reason"],
            )
            for row in rows
        )

    async def missing(self, tenant: TenantId, *, since: datetime, limit: int = 50) -> tuple[LedgerRecord, ...]:
        """See Ledger."""
        async with deadline():
            rows = await self._pool.fetch(_SQL["missing"], tenant, since, min(limit, MAX_PAGE))
        return tuple(record_from_row(row) for row in rows)

    async def counts(self) -> Mapping[RecordingState, int]:
        """See Ledger."""
        async with deadline():
            rows = await self._pool.fetch(_SQL["counts"])
        return {RecordingState(row["state"]): row["n"] for row in rows}


def _uuid(call_id: CallId) -> UUID:
    try:
        return UUID(call_id)
    except ValueError as error:
        raise CallerError(f"call id {call_id[:64]!r} is not a UUID") from error


def _values(job: Job) -> tuple[object, ...]:
    """The columns of ``recordings`` in the statement's order."""
    facts, audio = job.facts, job.audio
    call = (
        job.tenant,
        UUID(job.call_id),
        job.state.value,
        job.reason,
        len(job.moves),
        job.attempts,
        job.arrived_at,
        job.began_at,
        job.ended_at,
        job.stored_at,
        list(facts.agents),
        facts.queue,
        facts.caller_kind,
        facts.reservation,
        facts.end_reason,
    )
    if audio is None:
        return (*call, *(None,) * 11, "[]", [], None, None, "[]")
    return (
        *call,
        audio.uri,
        audio.key,
        audio.peaks_key,
        audio.sha256,
        audio.size,
        audio.duration_s,
        audio.channels,
        audio.format,
        audio.rate,
        audio.caller_db,
        audio.agent_db,
        json.dumps(audio.talks),
        list(audio.flags),
        audio.voicemail_s,
        audio.silence_s,
        json.dumps(in_words(job)),
    )


@asynccontextmanager
async def deadline(seconds: float = _DEADLINE_S) -> AsyncIterator[None]:
    """Give the database so long. Raises Unavailable when it is away, PeerError when it refuses a statement of ours."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except _AWAY as error:
        raise Unavailable(f"the database does not answer ({type(error).__name__})") from error
    except asyncpg.PostgresError as error:
        raise PeerError(f"the database refuses what the ledger says ({type(error).__name__})") from error
