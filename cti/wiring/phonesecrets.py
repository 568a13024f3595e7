"""The secret with which a page registers at Asterisk belongs to a log-in, and ends with it (docs/decisions/0235).

It is made from the log-in and from what pjsip.conf has for the phone, so that it stands nowhere but in Asterisk and in
the page. One function brings Asterisk to what should be; it is called for a page that asks, for a log-in that is over,
and for every phone after a new link to Asterisk, which may have been restarted, replaced, or without us for a day.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

import asyncpg

from cti.ami.feed import AmiFeed
from cti.ami.phonesecrets import mark_of
from cti.domain.errors import KakehashiError, NotFound, Unavailable
from cti.domain.model import AgentId, TenantId
from cti.store.phonelogins import BrowserPhone, EndedPhone, PhoneLogInStore
from cti.web.context import SESSION_IDLE_S

log = logging.getLogger(__name__)

# "Worthless within seconds": how often log-ins that are over are looked for, a small query over those who have a phone.
LOOK_S = 2.0
# 160 bits, as hex: no character that a configuration file or an AMI header reads as its own.
SECRET_DIGITS = 40
# After a restart of Asterisk each secret is written anew (14 events each), just when callers come back: 25 s for 1,000.
PACE_S = 0.02


class Asterisk(Protocol):
    """Where secrets lie (cti.ami.phonesecrets)."""

    async def mark(self, endpoint: str) -> str:
        """Which was written last. Raises Unavailable."""

    async def put(self, endpoint: str, secret: str) -> None:
        """Write it; "" takes it away. Raises Unavailable."""


class Store(Protocol):
    """What log-ins phones belong to (cti.store.phonelogins)."""

    async def grant(self, tenant: TenantId, agent: AgentId, token_sha256: bytes, now: datetime) -> None:
        """See there."""

    async def phone(self, tenant: TenantId, agent: AgentId, now: datetime) -> BrowserPhone | None:
        """See there."""

    async def phones(self, now: datetime) -> Sequence[BrowserPhone]:
        """See there."""

    async def over(self, now: datetime) -> Sequence[EndedPhone]:
        """See there."""

    async def forget(self, ended: EndedPhone) -> None:
        """See there."""


def of_line(pool: asyncpg.Pool[Any], feed: AmiFeed, now: Callable[[], datetime]) -> PhoneSecrets:
    """Those of the Asterisk at the other end, for the sessions of these pages."""
    store = PhoneLogInStore(pool, idle_s=SESSION_IDLE_S)
    return PhoneSecrets(store, feed.phone_secrets, links=lambda: feed.links, now=now)


def secret_of(phone: BrowserPhone) -> str:
    """The same for the same log-in, so that its windows and reloads need no new one; "" for a phone of no log-in."""
    if phone.token_sha256 is None:
        return ""
    return hmac.new(phone.key.encode(), phone.token_sha256, hashlib.sha256).hexdigest()[:SECRET_DIGITS]


class PhoneSecrets:
    """A task that keeps Asterisk's secrets those of live log-ins, and the way to a new one."""

    def __init__(
        self, store: Store, asterisk: Asterisk, *, links: Callable[[], int], now: Callable[[], datetime]
    ) -> None:
        """``links``: how many links to Asterisk there have been; another number: everything is looked at again."""
        self._store = store
        self._asterisk = asterisk
        self._links = links
        self._now = now
        self._seen = 0  # the link on which everything was looked at
        self._lying: dict[str, str] = {}  # endpoint → the secret that Asterisk is known to have
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # one at a time for each endpoint
        self._problem = ""  # what was said last of why it does not go on
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="phone-secrets")

    async def stop(self) -> None:
        """Look no more. Secrets stay where they are: phones go on without us."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def holds(self, tenant: TenantId, agent: AgentId) -> bytes | None:
        """The log-in whose phone it is, None: nobody's. Raises Unavailable."""
        phone = await self._store.phone(tenant, agent, self._now())
        return None if phone is None else phone.token_sha256

    async def grant(self, tenant: TenantId, agent: AgentId, token_sha256: bytes) -> tuple[str, str]:
        """Endpoint and secret for this log-in; every other log-in's is worthless from now on.

        Raises NotFound for an agent without a phone in a browser, Unavailable: ask again.
        """
        phone = await self._store.phone(tenant, agent, self._now())
        if phone is None:
            raise NotFound("this agent's phone is not in the browser")
        if phone.token_sha256 != token_sha256:
            await self._store.grant(tenant, agent, token_sha256, self._now())
        settled = await self._settle(tenant, agent)
        if settled is None or settled.token_sha256 != token_sha256:
            raise Unavailable("the phone went to another log-in meanwhile")
        return settled.endpoint, secret_of(settled)

    async def _settle(self, tenant: TenantId, agent: AgentId) -> BrowserPhone | None:
        """Bring Asterisk to what should be for one phone; what that is."""
        phone = await self._store.phone(tenant, agent, self._now())
        if phone is None:
            return None
        async with self._turns[phone.endpoint]:
            # Again: it may have waited here for another who settled the same phone.
            phone = await self._store.phone(tenant, agent, self._now())
            if phone is not None and self._lying.get(phone.endpoint) != secret_of(phone):
                await self._put(phone.endpoint, secret_of(phone))
        return phone

    async def _put(self, endpoint: str, secret: str) -> None:
        self._lying.pop(endpoint, None)  # whatever comes of it, it is not known any more what lies there
        if await self._asterisk.mark(endpoint) != mark_of(secret):
            await self._asterisk.put(endpoint, secret)
            await asyncio.sleep(PACE_S)
        self._lying[endpoint] = secret

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
                self._problem = ""
            except KakehashiError as error:  # the next look is soon
                if self._problem != str(error):
                    self._problem = str(error)
                    log.warning("phones' secrets wait", extra={"action": "phone_secret", "why": str(error)})
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        if (links := self._links()) != self._seen:
            self._lying.clear()
            for phone in await self._store.phones(self._now()):
                await self._check(phone)
            self._seen = links
        for ended in await self._store.over(self._now()):
            await self._end(ended)

    async def _check(self, phone: BrowserPhone) -> None:
        """After a server's restart all is as it was: one question to Asterisk, none to the database."""
        secret = secret_of(phone)
        async with self._turns[phone.endpoint]:
            if await self._asterisk.mark(phone.endpoint) == mark_of(secret):
                self._lying[phone.endpoint] = secret
                return
        await self._settle(phone.tenant, phone.agent)

    async def _end(self, ended: EndedPhone) -> None:
        async with self._turns[ended.endpoint]:
            phone = await self._store.phone(ended.tenant, ended.agent, self._now())
            if phone is not None and phone.token_sha256 is not None:
                return  # somebody logged in meanwhile
            await self._put(ended.endpoint, "")
            await self._store.forget(ended)
        log.info("a phone's secret ended", extra={"action": "phone_secret", "agent": ended.agent})
