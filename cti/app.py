"""The composition root: makes every part, joins them, starts them in order and stops them in the opposite one.

What is here is order and nothing else. How one area is joined is in ``cti/wiring``, one module an area.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from cti.ami.accounts import AccountReader
from cti.ami.feed import AmiFeed
from cti.bus import Bus
from cti.calls import CallDesk
from cti.config import Config
from cti.domain.lease import Lease
from cti.domain.phone import parse_called, parse_caller
from cti.metrics import Metrics
from cti.pauses import PauseDesk
from cti.store.audit import AuditStore
from cti.store.calls import CallStore
from cti.store.recorder import CallRecorder
from cti.wiring import (
    accounts,
    aftercall,
    callbacks,
    core,
    disk,
    effects,
    fallback,
    ivr,
    linking,
    missing,
    outbound,
    packets,
    pauses,
    phonesecrets,
    queuetexts,
    recordings,
    recordpolicy,
    renewals,
    routing,
    transfers,
    web,
)
from cti.wiring.desk_changes import DeskChanges
from cti.wiring.figures import Figures
from cti.wiring.ground import Ground, StandingByServer, claim_ports, connect, lease_keeper, prepare
from cti.wiring.journals import Journals, open_journals
from cti.wiring.lease import LeaseKeeper
from cti.wiring.objectstores import object_store
from cti.wiring.outgoing import Forgetting, Webhooks
from cti.wiring.people import make_people
from cti.wiring.phones import BrowserPhones
from cti.wiring.proof import AsteriskProof
from cti.wiring.readiness import Readiness
from cti.wiring.recordingpages import RecordingPages
from cti.wiring.savednumbers import StoredSavedNumbers
from cti.wiring.supervision import StoredSupervision
from ivr.server import IvrServer
from recording.disk import DiskGuard

log = logging.getLogger(__name__)

# How long `serve` waits at start for Asterisk before it goes on without: calls are served from when it comes.
AMI_START_S = 5.0
# A bus that has not drained by then holds facts that the database's own journal of calls makes good at the next start.
DRAIN_S = 5.0
# Who takes over reads the records: those on their way are written first, in 50 ms when the database is well.
HAND_OVER_S = 1.0
# The exit status of a server that stood by, was in charge, and is not any more.
DEPOSED = 3


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def end_at_once() -> None:
    """Another server has taken charge while this one was frozen or cut off: nothing that it remembers may be written.

    It ends like one that is killed, which is the end that everything here is built for; a supervisor starts it again.
    """
    print("kakehashi: another server has taken charge, this one ends", file=sys.stderr)  # noqa: T201 - as in serve
    sys.stderr.flush()
    os._exit(DEPOSED)


class Part(Protocol):
    """Something with a life of its own."""

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Asterisk and the calls on it."""

    desk: CallDesk
    feed: AmiFeed
    proof: AsteriskProof
    serving: list[Callable[[], bool]]  # the heartbeat says that callers are served: not when any of these stands still


@dataclass(frozen=True, kw_only=True)
class Records:
    """What is written down of calls."""

    calls: CallStore
    journals: Journals
    recorder: CallRecorder
    unheard: AccountReader


@dataclass(frozen=True, kw_only=True)
class Services:
    """What is done for callers."""

    router: routing.RoutingDesk
    callers: linking.Callers
    kept: callbacks.Callbacks
    out: outbound.Outbound
    after: aftercall.StoredAftercall
    menus: IvrServer
    disk_guard: DiskGuard
    pauses: PauseDesk
    policy: recordpolicy.RecordPolicy
    webhooks: Webhooks


