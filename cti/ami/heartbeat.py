"""The heartbeat: a global variable in Asterisk that the dialplan looks at instead of asking us.

A frozen process cannot set it, a dead link cannot carry it; after 4 s without it callers go to Asterisk's own queue.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from cti.ami import actions
from cti.ami.client import AmiClient
from cti.domain.errors import KakehashiError

log = logging.getLogger(__name__)

# The dialplan falls back after 4 s: three beats may be lost.
EVERY_S = 1.0
# Beats older than this move nobody: shorter than the 4 s after which the dialplan thinks that we are dead.
FRESH_S = 3.0
# After a gap: the answer to the first beat comes behind all that happened, and this long after it the call desk, the
# bus and routing have taken that in as well (some ms of work in this same loop).
TAKE_IN_S = 1.0


class Heartbeat:
    """Beats while the link is up and ``alive()`` says that those who serve callers are well."""

    def __init__(
        self,
        client: AmiClient,
        *,
        clock: Callable[[], datetime],
        alive: Callable[[], bool] = lambda: True,
        deposed: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """``deposed`` is asked with each beat; once true the link is let go of (cti.ami.charge)."""
        self._client = client
        self._deposed = deposed
        self._clock = clock
        self._alive = alive
        self._task: asyncio.Task[None] | None = None
        self.beats = 0  # that Asterisk confirmed
        self.missed = 0
        self._sent_s: float | None = None  # when the last confirmed beat left, by the loop's clock
        self._hold_until_s = 0.0  # after a gap: not fresh before

    async def start(self) -> None:
        """Begin to beat."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="ami-heartbeat")

    async def stop(self) -> None:
        """Stop beating: within 4 s the dialplan takes over."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    @property
    def fresh(self) -> bool:
        """Whether Asterisk confirmed a beat that is younger than FRESH_S.

        Asterisk answers in the order of its events: who has the answer to a young beat has heard everything that
        happened before it. A process that was frozen has not, and must not move callers by what it remembers.
        """
        now_s = asyncio.get_running_loop().time()
        return self._sent_s is not None and now_s - self._sent_s < FRESH_S and now_s >= self._hold_until_s

    def anew(self) -> None:
        """A new link: its snapshot says where callers are, whatever was missed."""
        self._sent_s = None
        self._hold_until_s = 0.0

    async def beat(self) -> bool:
        """One beat. False when it did not reach Asterisk."""
        sent_s = asyncio.get_running_loop().time()
        try:
            if not self._alive():
                self.missed += 1
                return False
            await self._client.request(actions.beat(int(self._clock().timestamp())), deadline_s=EVERY_S)
        except KakehashiError as error:
            self.missed += 1
            if self._client.up:
                log.warning("a heartbeat did not reach Asterisk", extra={"action": str(error)})
            return False
        except Exception:  # the beat goes on with the next one; until then the dialplan counts
            self.missed += 1
            log.exception("a heartbeat failed for a reason of ours")
            return False
        self.beats += 1
        if self._sent_s is not None and sent_s - self._sent_s > FRESH_S:
            self._hold_until_s = asyncio.get_running_loop().time() + TAKE_IN_S
        self._sent_s = sent_s
        return True

    async def _is_deposed(self) -> bool:
        return self._deposed is not None and await self._deposed()

    def _let_go(self) -> None:
        self._sent_s = None
        log.error("another server has taken over this Asterisk", extra={"action": "heartbeat"})
        self._client.drop()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        next_s = loop.time()
        while True:
            if self._client.up:
                # Together: an Asterisk that is slow to answer must not make the next beat late.
                _, deposed = await asyncio.gather(self.beat(), self._is_deposed())
                if deposed:
                    self._let_go()
            next_s = max(next_s + EVERY_S, loop.time())
            await asyncio.sleep(next_s - loop.time())
