"""Links between calls and the integrator's records in PostgreSQL: added, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from cti.domain.errors import CallerError
from cti.domain.events import CallLinked
from cti.domain.model import CallId, Link, LinkConfidence, TenantId, UserLogin
from cti.store.away import deadline
from cti.store.linkseen import NOTHING_SEEN, Seen, seen_in

SYSTEM = "system"
DECIDED = "decided"  # status of a link that a person made; the others are the look-up's
UNDECIDED = "undecided"  # a person took their decision back; the link is what the look-up had found by then

_ADD = """
INSERT INTO call_links (tenant, call_id, at, made_by, confidence, score, why, status, member_id, reservation_id,
    ticket_id, plate, company)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
WHERE NOT EXISTS (  -- the bus may say the same again; history is of changes
    SELECT FROM (
        SELECT * FROM call_links WHERE tenant = $1 AND call_id = $2 AND (made_by = 'system') = ($4 = 'system')
        ORDER BY id DESC LIMIT 1
    ) last
    WHERE (last.made_by, last.confidence, last.why, last.status, last.member_id, last.reservation_id,
           last.ticket_id)
        IS NOT DISTINCT FROM ($4, $5, $7, $8, $9::text, $10::text, $11::text)
) AND NOT EXISTS (  -- a journal that is read twice says the very same again
    SELECT FROM call_links WHERE tenant = $1 AND call_id = $2 AND at = $3 AND made_by = $4 AND status = $8
)
RETURNING id
"""
_CURRENT = "SELECT * FROM call_links_current WHERE tenant = $1 AND call_id = $2"
_HISTORY = "SELECT * FROM call_links WHERE tenant = $1 AND call_id = $2 ORDER BY id LIMIT 500"
# The records of one kind; the column is one of three constants, never a caller's text.


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredLink:
    """One finding or decision about one call."""

    call_id: CallId
    at: datetime
    made_by: str  # "system" or a log-in
    status: str  # "live", "stale", "unavailable"; "decided" by a person
    link: Link

    @classmethod
    def from_row(cls, row: asyncpg.Record) -> StoredLink:
        """From any row of call_links."""
        return cls(
            call_id=CallId(str(row["call_id"])),
            at=row["at"],
            made_by=row["made_by"],
            status=row["status"],
            link=Link(
                confidence=LinkConfidence(row["confidence"]),
                score=round(row["score"], 3),  # stored as a 4-byte float
                why=row["why"],
                member_id=row["member_id"],
                reservation_id=row["reservation_id"],
                ticket_id=row["ticket_id"],
            ),
        )


class LinkStore:
    """The history of links. Every method raises Unavailable while the database is away."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def handle(self, event: CallLinked) -> None:
        """Keep what the look-up found. Subscribe this to ``CallLinked``."""
        seen = seen_in(event.card, event.link)
        await self._add(event.tenant, event.call_id, event.at, SYSTEM, event.link, event.status, seen)

    async def decide(self, tenant: TenantId, call_id: CallId, *, by: UserLogin, at: datetime, link: Link) -> None:
        """Keep what a person decided; it counts from now on. Raises CallerError for the name "system"."""
        if by == SYSTEM:
            raise CallerError(f'nobody may be called "{SYSTEM}": choose another log-in name')
        await self._add(tenant, call_id, at, by, link, DECIDED)

    async def undecide(self, tenant: TenantId, call_id: CallId, *, by: UserLogin, at: datetime, link: Link) -> None:
        """Keep that a decision was taken back: what the look-up finds counts again, ``link`` until it finds more."""
        await self._add(tenant, call_id, at, by, link, UNDECIDED)

    async def current(self, tenant: TenantId, call_id: CallId) -> StoredLink | None:
        """What counts now."""
        rows = await self._fetch(_CURRENT, tenant, _uuid(call_id))
        return StoredLink.from_row(rows[0]) if rows else None

    async def history(self, tenant: TenantId, call_id: CallId) -> list[StoredLink]:
        """All of a call, oldest first."""
        return [StoredLink.from_row(row) for row in await self._fetch(_HISTORY, tenant, _uuid(call_id))]

    async def _add(
        self,
        tenant: TenantId,
        call_id: CallId,
        at: datetime,
        by: str,
        link: Link,
        status: str,
        seen: Seen = NOTHING_SEEN,
    ) -> None:
        await self._fetch(
            _ADD,
            tenant,
            _uuid(call_id),
            at,
            by,
            link.confidence.value,
            link.score,
            link.why,
            status,
            link.member_id,
            link.reservation_id,
            link.ticket_id,
            seen.plate,
            seen.company,
        )

    async def _fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        async with deadline():
            rows: list[asyncpg.Record] = await self._pool.fetch(sql, *arguments)
        return rows


def _uuid(call_id: CallId) -> UUID:
    try:
        return UUID(call_id)
    except ValueError as error:
        raise CallerError(f"{call_id[:40]!r} is not a call's id (a UUID)") from error
