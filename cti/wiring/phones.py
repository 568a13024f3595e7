"""Phones in browsers: who has one, whether it answers by itself, and with what it registers at Asterisk."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import asyncpg

from cti.domain.errors import NotFound
from cti.domain.model import AgentId, QueueId, TenantId
from cti.store.away import deadline
from cti.web.phoneports import AgentPhone, PhoneLogIn

_PHONE = "SELECT endpoint, phone, sip_secret, auto_answer FROM agents WHERE tenant = $1 AND agent = $2 AND active"
_QUEUES = "SELECT queue, auto_answer_s FROM queues WHERE tenant = $1 AND active AND auto_answer_s IS NOT NULL"


class BrowserPhones:
    """Implements cti.web.phoneports.Phones over the desk's tables: the secret is the one in pjsip.conf (0205)."""

    def __init__(self, url: str | None, pool: asyncpg.Pool[Any]) -> None:
        """``url``: of Asterisk's WebSocket as browsers reach it; None: there is none."""
        self._url = url
        self._pool = pool

    async def phone_of(self, tenant: TenantId, agent: AgentId) -> AgentPhone:
        """See the port."""
        row = await self._find(tenant, agent)
        async with deadline():
            queues = await self._pool.fetch(_QUEUES, tenant)
        return AgentPhone(
            in_browser=row["phone"] == "browser",
            auto_answer=row["auto_answer"],
            queues={QueueId(one["queue"]): one["auto_answer_s"] for one in queues},
        )

    async def log_in(self, tenant: TenantId, agent: AgentId) -> PhoneLogIn:
        """See the port."""
        row = await self._find(tenant, agent)
        if row["phone"] != "browser" or self._url is None:
            raise NotFound("this agent's phone is not in the browser")
        domain = urlsplit(self._url).hostname or "asterisk"
        return PhoneLogIn(url=self._url, endpoint=row["endpoint"], domain=domain, secret=row["sip_secret"])

    async def _find(self, tenant: TenantId, agent: AgentId) -> asyncpg.Record:
        async with deadline():
            row: asyncpg.Record | None = await self._pool.fetchrow(_PHONE, tenant, agent)
        if row is None:
            raise NotFound("no such agent")
        return row
