"""Calls in PostgreSQL: saved as they change, read by the pages. Every query names its tenant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from cti.domain.events import RecordingStored
from cti.domain.model import AgentId, Call, CallId, EndReason, Link, QueueId, TenantId
from cti.domain.outgoing import Outgoing, of_call, of_recording
from cti.store.away import deadline
from cti.store.callrows import (
    COLUMNS,
    KEPT,
    OFFER_COLUMNS,
    TALK_COLUMNS,
    call_from_row,
    call_values,
    link_json,
    offer_values,
    talk_values,
)
from cti.store.outgoing import write_outgoing

MAX_LIMIT = 200
# "My calls of today": nobody takes more in a shift.
AGENT_LIMIT = 200
# Live calls a restart takes back; more than any one Asterisk carries.
OPEN_LIMIT = 20_000


class PageAfter(Protocol):
    """Where the page before ended."""

    @property
    def at(self) -> datetime: ...
    @property
    def call_id(self) -> CallId: ...


class CallFilter(Protocol):
    """Which calls; None: any."""

    @property
    def since(self) -> datetime | None: ...
    @property
    def until(self) -> datetime | None: ...
    @property
    def queue(self) -> str | None: ...
    @property
    def agent(self) -> str | None: ...
    @property
    def end_reason(self) -> EndReason | None: ...
    @property
    def number_part(self) -> str | None: ...
    @property
    def limit(self) -> int: ...
    @property
    def after(self) -> PageAfter | None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueFigures:
    """A queue since some instant. Abandoned calls count as offered; ``in_time``: within its service_level_s."""

    offered: int
    answered: int
    abandoned: int
    in_time: int
    asa_s: float | None  # mean wait of answered calls


def _upsert(
    table: str, columns: Sequence[str], key: Sequence[str], kept: frozenset[str] = frozenset(), only: str = ""
) -> str:
    places = ", ".join(f"${i}" for i in range(1, len(columns) + 1))
    changes = ", ".join(
        f"{c} = coalesce(excluded.{c}, {table}.{c})" if c in kept else f"{c} = excluded.{c}"
        for c in columns
        if c not in key
    )
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) "  # noqa: S608 - our own constants
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}{only}"
    )


# A closed call is not opened again by an older word, and what ended stays ended: a journal says what was known then.
_SAVE_CALL = _upsert(
    "calls",
    COLUMNS,
    ("tenant", "call_id"),
    KEPT,
    " WHERE calls.ended_at IS NULL OR excluded.ended_at IS NOT NULL",
)
_SAVE_OFFER = _upsert(
    "call_offers", OFFER_COLUMNS, ("tenant", "call_id", "number"), frozenset({"rang_at", "ended_at", "outcome"})
)
_SAVE_TALK = _upsert("call_talks", TALK_COLUMNS, ("tenant", "call_id", "number"), frozenset({"ended_at"}))
_SAVE_LINK = "UPDATE calls SET link = $3 WHERE tenant = $1 AND call_id = $2"
_SAVE_RECORDING = """
UPDATE calls SET recording_uri = $3, recording_stored_at = $4 WHERE tenant = $1 AND call_id = $2
"""
_GET = "SELECT * FROM calls WHERE tenant = $1 AND call_id = $2"
_OPEN = "SELECT * FROM calls WHERE ended_at IS NULL ORDER BY arrived_at LIMIT $1"
# By arrival, which is what the ledger has an index for.
_UNTOLD = """
SELECT r.tenant, r.call_id, r.uri, r.sha256, r.duration_s, r.stored_at
  FROM tenants t
  JOIN recordings r ON r.tenant = t.tenant AND r.arrived_at > now() - interval '3 days'
  JOIN calls c ON c.tenant = r.tenant AND c.call_id = r.call_id
 WHERE r.state IN ('stored', 'salvaged', 'truncated') AND r.uri IS NOT NULL AND r.stored_at IS NOT NULL
   AND c.recording_stored_at IS NULL
 ORDER BY r.stored_at LIMIT $1
