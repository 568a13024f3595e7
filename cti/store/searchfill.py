"""Puts records of before into the search: newest first, an hour of calls a transaction, going on where it stopped.

Records of today put themselves in (0023_call_search.sql). This is for a desk that was there before the search was, and
for `kakehashi database search`, which makes every row anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import asyncpg

from cti.domain.errors import Unavailable
from cti.store.recorder import AWAY

log = logging.getLogger(__name__)

# Some half a second for the busiest hour: pages and records that want the database meanwhile come in between.
PAUSE_S = 0.2
# With the database away, or somebody else writing the same call: the hour is done again.
AGAIN_S = 5.0
STEP_S = 60.0

_NEWEST = """
SELECT max(newest) FROM call_search_filled AS filled, tenants AS t, LATERAL (
    (SELECT arrived_at AS newest FROM calls c WHERE c.tenant = t.tenant AND c.arrived_at < filled.arrived_at
      ORDER BY c.arrived_at DESC LIMIT 1)
    UNION ALL
    (SELECT arrived_at FROM recordings r WHERE r.tenant = t.tenant AND r.arrived_at < filled.arrived_at
      ORDER BY r.arrived_at DESC LIMIT 1)
) AS found
"""
# An hour, or less where more than so many calls arrived in it: each call is a lock until the commit, and PostgreSQL has
# room for some 6,000. An instant is never cut in two.
_SINCE = """
SELECT least(greatest($1::timestamptz - interval '1 hour', max(nth)), $1 - interval '1 microsecond')
  FROM tenants AS t, LATERAL (
    (SELECT arrived_at AS nth FROM calls c WHERE c.tenant = t.tenant AND c.arrived_at <= $1
      ORDER BY c.arrived_at DESC OFFSET 300 LIMIT 1)
    UNION ALL
    (SELECT arrived_at FROM recordings r WHERE r.tenant = t.tenant AND r.arrived_at <= $1
      ORDER BY r.arrived_at DESC OFFSET 300 LIMIT 1)
) AS found
"""
# In one order of calls, so that two who do it at once wait for each other instead of locking each other out.
_HOUR = """
SELECT count(search_refresh(tenant, call_id)) FROM (
    SELECT c.tenant, c.call_id FROM tenants t JOIN calls c
        ON c.tenant = t.tenant AND c.arrived_at > $2::timestamptz AND c.arrived_at <= $1::timestamptz
    UNION
    SELECT r.tenant, r.call_id FROM tenants t JOIN recordings r
        ON r.tenant = t.tenant AND r.arrived_at > $2 AND r.arrived_at <= $1
    ORDER BY tenant, call_id
) AS hour
"""
# A record that arrived exactly then is of the next step: what is left is before the instant, and not at it.
_DONE = "UPDATE call_search_filled SET arrived_at = $1::timestamptz + interval '1 microsecond'"
_ALL_DONE = "UPDATE call_search_filled SET arrived_at = '-infinity'"
_AGAIN = "UPDATE call_search_filled SET arrived_at = 'infinity'"
_FILLED = "SELECT arrived_at = '-infinity' FROM call_search_filled"


class SearchFiller:
    """One at a time is enough; several do no harm."""

    def __init__(self, pool: asyncpg.Pool[Any], *, pause_s: float = PAUSE_S) -> None:
        self._pool = pool
        self._pause_s = pause_s

    async def begin_anew(self) -> None:
        """Every row is made again."""
        await self._pool.execute(_AGAIN)

    async def step(self) -> tuple[datetime, int] | None:
        """Put in one hour of calls: its end, and how many. None: all of them are there. Raises what asyncpg raises."""
        async with self._pool.acquire() as connection, connection.transaction():
            # The mark is taken for oneself: two fillers would do the same hour.
            await connection.execute("SELECT FROM call_search_filled FOR UPDATE")
            if await connection.fetchval(_FILLED):
                return None
            newest = await connection.fetchval(_NEWEST, timeout=STEP_S)
            if newest is None:
                await connection.execute(_ALL_DONE)
                return None
            since = await connection.fetchval(_SINCE, newest, timeout=STEP_S)
            many = await connection.fetchval(_HOUR, newest, since, timeout=STEP_S)
            await connection.execute(_DONE, since)
            return newest, many

    async def run(self, told: Callable[[datetime, int], None] = lambda *_: None) -> int:
        """To the end, whatever comes in between; returns how many records. ``told`` hears of each hour."""
        done = 0
        while True:
            try:
                found = await self.step()
            except (*AWAY, Unavailable) as error:
                log.warning("the search is filled later", extra={"action": type(error).__name__})
                await asyncio.sleep(AGAIN_S)
                continue
            if found is None:
                return done
            done += found[1]
            told(found[0], done)
            await asyncio.sleep(self._pause_s)
