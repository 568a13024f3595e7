"""Which log-in each phone in a browser belongs to. A row stays until Asterisk has forgotten its secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from cti.domain.model import AgentId, TenantId
from cti.store.away import deadline

# $1: now, $2: used after. A log-in counts while its person may use this phone and it has one to use.
_LIVE = """
      LEFT JOIN users u ON u.tenant = a.tenant AND u.login = a.login AND u.active
      LEFT JOIN sessions s ON s.token_sha256 = l.token_sha256 AND s.tenant = u.tenant AND s.login = u.login
                          AND s.expires_at > $1 AND s.seen_at > $2
"""
_PHONES = f"""
    SELECT a.tenant, a.agent, a.endpoint, a.sip_secret, s.token_sha256
      FROM agents a
      LEFT JOIN phone_log_ins l USING (tenant, agent)
      {_LIVE}
     WHERE a.phone = 'browser' AND a.active
"""  # noqa: S608 - constant text
_OVER = f"""
    SELECT a.tenant, a.agent, a.endpoint, l.token_sha256
      FROM phone_log_ins l
      JOIN agents a USING (tenant, agent)
      {_LIVE}
     WHERE s.token_sha256 IS NULL OR a.phone <> 'browser' OR NOT a.active
"""  # noqa: S608 - constant text
_GRANT = """
    INSERT INTO phone_log_ins (tenant, agent, token_sha256, granted_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant, agent) DO UPDATE SET token_sha256 = $3, granted_at = $4
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class BrowserPhone:
    """A phone in a browser, and the log-in that it belongs to now."""

    tenant: TenantId
    agent: AgentId
    endpoint: str
    key: str = field(repr=False)  # what its secrets are made from
    token_sha256: bytes | None = field(repr=False)  # None: of no log-in that is still good


@dataclass(frozen=True, kw_only=True, slots=True)
class EndedPhone:
    """A phone whose log-in is over."""

    tenant: TenantId
    agent: AgentId
    endpoint: str
    token_sha256: bytes = field(repr=False)  # the log-in's


class PhoneLogInStore:
    """In PostgreSQL. All methods raise Unavailable when it is away."""

    def __init__(self, pool: asyncpg.Pool[Any], *, idle_s: float) -> None:
        """``idle_s``: as for sessions, after this without any use a log-in is over."""
        self._pool = pool
        self._idle = timedelta(seconds=idle_s)

    async def grant(self, tenant: TenantId, agent: AgentId, token_sha256: bytes, now: datetime) -> None:
        """From now on the phone is this log-in's, and no other's."""
        async with deadline():
            await self._pool.execute(_GRANT, tenant, agent, token_sha256, now)

    async def phone(self, tenant: TenantId, agent: AgentId, now: datetime) -> BrowserPhone | None:
        """One phone; None: not in a browser, or nobody's."""
        async with deadline():
            row = await self._pool.fetchrow(
                f"{_PHONES} AND a.tenant = $3 AND a.agent = $4", now, now - self._idle, tenant, agent
            )
        return None if row is None else _phone(row)

    async def phones(self, now: datetime) -> Sequence[BrowserPhone]:
        """All of them."""
        async with deadline():
            return [_phone(row) for row in await self._pool.fetch(_PHONES, now, now - self._idle)]

    async def over(self, now: datetime) -> Sequence[EndedPhone]:
        """Those whose log-in ended, whose person was switched off, or who have another phone now."""
        async with deadline():
            rows = await self._pool.fetch(_OVER, now, now - self._idle)
        return [EndedPhone(**row) for row in rows]

    async def forget(self, ended: EndedPhone) -> None:
        """Asterisk has forgotten the secret of that log-in."""
        async with deadline():
            await self._pool.execute(
                "DELETE FROM phone_log_ins WHERE tenant = $1 AND agent = $2 AND token_sha256 = $3",
                ended.tenant, ended.agent, ended.token_sha256,
            )  # fmt: skip


def _phone(row: asyncpg.Record) -> BrowserPhone:
    return BrowserPhone(
        tenant=TenantId(row["tenant"]),
        agent=AgentId(row["agent"]),
        endpoint=row["endpoint"],
        key=row["sip_secret"],
        token_sha256=row["token_sha256"],
    )
