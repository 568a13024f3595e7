"""Facts side by side: those of one call stay in order, those of different calls do not wait for each other.

Taking a fact may end with an fsync; one lane would let a slow disk (10 ms) hold up 20 calls a second until the bus
counts the whole pipeline as stuck.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from cti.domain.events import CallEvent

_log = logging.getLogger(__name__)

LANES = 8
# Of one lane. A full lane makes the bus wait, and the bus has a bound of its own.
_MOST = 256


class Lanes:
    """A few queues, each with its own worker."""

    def __init__(self, take: Callable[[CallEvent], Awaitable[None]]) -> None:
        self._take = take
        self._queues: list[asyncio.Queue[CallEvent]] = [asyncio.Queue(_MOST) for _ in range(LANES)]

    async def put(self, event: CallEvent) -> None:
        """Line up behind the earlier facts of the same call."""
        await self._queues[hash(event.call_id) % LANES].put(event)

    async def run(self, lane: int) -> None:
        """Work one lane off, until cancelled."""
        queue = self._queues[lane]
        while True:
            event = await queue.get()
            try:
                await self._take(event)
            except Exception:  # noqa: BLE001 - logged; the next fact is another call's
                about = {"action": type(event).__name__, "call_id": event.call_id}
                _log.exception("a fact about a recording was not taken", extra=about)
            finally:
                queue.task_done()

    async def drained(self, deadline_s: float) -> None:
        """Wait until all facts are taken, or for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await asyncio.gather(*(queue.join() for queue in self._queues))

    def __len__(self) -> int:
        return sum(queue.qsize() for queue in self._queues)
