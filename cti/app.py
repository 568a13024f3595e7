"""The composition root: makes every part, joins them, starts them in order and stops them in the opposite one.

What is here is order and nothing else. How one area is joined is in ``cti/wiring``, one module an area.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Protocol

from cti import logs
from cti.ami.feed import AmiFeed
from cti.bus import Bus
from cti.calls import CallDesk
from cti.config import Config
from cti.domain.errors import ConfigError, KakehashiError
from cti.domain.phone import parse_called, parse_caller
from cti.metrics import Metrics
from cti.store.calls import CallStore
from cti.store.pool import create_pool
from cti.wiring import (
    accounts,
    callbacks,
    core,
    disk,
    fallback,
    ivr,
    linking,
    recordings,
    routing,
    runtime,
    transfers,
    web,
)
from cti.wiring.desk_changes import DeskChanges
from cti.wiring.directory import DeskDirectory
from cti.wiring.figures import Figures
from cti.wiring.journals import open_journals
from cti.wiring.menus import StoredMenus
from cti.wiring.objectstores import object_store
from cti.wiring.proof import AsteriskProof
from cti.wiring.readiness import Readiness
from cti.wiring.recordingpages import RecordingPages
from cti.wiring.supervision import StoredSupervision

log = logging.getLogger(__name__)

# How long `serve` waits at start for Asterisk before it goes on without: calls are served from when it comes.
AMI_START_S = 5.0
# A bus that has not drained by then holds facts that the database's own journal of calls makes good at the next start.
DRAIN_S = 5.0


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Part(Protocol):
    """Something with a life of its own."""

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End."""


class Application:
    """One server process. ``start`` and ``stop`` once each."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.metrics = Metrics()
        self._cleanup = AsyncExitStack()

    async def start(self) -> None:
        """Start everything, or stop what has started and raise what went wrong."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop taking, drain, close, in the opposite order of starting. Calls stay with Asterisk."""
        await self._cleanup.aclose()

    async def _start(self) -> None:
        config, cleanup = self.config, self._cleanup
        bus = Bus()
        worker = recordings.RecordingWorker(config, bus)
        await worker.launch()  # it takes as long to load as all of us
        cleanup.push_async_callback(worker.stop)
        pool = await create_pool(config.database.url.get_secret_value(), max_size=config.database.pool_size)
        cleanup.push_async_callback(core.close_pool, pool)
        await core.require_tables(pool)
        directory, menus = DeskDirectory(pool), StoredMenus(pool)
        await directory.reload()
        await menus.reload()

        desk = CallDesk(bus, directory, parse_caller=parse_caller, parse_called=parse_called)
        proof = AsteriskProof(config)
        # The heartbeat says that callers are served: it stops when any of these stands still. Routing joins below.
        serving: list[Callable[[], bool]] = [lambda: desk.alive]
        feed = AmiFeed(
            core.ami_settings(config),
            desk,
            known=desk.known,
            alive=lambda: all(alive() for alive in serving),
            prove=proof,
            clock=utc_now,
        )
        desk.on_overflow = feed.ask_resync
        calls = CallStore(pool)
        journals = open_journals(config, cleanup)
        recorder = await core.start_recorder(bus, desk, calls, journals, cleanup)
        unheard = accounts.reader(config, desk, feed, calls, recorder, directory, utc_now)

        router = await routing.start(config, bus, desk, feed.telephony, directory, pool, journals, utc_now, cleanup)
        serving.append(router.alive)
        lookups = await linking.start(config, bus, directory, pool, self.metrics, journals, utc_now, cleanup)
        pages = RecordingPages(pool, object_store(config, threads=8))
        bus.subscribe("recording", worker.on_event, kinds=recordings.KINDS, overflowed=worker.resync)
        kept = await callbacks.start(config, bus, desk, feed.telephony, router, pool, journals, utc_now, cleanup)
        menu_server = await ivr.start(config, desk, menus, kept.keeper, utc_now, cleanup)
        changes = DeskChanges(
            config.database.url.get_secret_value(), (directory.reload, menus.reload, router.reload, kept.reload)
        )

        disk_guard = disk.guard(config, bus, desk, feed.recording, self.metrics, utc_now)
        readiness = Readiness(
            {
                "ami": core.ami_probe(feed, proof),
                "routing": core.routing_probe(desk, feed, router.why_not),
                "postgres": core.postgres_probe(pool, journals),
                "recording": worker.worker_probe(),
                "disk": disk.probe(disk_guard),
                "s3": worker.store_probe(),
                "lookup": linking.probe(lookups),
                "ivr": ivr.probe(menu_server),
            },
            utc_now,
        )
        talks = transfers.start(bus, desk, feed.telephony, directory, router, utc_now)
        await web.start(
            config,
            bus,
            directory,
            pool,
            calls,
            router,
            talks,
            kept,
            StoredSupervision(router, directory, pool),
            pages,
            readiness,
            self.metrics,
            utc_now,
            cleanup,
        )
        bus.subscribe("metrics", self.metrics.handle, kinds=(core.EVERY_EVENT,), prompt=True)
        figures = Figures(self.metrics, bus, desk, feed, journals, worker, menu_server, readiness)

        await bus.start()
        cleanup.push_async_callback(bus.stop, DRAIN_S)
        await self._run(desk)
        await self._run(changes)
        await self._run(feed)
        # Not before: the look at S3 takes half a second of processor time at a start, and callers wait for Asterisk.
        await self._run(readiness)
        await fallback.start(bus, feed, router, directory, cleanup)
        await core.wait_for_asterisk(feed, AMI_START_S)
        await self._run(disk_guard)
        await worker.start(lambda: frozenset(desk.known()))
        await self._run(unheard)  # with everybody there who wants to know of calls that nobody heard
        await self._run(figures)

    async def _run(self, part: Part) -> None:
        """Start a part, and stop it when everything stops."""
        await part.start()
        self._cleanup.push_async_callback(part.stop)


async def _started_before(application: Application, stopped: asyncio.Event) -> bool:
    """Start, unless it is asked to stop before that is done: a start may wait for what never comes."""
    starting, stopping = asyncio.create_task(application.start()), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            log.info("the server stops before it is up", extra={"action": "serve"})
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return False
        await starting
        return True
    finally:
        stopping.cancel()


async def serve(config: Config) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit status; raises ConfigError for what the operator must change."""
    logs.set_up()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    application = Application(config)
    began_s = time.monotonic()
    try:
        if not await _started_before(application, stopped):
            return 0
    except ConfigError:
        raise
    except (KakehashiError, OSError) as error:
        log.error("the server cannot start", extra={"action": "serve", "why": str(error)})
        print(f"kakehashi: {error}", file=sys.stderr)  # noqa: T201 - for the person who typed the command
        return 1
    runtime.settle()
    log.info("the server is up", extra={"action": "serve", "start_s": round(time.monotonic() - began_s, 2)})
    await stopped.wait()
    log.info("the server stops", extra={"action": "serve"})
    with contextlib.suppress(TimeoutError):
        await application.stop()
    return 0