"""
_OFFERS = """
SELECT o.* FROM call_offers o JOIN unnest($1::text[], $2::uuid[]) AS k (tenant, call_id) USING (tenant, call_id)
ORDER BY o.number
"""
_TALKS = """
SELECT t.* FROM call_talks t JOIN unnest($1::text[], $2::uuid[]) AS k (tenant, call_id) USING (tenant, call_id)
ORDER BY t.number
"""
_PAGE = """
SELECT c.* FROM calls c
WHERE c.tenant = $1
  AND ($2::timestamptz IS NULL OR c.arrived_at >= $2)
  AND ($3::timestamptz IS NULL OR c.arrived_at < $3)
  AND ($4::text IS NULL OR c.queue = $4)
  AND ($5::text IS NULL
       OR EXISTS (SELECT FROM call_offers o WHERE o.tenant = c.tenant AND o.call_id = c.call_id AND o.agent = $5)
       OR EXISTS (SELECT FROM call_talks t WHERE t.tenant = c.tenant AND t.call_id = c.call_id AND t.agent = $5))
  AND ($6::text IS NULL OR c.end_reason = $6)
  AND ($7::text IS NULL OR strpos(c.caller_digits, $7) > 0)
  AND ($8::timestamptz IS NULL OR (c.arrived_at, c.call_id) < ($8, $9::uuid))
  AND ($10::text IS NULL OR c.state = $10)
ORDER BY c.arrived_at DESC, c.call_id DESC
LIMIT $11
"""
_OF_AGENT = """
SELECT c.* FROM calls c
WHERE c.tenant = $1 AND c.arrived_at >= $3 AND c.call_id IN (
    SELECT call_id FROM call_offers WHERE tenant = $1 AND agent = $2 AND offered_at >= $3
    UNION
    SELECT call_id FROM call_talks WHERE tenant = $1 AND agent = $2 AND answered_at >= $3
)
ORDER BY c.arrived_at DESC, c.call_id DESC
LIMIT $4
"""
_FIGURES = """
SELECT c.queue,
       count(*) AS offered,
       count(c.answered_at) AS answered,
       count(*) FILTER (WHERE c.answered_at IS NULL AND c.end_reason = 'abandoned_in_queue') AS abandoned,
       count(*) FILTER (WHERE c.answered_at - c.queued_at <= make_interval(secs => q.service_level_s)) AS in_time,
       avg(extract(epoch FROM c.answered_at - c.queued_at))::float8 AS asa_s
FROM calls c LEFT JOIN queues q ON q.tenant = c.tenant AND q.queue = c.queue
WHERE c.tenant = $1 AND c.arrived_at >= $2 AND c.ended_at IS NOT NULL AND c.queued_at IS NOT NULL
  AND c.queue IS NOT NULL
