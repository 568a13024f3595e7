"""People who log in, read from the desk's tables."""

from __future__ import annotations

from typing import Any

import asyncpg

from cti.domain.access import Credentials, User
from cti.domain.errors import NotFound
from cti.domain.model import AgentId, TenantId, UserLogin
from cti.store.away import deadline

# A person has at most one phone; should the desk file give two, the first by name is theirs.
USER_COLUMNS = """
    u.tenant, u.login, u.name, u.roles, u.must_change, u.password_hash,
    t.name AS tenant_name, t.language, t.time_zone,
    (SELECT a.agent FROM agents a
      WHERE a.tenant = u.tenant AND a.login = u.login AND a.active
      ORDER BY a.agent LIMIT 1) AS agent
"""

_FIND = f"""
    SELECT {USER_COLUMNS} FROM users u JOIN tenants t USING (tenant)
     WHERE u.tenant = $1 AND u.login = $2 AND u.active
"""  # noqa: S608 - constant text

_RENEW = """
    UPDATE users SET password_hash = $3, must_change = false
     WHERE tenant = $1 AND login = $2 AND active
"""


def user_from_row(row: asyncpg.Record) -> User:
    """A user from a row with USER_COLUMNS."""
    return User(
        tenant=TenantId(row["tenant"]),
        login=UserLogin(row["login"]),
        name=row["name"],
        roles=frozenset(row["roles"]),
        must_change=row["must_change"],
        agent=None if row["agent"] is None else AgentId(row["agent"]),
        tenant_name=row["tenant_name"],
        language=row["language"],
        time_zone=row["time_zone"],
    )


class UserStore:
    """Users in PostgreSQL. All methods raise Unavailable when it is away."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def only_tenant(self) -> TenantId | None:
        """The tenant, when there is exactly one."""
        async with deadline():
            rows = await self._pool.fetch("SELECT tenant FROM tenants ORDER BY tenant LIMIT 2")
        return TenantId(rows[0]["tenant"]) if len(rows) == 1 else None

    async def credentials(self, tenant: str, login: str) -> Credentials | None:
        """An active user with the password's hash, or None."""
        async with deadline():
            row = await self._pool.fetchrow(_FIND, tenant, login)
        if row is None:
            return None
        return Credentials(user=user_from_row(row), password_hash=row["password_hash"])

    async def set_password(self, tenant: TenantId, login: UserLogin, password_hash: str) -> None:
        """Replace the password; it no longer counts as the first one. Raises NotFound."""
        async with deadline():
            done = await self._pool.execute(_RENEW, tenant, login, password_hash)
        if done != "UPDATE 1":
            raise NotFound("no such user")
