"""The audit trail: append-only, held so by a trigger (0005_web.sql)."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from cti.domain.access import AuditEntry, AuditWanted
from cti.domain.model import TenantId
from cti.store.away import deadline

_ADD = """
    INSERT INTO audit (at, tenant, who, what, which, detail, address)
    VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7)
"""

# Newest first; what stands at one instant in the order it was written. Conditions follow.
_PAGE = """
    SELECT id, at, tenant, who, what, which, detail::text AS detail, address
      FROM audit WHERE {} ORDER BY at DESC, id DESC LIMIT {}
"""
_BEHIND = "(at, id) < (SELECT at, id FROM audit WHERE tenant = $1 AND id = {})"


class AuditStore:
    """The trail in PostgreSQL. All methods raise Unavailable when it is away."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def add(self, entry: AuditEntry) -> None:
        """Write one entry; returns when it is committed."""
        detail = json.dumps(dict(entry.detail), ensure_ascii=False)
        async with deadline():
            await self._pool.execute(
                _ADD, entry.at, entry.tenant, entry.who, entry.what, entry.which, detail, entry.address
            )

    async def page(self, tenant: TenantId, wanted: AuditWanted) -> list[tuple[int, AuditEntry]]:
        """Entries with their numbers, newest first, at most ``limit``."""
        asked = {
            "which = {}": wanted.which,
            "who = {}": wanted.who,
            "starts_with(what, {})": wanted.what,
            "at >= {}": wanted.since,
            "at < {}": wanted.until,
            _BEHIND: wanted.before,
        }
        said = {condition: value for condition, value in asked.items() if value is not None}
        places = [condition.format(f"${place}") for place, condition in enumerate(said, 2)]
        statement = _PAGE.format(" AND ".join(["tenant = $1", *places]), f"${len(said) + 2}")
        async with deadline():
            rows = await self._pool.fetch(statement, tenant, *said.values(), wanted.limit)
        return [(row["id"], _entry(row)) for row in rows]


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(
        at=row["at"],
        tenant=row["tenant"],
        who=row["who"],
        what=row["what"],
        which=row["which"],
        detail=json.loads(row["detail"]),
        address=row["address"],
    )
