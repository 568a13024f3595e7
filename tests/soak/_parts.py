"""A desk's parts that die and are started again, as their supervisor would."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from cti.demo.asterisk import start_asterisk
from cti.demo.processes import Child, ChildFailed, start_child
from cti.demo.stack import Stack, _ready

# The table says how long it took; that it took long on a busy machine ends no run.
SLOW_S = 60.0


@dataclass(kw_only=True)
class Parts:
    """The processes of a desk."""

    stack: Stack
    started: list[Child] = field(default_factory=list)  # parts that were started again

    @property
    def server(self) -> Child:
        """The server's process of now."""
        assert self.stack.server is not None
        return self.stack.server

    @property
    def asterisk(self) -> Child:
        """Asterisk's process of now."""
        assert self.stack.asterisk is not None
        return self.stack.asterisk.child

    @property
    def postgres(self) -> Child:
        """PostgreSQL's process of now."""
        assert self.stack.postgres.child is not None
        return self.stack.postgres.child

    async def start_server(self) -> float:
        """Start it again; seconds until it said it is ready."""
        await self.server.wait()
        began = time.monotonic()
        try:
            await self.stack.start_server()
        except ChildFailed:  # slow, or dead?
            if self.server.returncode is not None:
                raise
            await self.server.until_ready(_ready(self.stack.ports.web), SLOW_S)
        return time.monotonic() - began

    async def start_asterisk(self) -> None:
        """Start it again, as its supervisor would."""
        await self.asterisk.wait()
        self.stack.asterisk = await start_asterisk(self.stack.run)

    async def start_postgres(self) -> None:
        """Start it again on its data."""
        await self.postgres.wait()
        child = await start_child(self.postgres.spec)
        self.started.append(child)
        self.stack.postgres = replace(self.stack.postgres, child=child)

    async def start_store(self) -> None:
        """Start it again on its data."""
        old = self.stack.store.child
        assert old is not None
        await old.wait()
        child = await start_child(old.spec)
        self.started.append(child)
        self.stack.store = replace(self.stack.store, child=child)
