"""Keeps Asterisk's own queues ready for our death: who does not take calls now is paused in them.

Shell around ``membership``. One action a change, one at a time, a moment after the change: an offer decided at the same
instant leaves first. After each connect, and every few minutes, all members are compared with the whole picture.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from cti.ami import actions, membership
from cti.ami.errors import OutcomeUnknown
from cti.ami.frames import ActionHeaders
from cti.ami.protocol import Reply
from cti.domain.errors import KakehashiError
from cti.domain.model import AgentState

log = logging.getLogger(__name__)

# Longer than any burst of decisions (an after-call work that is ended at once is never told), shorter than the 4 s
# after which the first caller falls back.
SETTLE_S = 1.0
# A reload of Asterisk's queues adds members unpaused, and nobody tells us of it. That is rare, and a listing of a
# thousand members in three queues each takes this process some 50 ms.
COMPARE_EVERY_S = 300.0
# Thousands of members take Asterisk longer than an ordinary answer.
LISTING_S = 10.0


class Link(Protocol):
    """What of the AMI client is used."""

    up: bool

    async def request(self, action: ActionHeaders, *, deadline_s: float | None = None, is_list: bool = False) -> Reply:
        """Send one action and wait for its answer."""


class FallbackMirror:
    """``picture`` gives what each interface should be: interface → paused, for all agents, now."""

    def __init__(
        self,
        link: Link,
        *,
        picture: Callable[[], Mapping[str, bool]],
        settle_s: float = SETTLE_S,
        compare_every_s: float = COMPARE_EVERY_S,
    ) -> None:
        self._link = link
        self._picture = picture
        self._settle_s = settle_s
        self._compare_every_s = compare_every_s
        self._members: dict[str, bool | None] = {}  # by interface: paused, as Asterisk confirmed it; None: unsure
        self._changed: dict[str, bool] = {}  # by interface: a later change of the same agent replaces an earlier one
        self._compare = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.sent = 0
        self.failures = 0

    async def start(self) -> None:
        """Begin to mirror; the first comparison comes with :meth:`compare`."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="fallback-mirror")

    async def stop(self) -> None:
        """Send what changed just now, as long as Asterisk answers; then end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            self._compare = False  # the next start compares
            await self._work()

    def agent_is(self, endpoint: str, state: AgentState) -> None:
        """An agent's state changed. Never blocks."""
        self._changed[membership.interface_of(endpoint)] = membership.is_paused(state)
        self._wake.set()

    def compare(self) -> None:
        """Asterisk was away, or changes were lost: compare everything soon."""
        self._compare = True
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._compare_every_s):
                    await self._wake.wait()
            except TimeoutError:
                self._compare = True
            await asyncio.sleep(self._settle_s)
            self._wake.clear()
            try:
                await self._work()
            except Exception:
                self.failures += 1
                self._compare = True
                log.exception("telling Asterisk's queues failed for a reason of ours", extra={"action": "mirror"})

    async def _work(self) -> None:
        """Send what is to be sent; nothing while Asterisk is away, the comparison at its return finds all of it."""
        try:
            if self._compare and self._link.up:
                await self._compare_all()
        except KakehashiError as error:
            self._failed("Asterisk's queues could not be compared", error)
            return
        while self._changed and self._link.up:
            interface, paused = self._changed.popitem()
            # Who is in none of Asterisk's queues is not rung by them either.
            if interface not in self._members or self._members[interface] == paused:
                continue
            self._members[interface] = None
            try:
                await self._link.request(actions.queue_pause(interface, paused=paused))
            except KakehashiError as error:
                self._failed("Asterisk's queues could not be told of an agent's state", error)
                if isinstance(error, OutcomeUnknown):
                    return  # not the same silence again for each agent
            else:
                self.sent += 1
                self._members[interface] = paused

    async def _compare_all(self) -> None:
        reply = await self._link.request(actions.queue_status(), is_list=True, deadline_s=LISTING_S)
        found, wanted = membership.read(reply.items), self._picture()
        self._compare = False
        self._changed = membership.differences(wanted, found)
        self._members = {
            interface: next(iter(paused)) if len(paused) == 1 else None for interface, paused in found.items()
        }

    def _failed(self, sentence: str, error: KakehashiError) -> None:
        """Said, counted, and made good by the next comparison."""
        self.failures += 1
        self._compare = True
        log.warning(sentence, extra={"action": "mirror", "why": str(error)})
