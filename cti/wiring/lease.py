"""The lease of a server: waited for by who stands by, held by who is in charge, given back at the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cti.config import Config
from cti.domain.errors import Unavailable
from cti.domain.lease import (
    LOOK_S,
    RENEW_S,
    Heard,
    Lease,
    Look,
    Standing,
    Watch,
    is_free,
    looked,
    may_claim,
    step,
)
from cti.wiring.readiness import Probe, Warned

log = logging.getLogger(__name__)

# One lease for everything that a server does: it serves all tenants and all queues of its database.
NAME = "desk"
BOOT = Path("/proc/sys/kernel/random/boot_id")
NETWORK = Path("/proc/self/ns/net")
# A database that has just taken the pool's connections may still need a second for one more, on a busy machine.
TAKE_S = 5.0


class Leases(Protocol):
    """Where the lease is (cti.store.leases); each method raises Unavailable."""

    async def look(self) -> Look: ...
    async def claim(self, holder: str, address: str, over: int | None = None) -> Lease | None: ...
    async def renew(self, epoch: int) -> bool: ...
    async def give_back(self, epoch: int) -> bool: ...
    def close(self) -> None: ...


def holder_of(config: Config) -> str:
    """This process, told from every other that lives: only one has this address of this network, and it is bound.

    So a lease of the same name is that of a dead predecessor. Machine and port alone would not do: two containers of a
    machine may have one name and one port, and two addresses of a machine the same port.
    """
    try:
        boot = BOOT.read_text(encoding="ascii").strip()[:8]
        network = NETWORK.readlink().name.strip("net:[]")
    except OSError:
        boot, network = "unknown boot", ""
    return f"{socket.gethostname()}, {config.web.host}:{config.web.port} ({boot} {network})"


class LeaseKeeper:
    """``take`` or ``wait`` first, then ``start``; ``stop`` gives it back."""

    def __init__(
        self,
        leases: Leases,
        *,
        holder: str,
        address: str,
        now: Callable[[], datetime],
        on_lost: Callable[[], None] = lambda: None,
        own_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """``on_lost`` is called when somebody else has it; ``own_s`` is a clock that nobody sets."""
        self._leases = leases
        self._address = address
        self._now = now
        self._own_s = own_s
        self._on_lost = on_lost
        self._watch = Watch(holder=holder)
        self._epoch: int | None = None
        self._task: asyncio.Task[None] | None = None
        self.alive: Callable[[], bool] = lambda: True  # who stands still does not renew
        self.standing = Standing.STANDBY
        self.since = now()  # of the standing
        self.seen: Lease | None = None  # as it was looked at last
        self.problem: str | None = None  # why the database does not answer

    async def take(self) -> Lease:
        """At once, whoever holds it: told to serve, the later start is in charge. Raises Unavailable after TAKE_S."""
        give_up_s = asyncio.get_running_loop().time() + TAKE_S
        while True:
            try:
                held = (await self._leases.look()).lease
                if (lease := await self._claim(over=None if held is None else held.epoch)) is not None:
                    return lease
            except Unavailable:
                if asyncio.get_running_loop().time() >= give_up_s:
                    raise
                await asyncio.sleep(LOOK_S)

    async def wait(self) -> Lease:
        """Until nobody holds it."""
        while True:
            if (lease := await self._try()) is not None:
                return lease
            await asyncio.sleep(LOOK_S)

    async def start(self) -> None:
        """Hold it on."""
        self._task = asyncio.create_task(self._run(), name="lease")

    async def stop(self) -> None:
        """Give it back, so that another one need not wait until it runs out."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self.standing in (Standing.HOLDING, Standing.UNPROVEN) and self._epoch is not None:
            with contextlib.suppress(Unavailable):
                await self._leases.give_back(self._epoch)
            self._hear(Heard.GAVE_BACK)
        self._leases.close()

    def probe(self) -> Probe:
        """What is wrong with the lease of a server that serves."""

        async def why() -> str | Warned | None:
            match self.standing:
                case Standing.HOLDING:
                    return None
                case Standing.UNPROVEN:
                    return Warned(why=f"{self.problem}: this server goes on, and no other one can take over meanwhile")
                case _:
                    return f"{self.owner()} is in charge"

        return why

    def owner(self) -> str:
        """Who held the lease at the last look, in words."""
        if self.seen is None:
            return "another server"
        return f"{self.seen.holder}, {self.seen.address}, since {self.seen.taken_at:%Y-%m-%dT%H:%M:%SZ}"

    async def _try(self) -> Lease | None:
        try:
            look, own_s = await self._leases.look(), self._own_s()
            self._watch, self.seen, self.problem = looked(self._watch, look, own_s), look.lease, None
            if not may_claim(self._watch, look, own_s):
                return None
            # Who is known to be gone is not waited for; anybody else may have renewed since the look.
            gone = look.lease is not None and (
                look.lease.holder == self._watch.holder or not is_free(look.lease, look.at)
            )
            return await self._claim(over=look.lease.epoch if gone and look.lease else None)
        except Unavailable as error:
            self._watch, self.problem = looked(self._watch, None, self._own_s()), str(error)
            self._hear(Heard.UNREACHABLE)
            return None

    async def _claim(self, *, over: int | None) -> Lease | None:
        lease = await self._leases.claim(self._watch.holder, self._address, over)
        self._hear(Heard.REFUSED if lease is None else Heard.GRANTED)
        if lease is not None:
            self._epoch, self.seen = lease.epoch, lease
            log.info("this server is in charge", extra={"action": "lease", "epoch": lease.epoch})
        return lease

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + RENEW_S
            try:
                if self.standing is Standing.LOST:
                    await self._try()
                elif self.alive():
                    await self._renew()
            except Exception:  # callers are served; who does not renew is followed, and hears of it
                log.exception("the lease was not renewed for a reason of ours", extra={"action": "lease"})
            await asyncio.sleep(max(0.0, due_s - loop.time()))

    async def _renew(self) -> None:
        assert self._epoch is not None  # noqa: S101 - start comes after take or wait
        try:
            mine = await self._leases.renew(self._epoch)
        except Unavailable as error:
            if self.standing is Standing.HOLDING:
                log.warning("the lease is not confirmed, calls go on", extra={"action": "lease", "why": str(error)})
            self.problem = str(error)
            self._hear(Heard.UNREACHABLE)
            return
        self.problem = None
        self._hear(Heard.RENEWED if mine else Heard.REFUSED)
        if self.standing is Standing.LOST:
            with contextlib.suppress(Unavailable):
                self.seen = (await self._leases.look()).lease
            log.error("another server has taken charge", extra={"action": "lease", "holder": self.owner()})
            self._on_lost()

    def _hear(self, heard: Heard) -> None:
        before, self.standing = self.standing, step(self.standing, heard)
        if before is not self.standing:
            self.since = self._now()
