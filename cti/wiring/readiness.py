"""What is ready and since when: looked at from outside every few seconds, answered from memory.

Each part is asked by a task of its own: one that hangs keeps nobody from hearing that the others are back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cti.domain.errors import KakehashiError
from cti.web.ports import PartState

log = logging.getLogger(__name__)

# An operator's health check asks every 5 to 10 s; a part that hangs is not asked twice at once.
EVERY_S = 3.0
# After a change, then twice as long each time: who comes back is known soon, who stays away is left alone.
SOON_S = 0.1
PROBE_S = 2.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Warned:
    """Ready, but somebody should look."""

    why: str


# None: ready. A sentence without personal data: why not.
Probe = Callable[[], Awaitable[str | Warned | None]]


class Readiness:
    """Implements cti.web.ports.Readiness over one probe a part."""

    def __init__(self, probes: Mapping[str, Probe], now: Callable[[], datetime]) -> None:
        self._probes = dict(probes)
        self._now = now
        self._parts = {
            name: PartState(ready=False, since=now(), why="has not been looked at yet") for name in self._probes
        }
        self._tasks: list[asyncio.Task[None]] = []

    def parts(self) -> Mapping[str, PartState]:
        """Each part by name."""
        return self._parts

    async def start(self) -> None:
        """Go on looking, from now on; those who ask meanwhile are told that nobody has looked yet."""
        self._tasks = [
            asyncio.create_task(self._watch(name, probe), name=f"readiness:{name}")
            for name, probe in self._probes.items()
        ]

    async def stop(self) -> None:
        """Look no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self, name: str, probe: Probe) -> None:
        pause_s = SOON_S
        while True:
            changed = self._note(name, await self._ask(probe))
            ready = self._parts[name].ready
            pause_s = SOON_S if changed else EVERY_S if ready else min(2 * pause_s, EVERY_S)
            await asyncio.sleep(pause_s)

    async def _ask(self, probe: Probe) -> str | Warned | None:
        try:
            async with asyncio.timeout(PROBE_S):
                return await probe()
        except TimeoutError:
            return f"did not answer within {PROBE_S:g} s"
        except (KakehashiError, OSError) as error:
            return str(error)

    def _note(self, name: str, said: str | Warned | None) -> bool:
        """Whether the part has come or gone."""
        before = self._parts[name]
        ready = not isinstance(said, str)
        why = said.why if isinstance(said, Warned) else said
        changed = before.ready != ready
        if changed:
            log.info("a part changed", extra={"action": "readiness", "part": name, "ready": ready, "why": why})
        self._parts[name] = PartState(ready=ready, since=self._now() if changed else before.since, why=why)
        return changed
