"""Asterisk, the call desk and its records."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import asyncpg

from cti.ami.client import AmiSettings
from cti.ami.errors import AmiRefused
from cti.ami.feed import AmiFeed
from cti.bus import Bus
from cti.calls import CallDesk
from cti.config import Config
from cti.domain.errors import ConfigError, Unavailable
from cti.domain.events import CallLinked, Event
from cti.store.calls import CallStore
from cti.store.migrate import migrations
from cti.store.recorder import KINDS, CallRecorder
from cti.wiring.journals import Journals
from cti.wiring.proof import AsteriskProof
from cti.wiring.readiness import Probe

log = logging.getLogger(__name__)

EVERY_EVENT = Event
CLOSE_S = 5.0


def ami_settings(config: Config) -> AmiSettings:
    """Where Asterisk's manager interface is."""
    asterisk = config.asterisk
    return AmiSettings(
        host=asterisk.ami_host,
        port=asterisk.ami_port,
        username=asterisk.ami_user,
        secret=asterisk.ami_secret.get_secret_value(),
    )


async def close_pool(pool: asyncpg.Pool[Any]) -> None:
    """Close politely, then at once."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def require_tables(pool: asyncpg.Pool[Any]) -> None:
    """Refuse to run on tables that are not ours of today. Raises ConfigError, saying what to type."""
    try:
        applied = {row["number"] for row in await pool.fetch("SELECT number FROM migrations")}
    except asyncpg.UndefinedTableError:
        applied = set()
    wanted = {migration.number for migration in migrations()}
    if wanted - applied:
        raise ConfigError(
            [f"the database lacks {len(wanted - applied)} migration(s); run `kakehashi database migrate` first"]
        )
    if applied - wanted:
        raise ConfigError(["the database was migrated by a newer kakehashi; install that one, or restore a backup"])


async def start_recorder(
    bus: Bus, desk: CallDesk, calls: CallStore, journals: Journals, cleanup: AsyncExitStack
) -> CallRecorder:
    """Take back what waited when the process before ended and the calls that were live, keep records from now on."""
    recorder = CallRecorder(calls, journal=journals.calls)
    journals.writers.append(recorder)
    if recovered := await recorder.recover():
        log.info("records from before the start wait to be written", extra={"action": "journal", "records": recovered})
    restored = desk.restore(recorder.newest(await calls.open_calls()))
    if restored:
        log.info("calls from before the start were taken back", extra={"action": "restore", "calls": restored})
    for stored in await calls.untold_recordings():
        recorder.take(stored)
    bus.subscribe("call-links", desk.take_link, kinds=(CallLinked,), prompt=True)
    bus.subscribe("records", recorder.take, kinds=KINDS)
    await recorder.start()
    cleanup.push_async_callback(recorder.stop)
    return recorder


async def wait_for_asterisk(feed: AmiFeed, timeout_s: float) -> None:
    """Wait a little for the link. Raises AmiRefused (a wrong password, an old Asterisk): waiting cures neither."""
    with suppress(Unavailable):
        await feed.client.wait_up(timeout_s)
        return
    log.warning("starting without Asterisk", extra={"action": "ami", "why": feed.client.problem})


def ami_probe(feed: AmiFeed, proof: AsteriskProof) -> Probe:
    """Why the link to Asterisk is down, or what is wrong with an Asterisk that is up; or None."""

    async def probe() -> str | None:
        if feed.client.up:
            return proof.problem
        refused: AmiRefused | None = feed.client.refused
        return str(refused or feed.client.problem or "not connected")

    return probe


def routing_probe(desk: CallDesk, feed: AmiFeed, decides: Callable[[], str | None]) -> Probe:
    """Why no offers are made, or None: then whoever waits is offered to whoever is free."""

    async def probe() -> str | None:
        if not desk.alive:
            return "the call desk stands still"
        if not feed.heartbeat.fresh:
            return "Asterisk has confirmed no heartbeat lately: callers are not moved"
        return decides()

    return probe


def postgres_probe(pool: asyncpg.Pool[Any], journals: Journals) -> Probe:
    """Why PostgreSQL is not there, or None."""

    async def probe() -> str | None:
        try:
            await pool.fetchval("SELECT 1", timeout=2.0)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return f"does not answer ({type(error).__name__}); {journals.waiting} records wait"
        return journals.why()

    return probe
