"""What is ready and since when: looked at from outside every few seconds, answered from memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from cti.domain.errors import KakehashiError
from cti.web.ports import PartState

log = logging.getLogger(__name__)

# An operator's health check asks every 5 to 10 s; a part that hangs is not asked twice at once.
EVERY_S = 3.0
PROBE_S = 2.5

# None: ready. A sentence without personal data: why not.
Probe = Callable[[], Awaitable[str | None]]


class Readiness:
    """Implements cti.web.ports.Readiness over one probe a part."""

    def __init__(self, probes: Mapping[str, Probe], now: Callable[[], datetime]) -> None:
        self._probes = dict(probes)
        self._now = now
        self._parts = {
            name: PartState(ready=False, since=now(), why="has not been looked at yet") for name in self._probes
        }
        self._task: asyncio.Task[None] | None = None

    def parts(self) -> Mapping[str, PartState]:
        """Each part by name."""
        return self._parts

    async def start(self) -> None:
        """Look once, then go on looking."""
        await self.look()
        self._task = asyncio.create_task(self._run(), name="readiness")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> None:
        """Ask every part once, all together."""
        answers = await asyncio.gather(*(self._ask(probe) for probe in self._probes.values()))
        for name, why in zip(self._probes, answers, strict=True):
            self._note(name, why)

    async def _ask(self, probe: Probe) -> str | None:
        try:
            async with asyncio.timeout(PROBE_S):
                return await probe()
        except TimeoutError:
            return f"did not answer within {PROBE_S:g} s"
        except (KakehashiError, OSError) as error:
            return str(error)

    def _note(self, name: str, why: str | None) -> None:
        before = self._parts[name]
        ready = why is None
        since = before.since if before.ready == ready else self._now()
        if before.ready != ready:
            log.info("a part changed", extra={"action": "readiness", "part": name, "ready": ready, "why": why})
        self._parts[name] = PartState(ready=ready, since=since, why=why)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self.look()
