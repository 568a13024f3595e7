"""Recordings as QA sees them: the ledger's rows joined with what the calls table knows of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from cti.domain.model import CallId, TenantId
from cti.store.away import deadline

_OF_CALL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
# By the index recordings_missing: few rows of many.
_MISSING = """
SELECT call_id, arrived_at, queue, split_part(reason, ':', 1) AS why
  FROM recordings
 WHERE tenant = $1 AND state IN ('not_recorded', 'failed') AND ended_at >= $2
   AND split_part(reason, ':', 1) <> ALL ($3::text[])
 ORDER BY ended_at DESC, call_id
 LIMIT $4
"""


class RecordingList:
    """Reads only; the recording pipeline writes. Methods raise Unavailable when PostgreSQL is away."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def missing(
        self, tenant: TenantId, *, since: datetime, as_meant: Sequence[str], limit: int
    ) -> list[asyncpg.Record]:
        """Calls that ended since without a recording, for another reason than those ``as_meant``; newest end first."""
        async with deadline():
            return await self._pool.fetch(_MISSING, tenant, since, list(as_meant), limit)

    async def of_call(self, tenant: TenantId, call_id: CallId) -> asyncpg.Record | None:
        """What QA sees of one, or None when the ledger has none of this call.

        Columns: call_id, arrived_at, state, reason, duration_s, bytes, sha256, uri, began_at, stored_at, flags,
        voicemail_s, delete_asked_at, queue, agents, end_reason, caller_kind, caller_e164, caller_national.
        """
        async with deadline():
            return await self._pool.fetchrow(_OF_CALL, tenant, UUID(call_id))
