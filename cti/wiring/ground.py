"""What a server prepares before it is in charge of anything, and how it waits until it is."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import asyncpg

from cti.ami.client import AmiClient
from cti.bus import Bus
from cti.config import Config
from cti.domain.errors import ConfigError, Unavailable
from cti.domain.lease import Lease
from cti.store.away import deadline
from cti.store.leases import LeaseStore
from cti.store.pool import create_pool
from cti.web.standby import StandbyServer, StandingBy, listen_on
from cti.wiring import core, lease, recordings, runtime, websettings
from cti.wiring.directory import DeskDirectory
from cti.wiring.menus import StoredMenus
from cti.wiring.proof import AsteriskProof

log = logging.getLogger(__name__)

T = TypeVar("T")
# Who stands by has time: a part that is away is asked again this often.
AGAIN_S = 1.0
REHEARSE_S = 5.0
# Whether the tables are still those of this program; also finds a connection of the pool that is none any more.
TABLES_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What stands before anybody is served."""

    bus: Bus
    worker: recordings.RecordingWorker  # the process, loaded and not yet told anything
    pool: asyncpg.Pool[Any]
    directory: DeskDirectory
    menus: StoredMenus
    listener: socket.socket  # bound where the pages will be
    keeper: lease.LeaseKeeper


async def prepare(
    config: Config,
    bus: Bus,
    listener: socket.socket,
    keeper: lease.LeaseKeeper,
    connected: Callable[[], Awaitable[asyncpg.Pool[Any]]],
    cleanup: AsyncExitStack,
) -> Ground:
    """Everything that needs no ownership. Raises ConfigError, Unavailable and OSError for what does not stand."""
    worker = recordings.RecordingWorker(config, bus)
    await worker.launch()  # it takes as long to load as all of us
    cleanup.push_async_callback(worker.stop)
    pool = await connected()
    cleanup.push_async_callback(core.close_pool, pool)
    await core.require_tables(pool)
    directory, menus = DeskDirectory(pool), StoredMenus(pool)
    await directory.reload()
    await menus.reload()
    return Ground(bus=bus, worker=worker, pool=pool, directory=directory, menus=menus, listener=listener, keeper=keeper)


async def connect(config: Config) -> asyncpg.Pool[Any]:
    """The pool of connections. Raises as cti.store.pool."""
    return await create_pool(config.database.url.get_secret_value(), max_size=config.database.pool_size)


def claim_ports(config: Config, cleanup: AsyncExitStack) -> socket.socket:
    """The pages' port, bound, and a look at the menus'. Raises OSError: another server with this configuration lives.

    Before anything else: who cannot serve must not take a lease from somebody who does.
    """
    listen_on(config.ivr.host, config.ivr.port, "ivr.port").close()
    listener = listen_on(config.web.host, config.web.port, "web.port")
    cleanup.callback(listener.close)
    return listener


def lease_keeper(
    config: Config, now: Callable[[], datetime], on_lost: Callable[[], None], cleanup: AsyncExitStack
) -> lease.LeaseKeeper:
    """Ours, not yet held."""
    keeper = lease.LeaseKeeper(
        LeaseStore(config.database.url.get_secret_value(), lease.NAME),
        holder=lease.holder_of(config),
        address=config.origins[0],
        now=now,
        on_lost=on_lost,
    )
    cleanup.push_async_callback(keeper.stop)
    return keeper


class StandingByServer:
    """One life as a spare: says how it stands, and waits."""

    def __init__(self, config: Config, listener: socket.socket, keeper: lease.LeaseKeeper) -> None:
        self._config = config
        self._keeper = keeper
        self._missing: str | None = "has not looked yet"
        self._outdated: str | None = None  # why it should be started anew
        self._server = StandbyServer(websettings.settings(config), listener, self.now)

    async def __aenter__(self) -> StandingByServer:
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop()

    async def until_there(self, what: Callable[[], Awaitable[T]]) -> T:
        """Until nothing that it needs is away. Raises ConfigError for what waiting does not cure."""
        while True:
            try:
                done = await what()
            except Unavailable as error:
                if self._missing != str(error):
                    log.warning("cannot stand by yet", extra={"action": "standby", "why": str(error)})
                self._missing = str(error)
                await asyncio.sleep(AGAIN_S)
            else:
                self._missing = None
                return done

    async def rehearse(self) -> None:
        """Log in to Asterisk once, look at it and leave: a wrong secret is said now and not when it counts.

        Raises ConfigError. An Asterisk that is away is no reason not to stand by.
        """
        proof = AsteriskProof(self._config)
        client: AmiClient

        async def look() -> None:
            await proof(client)

        client = AmiClient(core.ami_settings(self._config), wanted=(), on_frame=lambda _: None, on_up=look)
        await client.start()
        try:
            await client.wait_up(REHEARSE_S)
        except Unavailable as error:
            log.warning("Asterisk is away, standing by all the same", extra={"action": "standby", "why": str(error)})
        finally:
            await client.stop()

    async def wait(self, pool: asyncpg.Pool[Any]) -> Lease:
        """Until nobody else is in charge."""
        log.info("standing by", extra={"action": "standby"})
        runtime.settle()  # it may be weeks
        watching = asyncio.create_task(self._watch_tables(pool), name="standby-tables")
        try:
            granted = await self._keeper.wait()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        runtime.hurry()
        return granted

    async def _watch_tables(self, pool: asyncpg.Pool[Any]) -> None:
        """Notice an upgrade that forgot us. We would still serve, as the other one did when its tables were changed."""
        while True:
            await asyncio.sleep(TABLES_S)
            try:
                async with deadline():
                    await core.require_tables(pool)
                self._outdated = None
            except ConfigError as error:
                if self._outdated is None:
                    log.warning("should be started anew", extra={"action": "standby", "why": str(error)})
                self._outdated = str(error)
            except (Unavailable, asyncpg.PostgresError):
                continue  # the lease tells of a database that is away

    def now(self) -> StandingBy:
        """How it stands."""
        keeper = self._keeper
        if self._missing is not None:
            return StandingBy(since=keeper.since, why=f"standing by, not yet able to take over: {self._missing}")
        if keeper.problem is not None:
            return StandingBy(since=keeper.since, why=f"standing by, cannot tell who is in charge: {keeper.problem}")
        why = "standing by" if keeper.seen is None else f"standing by; in charge is {keeper.owner()}"
        if self._outdated is not None:
            why = f"{why}; restart this one: {self._outdated}"
        return StandingBy(since=keeper.since, why=why, address=keeper.seen.address if keeper.seen else None)
