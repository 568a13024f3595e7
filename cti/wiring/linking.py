"""The look-up service, and the links it makes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from cti.bus import Bus
from cti.config import Config
from cti.domain.events import CallEvent, CallLinked
from cti.linking.breaker import BreakerState
from cti.linking.client import LookupClient, LookupLimits
from cti.linking.contract import LookupResult
from cti.linking.linker import Linker
from cti.metrics import Metrics
from cti.store.callers import CallerStore
from cti.store.linkrecorder import LinkRecorder
from cti.store.links import LinkStore
from cti.wiring.callers import Policies, StoredCallers
from cti.wiring.directory import DeskDirectory
from cti.wiring.journals import Journals
from cti.wiring.readiness import Probe


@dataclass(frozen=True, kw_only=True)
class Callers:
    """What is found and said of callers."""

    lookups: LookupClient | None  # None: no look-up service is configured
    policies: Policies
    said: StoredCallers


async def start(
    config: Config,
    bus: Bus,
    directory: DeskDirectory,
    pool: asyncpg.Pool[Any],
    metrics: Metrics,
    journals: Journals,
    now: Callable[[], datetime],
    cleanup: AsyncExitStack,
) -> Callers:
    """Ask about every call, keep what was answered and what agents say. Raises Unavailable."""
    links, store = LinkStore(pool), CallerStore(pool)
    policies = Policies(store)
    await policies.reload()
    history = LinkRecorder(links, journal=journals.links)
    journals.writers.append(history)
    await history.recover()
    bus.subscribe("link-history", history.take, kinds=(CallLinked,))
    await history.start()
    cleanup.push_async_callback(history.stop)
    if config.lookup is None:
        return Callers(lookups=None, policies=policies, said=StoredCallers(None, store, links, now))

    def measured(result: LookupResult, seconds: float) -> None:
        metrics.lookup.labels(result.status.value).observe(seconds)

    client = LookupClient(
        config.lookup.url,
        config.lookup.token.get_secret_value(),
        limits=LookupLimits(deadline_s=config.lookup.deadline_ms / 1000),
        on_result=measured,
    )
    await client.start()
    cleanup.push_async_callback(client.stop)
    linker = Linker(
        client,
        bus,
        now,
        language_of=directory.language,
        policy_of=policies.of,
        earlier=store,
        people=await store.said(now()),
    )
    cleanup.push_async_callback(linker.stop)
    bus.subscribe("linker", linker.handle, kinds=(CallEvent,), prompt=True)
    return Callers(lookups=client, policies=policies, said=StoredCallers(linker, store, links, now))


def probe(client: LookupClient | None) -> Probe:
    """Why the look-up service is not used now, or None."""

    async def why() -> str | None:
        if client is None or client.breaker is BreakerState.CLOSED:
            return None
        return "failed several times in a row; pops say so, and it is asked again every 10 s"

    return why
