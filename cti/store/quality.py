"""How calls sounded, as agents' pages measured it. Every query names its tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import asyncpg

from cti.domain.model import CallId, TenantId
from cti.domain.quality import LineQuality
from cti.store.away import deadline

_COLUMNS = tuple(field.name for field in fields(LineQuality))
_KEY = ("agent", "talk_at")
# Reports may overtake each other, and a page that was loaded again begins to count anew: the longer one stays.
_KEEP = f"""
INSERT INTO call_quality (tenant, call_id, {", ".join(_COLUMNS)})
VALUES ($1, $2, {", ".join(f"${n}" for n in range(3, len(_COLUMNS) + 3))})
ON CONFLICT (tenant, call_id, agent, talk_at) DO UPDATE
   SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _KEY)}
 WHERE excluded.measured_s >= call_quality.measured_s
"""  # noqa: S608 - our own constants
_OF_CALL = "SELECT * FROM call_quality WHERE tenant = $1 AND call_id = $2 ORDER BY talk_at, agent LIMIT 100"


class QualityStore:
    """Implements cti.web.phoneports.Qualities. Both methods raise Unavailable when PostgreSQL is away."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def keep(self, tenant: TenantId, call_id: CallId, measured: LineQuality) -> None:
        """Remember it, unless a longer measurement of the same talk is known. The call must be stored."""
        async with deadline():
            await self._pool.execute(_KEEP, tenant, call_id, *(getattr(measured, name) for name in _COLUMNS))

    async def of_call(self, tenant: TenantId, call_id: CallId) -> Sequence[LineQuality]:
        """Talk by talk, in order."""
        async with deadline():
            rows = await self._pool.fetch(_OF_CALL, tenant, call_id)
        return [LineQuality(**{name: row[name] for name in _COLUMNS}) for row in rows]