GROUP BY c.queue
"""


class CallStore:
    """Reads raise Unavailable when PostgreSQL is away; writes raise what asyncpg raises (see recorder.py)."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def save(
        self,
        calls: Sequence[Call] = (),
        links: Iterable[tuple[TenantId, CallId, Link]] = (),
        recordings: Iterable[RecordingStored] = (),
    ) -> None:
        """All of it in one transaction, with the messages about it. A call replaces what is stored of it."""
        recordings = tuple(recordings)
        async with self._pool.acquire() as connection, connection.transaction():
            if calls:
                await connection.executemany(_SAVE_CALL, [call_values(c) for c in calls])
            if offers := [row for c in calls for row in offer_values(c)]:
                await connection.executemany(_SAVE_OFFER, offers)
            if talks := [row for c in calls for row in talk_values(c)]:
                await connection.executemany(_SAVE_TALK, talks)
            if found := [(tenant, call_id, link_json(link)) for tenant, call_id, link in links]:
                await connection.executemany(_SAVE_LINK, found)
            if stored := [(r.tenant, r.call_id, r.uri, r.at) for r in recordings]:
                await connection.executemany(_SAVE_RECORDING, stored)
            await write_outgoing(connection, _messages(calls, recordings))

    async def get(self, tenant: TenantId, call_id: CallId) -> Call | None:
        """One call of this tenant; None also for what is no call id."""
        uuid = _uuid(call_id)
        if uuid is None:
            return None
        async with deadline(), self._pool.acquire() as connection:
            found = await _whole(connection, await connection.fetch(_GET, tenant, uuid))
        return found[0] if found else None

    async def find(self, call_id: CallId) -> Call | None:
        """One call, whosever it is: for files that carry nothing but a call id."""
        uuid = _uuid(call_id)
        if uuid is None:
            return None
        async with deadline():
            tenant = await self._pool.fetchval("SELECT tenant FROM calls WHERE call_id = $1", uuid)
        return await self.get(TenantId(tenant), call_id) if tenant else None

    async def page(self, tenant: TenantId, wanted: CallFilter, *, state: str | None = None) -> Sequence[Call]:
        """At most ``limit`` calls, newest arrival first, by (arrived_at, call_id) descending.

        ``number_part`` is looked for in the digits of the caller's number, E.164 and national.
        """
        part = "".join(c for c in wanted.number_part or "" if c.isascii() and c.isdigit())
        if wanted.number_part and not part:
            return ()
        after = wanted.after
        async with deadline(), self._pool.acquire() as connection:
            rows = await connection.fetch(
                _PAGE,
                tenant,
                wanted.since,
                wanted.until,
                wanted.queue,
                wanted.agent,
                wanted.end_reason and wanted.end_reason.value,
                part or None,
                after and after.at,
                after and after.call_id,
                state,
                max(1, min(wanted.limit, MAX_LIMIT)),
            )
            return await _whole(connection, rows)

    async def of_agent(self, tenant: TenantId, agent: AgentId, since: datetime) -> Sequence[Call]:
        """Calls offered to or answered by this agent, arrived since, newest first, at most 200."""
        async with deadline(), self._pool.acquire() as connection:
            return await _whole(connection, await connection.fetch(_OF_AGENT, tenant, agent, since, AGENT_LIMIT))

    async def figures(self, tenant: TenantId, since: datetime) -> Mapping[QueueId, QueueFigures]:
        """Figures of closed calls that arrived since and reached a queue, by their latest queue."""
        async with deadline(), self._pool.acquire() as connection:
            rows = await connection.fetch(_FIGURES, tenant, since)
        return {
            QueueId(row["queue"]): QueueFigures(
                offered=row["offered"],
                answered=row["answered"],
                abandoned=row["abandoned"],
                in_time=row["in_time"],
                asa_s=row["asa_s"],
            )
            for row in rows
        }

    async def open_calls(self) -> Sequence[Call]:
        """Calls of all tenants that were live when the last word was stored: for CallDesk.restore."""
        async with deadline(), self._pool.acquire() as connection:
            return await _whole(connection, await connection.fetch(_OPEN, OPEN_LIMIT))

    async def untold_recordings(self) -> Sequence[RecordingStored]:
        """What the ledger has stored and the calls do not know: this process died between the two. Oldest first."""
        async with deadline():
            return [_stored(row) for row in await self._pool.fetch(_UNTOLD, OPEN_LIMIT)]


def _stored(row: Any) -> RecordingStored:
    return RecordingStored(
        at=row["stored_at"],
        tenant=TenantId(row["tenant"]),
        call_id=CallId(str(row["call_id"])),
        uri=row["uri"],
        sha256=row["sha256"] or "",
        duration_s=row["duration_s"] or 0.0,
    )


def _messages(calls: Sequence[Call], recordings: Sequence[RecordingStored]) -> list[Outgoing]:
    """What is told of them, a call's end before its recording."""
    closed = (of_call(call) for call in calls)
    return [message for message in closed if message is not None] + [of_recording(stored) for stored in recordings]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _whole(connection: Any, rows: Sequence[Any]) -> tuple[Call, ...]:
    """Rows of calls with their offers and talks: two more queries, however many calls."""
    if not rows:
        return ()
    keys = [row["tenant"] for row in rows], [row["call_id"] for row in rows]
    parts: dict[str, dict[tuple[str, UUID], list[Any]]] = {}
    for name, query in (("offers", _OFFERS), ("talks", _TALKS)):
        parts[name] = defaultdict(list)
        for part in await connection.fetch(query, *keys):
            parts[name][part["tenant"], part["call_id"]].append(part)
    return tuple(
        call_from_row(
            row,
            parts["offers"][row["tenant"], row["call_id"]],
            parts["talks"][row["tenant"], row["call_id"]],
        )
        for row in rows
    )
