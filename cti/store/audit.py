"""The audit trail: append-only, held so by a trigger (0005_web.sql)."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from cti.domain.access import AuditEntry
from cti.store.away import deadline

_ADD = """
    INSERT INTO audit (at, tenant, who, what, which, detail, address)
    VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7)
"""

_OF_THING = """
    SELECT at, tenant, who, what, which, detail::text AS detail, address
      FROM audit WHERE tenant = $1 AND which = $2 ORDER BY at DESC, id DESC LIMIT $3
"""


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

    async def of_thing(self, tenant: str, which: str, limit: int = 100) -> list[AuditEntry]:
        """What was done with one thing, newest first."""
        async with deadline():
            rows = await self._pool.fetch(_OF_THING, tenant, which, limit)
        return [
            AuditEntry(
                at=row["at"],
                tenant=row["tenant"],
                who=row["who"],
                what=row["what"],
                which=row["which"],
                detail=json.loads(row["detail"]),
                address=row["address"],
            )
            for row in rows
        ]
