"""Messages for other systems: what delivers them, what forgets them, and what is seen of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import asyncpg

from cti.config import Config
from cti.domain.errors import KakehashiError, Unavailable
from cti.domain.model import TenantId
from cti.domain.signature import secret_key
from cti.metrics import Metrics
from cti.store.away import deadline
from cti.store.outgoing import OutgoingStore
from cti.store.retention import RetentionStore
from cti.tomlfile import closest
from cti.webhooks import Hook, HttpPost, WebhookSender
from cti.wiring.readiness import Warned

log = logging.getLogger(__name__)

# A receiver that is restarted is nobody's business; one that is behind by this much is.
LATE_S = 60.0
# Nothing hangs on the hour; the first run waits until a start has other things behind it.
FORGET_FIRST_S = 300.0
FORGET_EVERY_S = 3600.0
FIGURES_S = 5.0


class Webhooks:
    """The senders of all tenants, and their figures."""

    def __init__(self, config: Config, pool: asyncpg.Pool[Any], metrics: Metrics, now: Callable[[], datetime]) -> None:
        self._metrics = metrics
        self._now = now
        self._pool = pool
        self._strange: list[str] = []  # sentences about tenants that are none
        self._post = HttpPost()
        self.store = OutgoingStore(pool)
        self.senders = [
            WebhookSender(
                Hook(
                    tenant=TenantId(tenant),
                    url=hook.url,
                    keys=[secret_key(s.get_secret_value()) for s in (hook.secret, hook.old_secret) if s is not None],
                ),
                self.store,
                self._post,
                clock=now,
            )
            for tenant, hook in config.webhooks.items()
        ]
        self._told: dict[tuple[str, str], int] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to send."""
        if not self.senders:
            return
        with suppress(Unavailable):  # then nobody is told of a slip, and callers are served all the same
            await self._look_for_slips()
        await self._post.start()
        for sender in self.senders:
            await sender.start()
        self._task = asyncio.create_task(self._run(), name="webhook-figures")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for sender in self.senders:
            await sender.stop()
        await self._post.stop()

    async def _look_for_slips(self) -> None:
        async with deadline():
            known = {str(row["tenant"]) for row in await self._pool.fetch("SELECT tenant FROM tenants")}
        self._strange = [
            f"webhooks.{sender.tenant}: no such desk; {closest(sender.tenant, known)}"
            for sender in self.senders
            if sender.tenant not in known
        ]
        for sentence in self._strange:
            log.warning("a webhook of no desk", extra={"action": "webhooks", "why": sentence})

    async def probe(self) -> str | Warned | None:
        """Ready always: what others do not take is kept, and no call waits for it."""
        late = [sender for sender in self.senders if self._age_s(sender) > LATE_S]
        said = [f"{one.tenant}: {one.waiting} messages wait ({one.problem or 'it is slow'})" for one in late]
        return Warned(why="; ".join(self._strange + said)) if self._strange or said else None

    def _age_s(self, sender: WebhookSender) -> float:
        return 0.0 if sender.oldest is None else max(0.0, (self._now() - sender.oldest).total_seconds())

    async def _run(self) -> None:
        while True:
            self.read()
            await asyncio.sleep(FIGURES_S)

    def read(self) -> None:
        """Set the figures once."""
        for sender in self.senders:
            tenant = sender.tenant
            self._metrics.outgoing_waiting.labels(tenant).set(sender.waiting)
            self._metrics.outgoing_oldest.labels(tenant).set(self._age_s(sender))
            for outcome in ("delivered", "failed", "passed_over", "lost"):
                total = sender.counts[outcome]
                before = self._told.get((tenant, outcome), 0)
                self._metrics.webhooks.labels(tenant, outcome).inc(total - before)
                self._told[tenant, outcome] = total


class Forgetting:
    """Runs the retention, once an hour."""

    def __init__(self, config: Config, pool: asyncpg.Pool[Any], now: Callable[[], datetime]) -> None:
        self._days = config.retention
        self._store = RetentionStore(pool)
        self._now = now
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="retention")

    async def stop(self) -> None:
        """End; what is not forgotten yet is by the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def once(self) -> None:
        """Forget what is old enough now."""
        try:
            forgotten = await self._store.forget(
                self._now(),
                numbers_days=self._days.callback_numbers_days,
                notes_days=self._days.notes_days,
                outgoing_days=self._days.outgoing_days,
            )
        except KakehashiError as error:
            log.warning("what is old could not be forgotten: later", extra={"action": "retention", "why": str(error)})
            return
        if any(forgotten.values()):
            log.info("what is old was forgotten", extra={"action": "retention", **forgotten})

    async def _run(self) -> None:
        await asyncio.sleep(FORGET_FIRST_S)
        while True:
            try:
                await self.once()
            except Exception:
                log.exception("forgetting failed for a reason of ours")
            await asyncio.sleep(FORGET_EVERY_S)
