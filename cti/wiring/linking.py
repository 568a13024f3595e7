"""The look-up service, and the links it makes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
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
from cti.store.linkrecorder import LinkRecorder
from cti.store.links import LinkStore
from cti.wiring.directory import DeskDirectory
from cti.wiring.journals import Journals
from cti.wiring.readiness import Probe


async def start(
    config: Config,
    bus: Bus,
    directory: DeskDirectory,
    pool: asyncpg.Pool[Any],
    metrics: Metrics,
    journals: Journals,
    now: Callable[[], datetime],
    cleanup: AsyncExitStack,
) -> LookupClient | None:
    """Ask about every call, keep what was answered. None: no look-up service is configured."""
    history = LinkRecorder(LinkStore(pool), journal=journals.links)
    journals.writers.append(history)
    await history.recover()
    bus.subscribe("link-history", history.take, kinds=(CallLinked,))
    await history.start()
    cleanup.push_async_callback(history.stop)
    if config.lookup is None:
        return None

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
    linker = Linker(client, bus, now, language_of=directory.language)
    cleanup.push_async_callback(linker.stop)
    bus.subscribe("linker", linker.handle, kinds=(CallEvent,), prompt=True)
    return client


def probe(client: LookupClient | None) -> Probe:
    """Why the look-up service is not used now, or None."""

    async def why() -> str | None:
        if client is None or client.breaker is BreakerState.CLOSED:
            return None
        return "failed several times in a row; pops say so, and it is asked again every 10 s"

    return why
