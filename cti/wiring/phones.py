"""Phones in browsers: who has one, whether it answers by itself, and with what it registers at Asterisk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import asyncpg

from cti.config import Ice
from cti.domain.errors import NotFound
from cti.domain.ice import IceServer, IceWays, turn_log_in
from cti.domain.model import AgentId, QueueId, TenantId
from cti.store.away import deadline
from cti.web.phoneports import AgentPhone, PhoneLogIn

_PHONE = "SELECT phone, auto_answer FROM agents WHERE tenant = $1 AND agent = $2 AND active"
_QUEUES = "SELECT queue, auto_answer_s FROM queues WHERE tenant = $1 AND active AND auto_answer_s IS NOT NULL"


def ice_ways(ice: Ice, agent: AgentId, now: datetime) -> IceWays:
    """What this agent's page is told at ``now``: by our clock and the TURN server's, whatever the page's own says."""
    servers = [IceServer(urls=ice.stun)] if ice.stun else []
    if ice.turn:
        user, password = ice.turn_user, ice.turn_password.get_secret_value() if ice.turn_password else None
        if ice.turn_secret is not None:
            user, password = turn_log_in(ice.turn_secret.get_secret_value(), agent, now, ice.turn_lifetime_s)
        servers.append(IceServer(urls=ice.turn, username=user, credential=password))
    return IceWays(servers=tuple(servers), relay_only=ice.relay_only)


class Secrets(Protocol):
    """Whose each phone is (cti.wiring.phonesecrets)."""

    async def holds(self, tenant: TenantId, agent: AgentId) -> bytes | None:
        """The log-in that has the phone. Raises Unavailable."""

    async def grant(self, tenant: TenantId, agent: AgentId, token_sha256: bytes) -> tuple[str, str]:
        """Endpoint and secret. Raises NotFound, Unavailable."""


class BrowserPhones:
    """Implements cti.web.phoneports.Phones over the desk's tables."""

    def __init__(
        self, url: str | None, ice: Ice, pool: asyncpg.Pool[Any], secrets: Secrets, now: Callable[[], datetime]
    ) -> None:
        """``url``: of Asterisk's WebSocket as browsers reach it; None: there is none."""
        self._url = url
        self._ice = ice
        self._now = now
        self._pool = pool
        self._secrets = secrets

    async def phone_of(self, tenant: TenantId, agent: AgentId, log_in: bytes) -> AgentPhone:
        """See the port."""
        async with deadline():
            row = await self._pool.fetchrow(_PHONE, tenant, agent)
            queues = await self._pool.fetch(_QUEUES, tenant)
        if row is None:
            raise NotFound("no such agent")
        in_browser = row["phone"] == "browser"
        holder = await self._secrets.holds(tenant, agent) if in_browser else None
        return AgentPhone(
            in_browser=in_browser,
            auto_answer=row["auto_answer"],
            queues={QueueId(one["queue"]): one["auto_answer_s"] for one in queues},
            taken=holder not in (None, log_in),
            ice=ice_ways(self._ice, agent, self._now()) if in_browser else IceWays(),
        )

    async def log_in(self, tenant: TenantId, agent: AgentId, log_in: bytes) -> PhoneLogIn:
        """See the port."""
        if self._url is None:
            raise NotFound("there are no phones in browsers here")
        endpoint, secret = await self._secrets.grant(tenant, agent, log_in)
        domain = urlsplit(self._url).hostname or "asterisk"
        return PhoneLogIn(url=self._url, endpoint=endpoint, domain=domain, secret=secret)
