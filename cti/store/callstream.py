"""Contact records in the order of a bucket's listing, page by page: for `kakehashi recordings reconcile`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from cti.store.away import deadline

# Some 200 KB; a day of a large centre is 50,000.
PAGE = 2_000
PAGE_S = 60.0
_NOBODY = UUID(int=0)
# Only the first row of each tenant is read, by the primary key: DISTINCT would read millions.
_TENANTS = """
WITH RECURSIVE
c AS (
    (SELECT tenant FROM calls ORDER BY tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT tenant FROM calls WHERE tenant > c.tenant ORDER BY tenant LIMIT 1) FROM c WHERE tenant IS NOT NULL
),
r AS (
    (SELECT tenant FROM recordings ORDER BY tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT tenant FROM recordings WHERE tenant > r.tenant ORDER BY tenant LIMIT 1) FROM r
     WHERE tenant IS NOT NULL
)
SELECT tenant FROM tenants UNION SELECT tenant FROM c WHERE tenant IS NOT NULL
 UNION SELECT tenant FROM r WHERE tenant IS NOT NULL ORDER BY 1
"""
_SPAN = """
SELECT min(arrived_at) AS first, max(arrived_at) AS last, count(*) AS n
  FROM calls WHERE tenant = $1 AND ($2::timestamptz IS NULL OR arrived_at >= $2)
"""
_DAY = """
SELECT call_id, arrived_at, ended_at, answered_at IS NOT NULL AS answered FROM calls
 WHERE tenant = $1 AND arrived_at >= $2 AND arrived_at < $3 AND call_id > $4
 ORDER BY call_id LIMIT $5
"""


class CallStream:
    """Reads only. Raises Unavailable when the database is away."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def tenants(self) -> list[str]:
        """Every tenant that has a desk, a call or a recording."""
        async with deadline(PAGE_S):
            rows = await self._pool.fetch(_TENANTS, timeout=PAGE_S)
        return [row["tenant"] for row in rows]

    async def count(self, tenant: str, since: date | None) -> int:
        """How many calls there are to look at."""
        return int((await self._span(tenant, since))["n"])

    async def rows(self, tenant: str, since: date | None) -> AsyncIterator[asyncpg.Record]:
        """call_id, arrived_at, ended_at, answered; by day of arrival (UTC), then call id."""
        span = await self._span(tenant, since)
        if span["first"] is None:
            return
        day, last = span["first"].astimezone(UTC).date(), span["last"].astimezone(UTC).date()
        while day <= last:
            begin, after = midnight(day), _NOBODY
            while True:
                async with deadline(PAGE_S):
                    page = await self._pool.fetch(
                        _DAY, tenant, begin, begin + timedelta(days=1), after, PAGE, timeout=PAGE_S
                    )
                for row in page:
                    yield row
                if len(page) < PAGE:
                    break
                after = page[-1]["call_id"]
            day += timedelta(days=1)

    async def _span(self, tenant: str, since: date | None) -> Any:
        async with deadline(PAGE_S):
            rows = await self._pool.fetch(_SPAN, tenant, midnight(since) if since else None, timeout=PAGE_S)
        return rows[0]


def midnight(day: date) -> datetime:
    """The day's beginning, UTC."""
    return datetime.combine(day, time(), UTC)
