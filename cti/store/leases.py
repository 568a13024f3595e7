"""Leases in PostgreSQL, by its clock. The rules are cti.domain.lease; the statements here do what its functions say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg

from cti.domain.errors import Unavailable
from cti.domain.lease import VALID_S, Lease, Look
from cti.store.away import deadline

# Three renewals fit into a lease's life: none may wait longer for an answer than until the next.
ASK_S = 1.0
VALID = timedelta(seconds=VALID_S)

# clock_timestamp() and not now(): a statement that waited for the row's lock goes on later than it began.
_LOOK = "SELECT l.*, clock_timestamp() AS at FROM (VALUES (1)) AS one LEFT JOIN leases l ON l.name = $1"
_CLAIM = """
INSERT INTO leases AS l (name, epoch, holder, address, taken_at, renewed_at, valid_until, released)
SELECT $1, (extract(epoch FROM at) * 1000000)::bigint, $2, $3, at, at, at + $4::interval, false
  FROM clock_timestamp() AS at
ON CONFLICT (name) DO UPDATE SET
    epoch = greatest(excluded.epoch, l.epoch + 1), holder = excluded.holder, address = excluded.address,
    taken_at = clock_timestamp(), renewed_at = clock_timestamp(), valid_until = clock_timestamp() + $4::interval,
    released = false
  WHERE l.released OR l.valid_until <= clock_timestamp() OR l.epoch = $5
RETURNING *
"""
_RENEW = """
UPDATE leases SET renewed_at = clock_timestamp(), valid_until = clock_timestamp() + $3::interval
 WHERE name = $1 AND epoch = $2 AND NOT released
RETURNING true
"""
_GIVE_BACK = """
UPDATE leases SET valid_until = clock_timestamp(), released = true
 WHERE name = $1 AND epoch = $2 AND NOT released
RETURNING true
"""


class LeaseStore:
    """One lease, on a connection of its own: a renewal must not stand in line behind the pages' queries.

    Every method raises Unavailable when the database is away or slow; the next one connects anew.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._conn: asyncpg.Connection[Any] | None = None

    async def look(self) -> Look:
        """The lease as it is, and the database's time."""
        row = await self._ask(_LOOK)
        return Look(lease=None if row["epoch"] is None else _lease(row), at=row["at"])

    async def claim(self, holder: str, address: str, over: int | None = None) -> Lease | None:
        """Take it when it is free, or when it is the one of epoch ``over``; None: it is somebody else's."""
        row = await self._ask(_CLAIM, holder, address, VALID, over)
        return None if row is None else _lease(row)

    async def renew(self, epoch: int) -> bool:
        """Hold it on. False: it is somebody else's by now."""
        return await self._ask(_RENEW, epoch, VALID) is not None

    async def give_back(self, epoch: int) -> bool:
        """Let go. False: it was somebody else's by then."""
        return await self._ask(_GIVE_BACK, epoch) is not None

    def close(self) -> None:
        """Let go of the connection; the lease is not given back."""
        if self._conn is not None:
            self._conn.terminate()
            self._conn = None

    async def _ask(self, statement: str, *values: Any) -> Any:
        try:
            async with deadline(ASK_S):
                if self._conn is None or self._conn.is_closed():
                    self._conn = await asyncpg.connect(self._url, timeout=ASK_S)
                return await self._conn.fetchrow(statement, self._name, *values)
        # Read-only after a fail-over, a log-in refused, a connection that was ended between two steps of a statement
        # (asyncpg then speaks of a mistake of its own): nothing is confirmed, and the next one connects anew.
        except (asyncpg.PostgresError, asyncpg.InternalClientError) as error:
            self.close()
            raise Unavailable(f"the database refuses ({type(error).__name__})") from error
        except BaseException:
            self.close()  # whatever it was in the middle of
            raise


def _lease(row: Any) -> Lease:
    return Lease(
        epoch=row["epoch"],
        holder=row["holder"],
        address=row["address"],
        taken_at=row["taken_at"],
        renewed_at=row["renewed_at"],
        valid_until=row["valid_until"],
        released=row["released"],
    )
