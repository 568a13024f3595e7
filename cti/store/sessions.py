"""Log-ins that are still good. Only the SHA-256 of a token is stored: who reads the table cannot log in with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import asyncpg

from cti.domain.access import Session, User
from cti.domain.model import TenantId, UserLogin
from cti.store.away import deadline
from cti.store.users import USER_COLUMNS, user_from_row

_CREATE = """
    INSERT INTO sessions (token_sha256, tenant, login, created_at, seen_at, expires_at, address)
    VALUES ($1, $2, $3, $4, $4, $5, $6)
"""

_FIND = f"""
    SELECT s.created_at, s.seen_at, s.expires_at, {USER_COLUMNS}
      FROM sessions s
      JOIN users u ON u.tenant = s.tenant AND u.login = s.login
      JOIN tenants t ON t.tenant = u.tenant
     WHERE s.token_sha256 = $1 AND s.expires_at > $2 AND s.seen_at > $3 AND u.active
"""  # noqa: S608 - constant text

_END_OTHERS = "DELETE FROM sessions WHERE tenant = $1 AND login = $2 AND token_sha256 <> $3 RETURNING token_sha256"


class SessionStore:
    """Sessions in PostgreSQL. All methods raise Unavailable when it is away."""

    def __init__(self, pool: asyncpg.Pool[Any], *, idle_s: float) -> None:
        self._pool = pool
        self._idle = timedelta(seconds=idle_s)

    async def create(
        self, token_sha256: bytes, user: User, *, now: datetime, expires_at: datetime, address: str
    ) -> None:
        """Remember a log-in."""
        async with deadline():
            await self._pool.execute(_CREATE, token_sha256, user.tenant, user.login, now, expires_at, address)

    async def find(self, token_sha256: bytes, now: datetime) -> Session | None:
        """The session with the user as they are now, or None when it is over or the user was switched off."""
        async with deadline():
            row = await self._pool.fetchrow(_FIND, token_sha256, now, now - self._idle)
        if row is None:
            return None
        return Session(
            user=user_from_row(row),
            created_at=row["created_at"],
            seen_at=row["seen_at"],
            expires_at=row["expires_at"],
        )

    async def touch(self, token_sha256: bytes, now: datetime) -> None:
        """It was used."""
        async with deadline():
            await self._pool.execute(
                "UPDATE sessions SET seen_at = $2 WHERE token_sha256 = $1 AND seen_at < $2", token_sha256, now
            )

    async def end(self, token_sha256: bytes) -> None:
        """Log out."""
        async with deadline():
            await self._pool.execute("DELETE FROM sessions WHERE token_sha256 = $1", token_sha256)

    async def end_others(self, tenant: TenantId, login: UserLogin, keep: bytes) -> list[bytes]:
        """End all sessions of a user but one; returns the tokens' hashes that ended."""
        async with deadline():
            rows = await self._pool.fetch(_END_OTHERS, tenant, login, keep)
        return [row["token_sha256"] for row in rows]

    async def sweep(self, now: datetime) -> int:
        """Delete what is over; returns how many."""
        async with deadline():
            done = await self._pool.execute(
                "DELETE FROM sessions WHERE expires_at <= $1 OR seen_at <= $2", now, now - self._idle
            )
        return int(done.rpartition(" ")[2])
