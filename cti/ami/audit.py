"""Keeps the desk true to Asterisk: the shell around ``resync``. Runs after each connect, on demand, and each minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from cti.ami import actions, resync
from cti.ami.client import AmiClient
from cti.ami.fallen import Fallen
from cti.ami.protocol import Reply
from cti.domain.errors import KakehashiError, PeerError
from cti.domain.model import CallId, CallState, ChannelName, UniqueId
from cti.domain.ports import SignalSink
from cti.domain.signals import ChannelSignal, ChannelsSeen, DialBegan, Signal

log = logging.getLogger(__name__)

# A call whose end nobody saw stays open for a minute at most; a snapshot of 200 calls costs Asterisk some 10 ms.
EVERY_S = 60.0
# Thousands of channels take Asterisk longer than an ordinary answer.
LISTING_S = 10.0


class Accounts(Protocol):
    """Asterisk's own account of calls, for what nobody of ours heard (cti.ami.accounts)."""

    async def missing(self, there: frozenset[UniqueId]) -> None:
        """Post what is known of calls that are about to be declared vanished. Bounded; never raises."""

    def seen(self, looked_at: datetime, there: frozenset[UniqueId], *, after_gap: bool) -> None:
        """A snapshot is merged."""


class Auditor:
    """Takes snapshots and posts what they tell. ``known`` gives the desk's live calls and their states."""

    def __init__(
        self,
        client: AmiClient,
        sink: SignalSink,
        *,
        known: Callable[[], Mapping[CallId, CallState]],
        clock: Callable[[], datetime],
        fallen: Fallen | None = None,
        every_s: float = EVERY_S,
    ) -> None:
        self._client = client
        self._fallen = fallen
        self._sink = sink
        self._known = known
        self._clock = clock
        self._every_s = every_s
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._meanwhile: set[UniqueId] | None = None
        self._gap = False  # signals were lost since the last snapshot
        self.accounts: Accounts | None = None  # set by whoever has them, before the first snapshot
        self.runs = 0
        self.left_waiting: tuple[ChannelName, ...] = ()  # in Asterisk's own queue at the last snapshot, see resync

    async def start(self) -> None:
        """Begin the regular audits."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="ami-audit")

    async def stop(self) -> None:
        """End them."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def ask(self, *, gap: bool = True) -> None:
        """Take a snapshot soon: signals were lost, or (no ``gap``) somebody is new who did not hear them."""
        self._gap = self._gap or gap
        self._wanted.set()

    def note(self, signal: Signal) -> None:
        """A signal came: while a snapshot is under way, its channels count as seen (clocks are not compared)."""
        if self._meanwhile is not None and isinstance(signal, ChannelSignal):
            self._meanwhile.add(signal.uniqueid)
            if isinstance(signal, DialBegan):
                self._meanwhile.add(signal.agent_uniqueid)

    async def snapshot(self, *, after_gap: bool) -> None:
        """One snapshot. Raises what the client raises."""
        self._meanwhile = set()
        try:
            await self._snapshot(after_gap=after_gap)
        finally:
            self._meanwhile = None

    async def _snapshot(self, *, after_gap: bool) -> None:
        asked_at = self._clock()
        seen: frozenset[UniqueId] | None = None

        def merge(reply: Reply) -> None:
            nonlocal seen
            channels = resync.read(reply.items)
            for signal in resync.signals(channels, self._known(), self._clock(), after_gap=after_gap):
                self._sink.post(signal)
            seen = resync.uniqueids(channels)
            self.left_waiting = resync.left_waiting(channels)
            if self._fallen is not None:
                fell = resync.in_fallback(channels)
                self._fallen.seen(fell, set(fell) - set(self.left_waiting))

        # Its items are DeviceStateChange events: they reach the desk as such, at their place in the stream.
        await self._client.request(actions.device_states(), is_list=True, deadline_s=LISTING_S)
        await self._client.request(actions.status(), is_list=True, deadline_s=LISTING_S, on_reply=merge)
        # Ends that were told while Asterisk made the list come before this answer: only then say who is missing.
        await self._client.request(actions.ping())
        if seen is None:  # merging failed (and was logged): nobody may be declared gone on the strength of it
            raise PeerError("Asterisk's list of channels could not be read")
        if self.accounts is not None and after_gap:
            await self.accounts.missing(seen | (self._meanwhile or set()))
        there = seen | (self._meanwhile or set())
        self._sink.post(ChannelsSeen(at=asked_at, uniqueids=there))
        if self.accounts is not None:
            self.accounts.seen(asked_at, there, after_gap=after_gap)
        self.runs += 1

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._every_s):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            after_gap, self._gap = self._gap, False
            self._wanted.clear()
            if not self._client.up:
                continue  # the reconnect takes its own
            try:
                await self.snapshot(after_gap=after_gap)
            except KakehashiError as error:
                log.warning("a snapshot of Asterisk failed", extra={"action": str(error)})
                if after_gap:
                    self.ask()
                    await asyncio.sleep(1.0)  # it was slow to answer: not at once again
            except Exception:
                log.exception("a snapshot of Asterisk failed for a reason of ours")