class Application:
    """One server process. ``start`` and ``stop`` once each."""

    def __init__(self, config: Config, *, standby: bool = False) -> None:
        """``standby``: wait for the lease, and end when it is lost."""
        self.config = config
        self.metrics = Metrics()
        self._standby = standby
        self._cleanup = AsyncExitStack()

    async def start(self) -> None:
        """Start everything, or stop what has started and raise what went wrong."""
        try:
            ground, lease = await self._own()
            began_s = time.monotonic()
            await self._take_charge(ground, lease)
            log.info("in charge of calls", extra={"action": "serve", "charge_s": round(time.monotonic() - began_s, 2)})
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop taking, drain, close, in the opposite order of starting. Calls stay with Asterisk."""
        await self._cleanup.aclose()

    async def _own(self) -> tuple[Ground, Lease]:
        """Everything that needs no ownership, then the lease: at once, or when it is free."""
        config, cleanup, bus = self.config, self._cleanup, Bus()
        listener = claim_ports(config, cleanup)
        keeper = lease_keeper(config, utc_now, end_at_once if self._standby else _nothing, cleanup)
        if not self._standby:
            ground = await prepare(config, bus, listener, keeper, lambda: connect(config), cleanup)
            lease = await keeper.take()
        else:
            async with StandingByServer(config, listener, keeper) as spare:
                await spare.rehearse()
                ground = await prepare(
                    config, bus, listener, keeper, lambda: spare.until_there(lambda: connect(config)), cleanup
                )
                lease = await spare.wait(ground.pool)
        await keeper.start()
        if self._standby:  # it may have waited for weeks
            await ground.directory.reload()
            await ground.menus.reload()
        return ground, lease

    async def _take_charge(self, ground: Ground, lease: Lease) -> None:
        bus, cleanup = ground.bus, self._cleanup
        line = self._line(ground, lease)
        records = await self._records(ground, line)
        services = await self._services(ground, line, records)
        readiness = self._readiness(ground, line, records, services)
        await self._pages(ground, line, records, services, readiness)
        changes = DeskChanges(
            self.config.database.url.get_secret_value(),
            (ground.directory.reload, ground.menus.reload, services.router.reload, services.kept.reload,
             services.out.reload,
             services.policy.reload, services.after.reload, services.callers.policies.reload),
            line.feed.ask_again,
        )  # fmt: skip
        bus.subscribe("metrics", self.metrics.handle, kinds=(core.EVERY_EVENT,), prompt=True)
        figures = Figures(
            self.metrics, bus, line.desk, line.feed, records.journals, ground.worker, services.menus, readiness,
            services.router, {"callbacks": services.kept.sender, "tickets": services.after.sender},
        )  # fmt: skip

        cleanup.push_async_callback(_hand_over, ground.keeper, records.recorder)
        await bus.start()
        cleanup.push_async_callback(bus.stop, DRAIN_S)
        await self._run(line.desk)
        await self._run(changes)
        await self._run(line.feed)
        # Not before: the look at S3 takes half a second of processor time at a start, and callers wait for Asterisk.
        await self._run(readiness)
        await fallback.start(bus, line.feed, services.router, ground.directory, cleanup)
        await core.wait_for_asterisk(line.feed, AMI_START_S)
        ground.keeper.alive = lambda: all(alive() for alive in line.serving)
        await self._run(services.disk_guard)
        await ground.worker.start(lambda: frozenset(line.desk.known()))
        await self._run(records.unheard)  # with everybody there who wants to know of calls that nobody heard
        await self._run(services.webhooks)
        await self._run(Forgetting(self.config, ground.pool, utc_now))
        await self._run(figures)

    def _line(self, ground: Ground, lease: Lease) -> Line:
        config = self.config
        desk = CallDesk(ground.bus, ground.directory, parse_caller=parse_caller, parse_called=parse_called)
        proof = AsteriskProof(config)
        serving: list[Callable[[], bool]] = [lambda: desk.alive]  # routing joins later
        feed = AmiFeed(
            core.ami_settings(config),
            desk,
            known=desk.known,
            alive=lambda: all(alive() for alive in serving),
            prove=proof,
            clock=utc_now,
            epoch=lease.epoch,
            menus=ivr.address(config),
        )
        desk.on_overflow = feed.ask_resync
        return Line(desk=desk, feed=feed, proof=proof, serving=serving)

    async def _records(self, ground: Ground, line: Line) -> Records:
        calls = CallStore(ground.pool)
        journals = open_journals(self.config, self._cleanup)
        recorder = await core.start_recorder(ground.bus, line.desk, calls, journals, self._cleanup)
        unheard = accounts.reader(self.config, line.desk, line.feed, calls, recorder, ground.directory, utc_now)
        return Records(calls=calls, journals=journals, recorder=recorder, unheard=unheard)

    async def _services(self, ground: Ground, line: Line, records: Records) -> Services:
        config, cleanup, bus, pool = self.config, self._cleanup, ground.bus, ground.pool
        desk, telephony, journals = line.desk, line.feed.telephony, records.journals
        router = await routing.start(config, bus, desk, telephony, ground.directory, pool, journals, utc_now, cleanup)
        line.serving.append(router.alive)
        callers = await linking.start(config, bus, ground.directory, pool, self.metrics, journals, utc_now, cleanup)
        worker = ground.worker
        bus.subscribe("recording", worker.on_event, kinds=recordings.KINDS, overflowed=worker.resync)
        outbox = await effects.start(pool, journals, cleanup)
        kept = await callbacks.start(config, bus, desk, telephony, router, pool, outbox, utc_now, cleanup)
        after = await aftercall.start(pool, outbox, callers.lookups, utc_now, cleanup)
        out = await outbound.start(config, bus, ground.directory, router, kept, pool, utc_now)
        menus = await ivr.start(config, desk, ground.menus, kept.keeper, utc_now, cleanup)
        disk_guard = disk.guard(config, bus, desk, line.feed.recording, self.metrics, utc_now)
        paused = await pauses.start(bus, desk, telephony, utc_now, cleanup)
        policy = await recordpolicy.start(bus, pool, desk, paused)
        await packets.start(bus, telephony, cleanup)
        renewals.start(bus, desk, telephony, cleanup)
        webhooks = Webhooks(config, pool, self.metrics, utc_now)
        return Services(
            router=router,
            callers=callers,
            kept=kept,
            out=out,
            after=after,
            menus=menus,
            disk_guard=disk_guard,
            pauses=paused,
            policy=policy,
            webhooks=webhooks,
        )

    def _readiness(self, ground: Ground, line: Line, records: Records, services: Services) -> Readiness:
        return Readiness(
            {
                "lease": ground.keeper.probe(),
                "ami": core.ami_probe(line.feed, line.proof),
                "routing": core.routing_probe(line.desk, line.feed, services.router.why_not),
                "postgres": core.postgres_probe(ground.pool, records.journals),
                "recording": ground.worker.worker_probe(),
                "recordings": missing.watch(ground.bus, utc_now),
                "disk": disk.probe(services.disk_guard),
                "s3": ground.worker.store_probe(),
                "lookup": linking.probe(services.callers.lookups),
                "ivr": ivr.probe(services.menus),
                "sounds": queuetexts.probe(ground.pool, self.config.asterisk.sounds_dir),
                "webhooks": services.webhooks.probe,
            },
            utc_now,
        )

    async def _pages(
        self, ground: Ground, line: Line, records: Records, services: Services, readiness: Readiness
    ) -> None:
        secrets = phonesecrets.of_line(ground.pool, line.feed, utc_now)
        await self._run(secrets)
        bus, pool, directory, router = ground.bus, ground.pool, ground.directory, services.router
        talks = transfers.start(
            bus, line.desk, line.feed.telephony, directory, router, services.out, utc_now, line.feed.ask_again
        )
        people = make_people(
            pool, object_store(self.config, threads=2), services.callers.lookups, AuditStore(pool).add, utc_now
        )
        await self._run(people)
        pages = web.PageServices(
            records=records.calls,
            desk=router,
            talks=talks,
            pauses=services.pauses,
            callbacks=services.kept,
            dialling=services.out,
            saved=StoredSavedNumbers(pool, services.out.rules),
            aftercall=services.after,
            callers=services.callers.said,
            supervision=StoredSupervision(router, directory, pool),
            recordings=RecordingPages(pool, object_store(self.config, threads=8)),
            phones=BrowserPhones(self.config.asterisk.phone_url, self.config.asterisk.ice, pool, secrets, utc_now),
            people=people,
            readiness=readiness,
            metrics=self.metrics,
            now=utc_now,
        )
        await web.start(self.config, ground, pages, self._cleanup)

    async def _run(self, part: Part) -> None:
        """Start a part, and stop it when everything stops."""
        await part.start()
        self._cleanup.push_async_callback(part.stop)


def _nothing() -> None:
    """A server that was told to serve waits: docs/decisions/0137."""


async def _hand_over(keeper: LeaseKeeper, recorder: CallRecorder) -> None:
    """We do not act on calls any more: another one may, as soon as the records say all that we know."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HAND_OVER_S):
            await recorder.settled()
    await keeper.stop()
