"""Has an agent's leg go on in a further file where its phone's RTP numbers have jumped back.

Until the numbers have caught up Asterisk leaves what that agent says out of the leg's recording; a recording that
begins anew does not know the old numbers. Asked for when a phone holds by itself, because nobody hears it then; when it
comes back as another source and has sent meanwhile; and when a receiver report tells (SoundLost). docs/recording.md
("Numbers that jump back"), decisions 0305 and 0303.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from cti.domain import events as ev
from cti.domain import pause
from cti.domain.consult import ON_HOLD
from cti.domain.errors import KakehashiError, NotFound
from cti.domain.model import Call, CallId, ChannelName, UniqueId

log = logging.getLogger(__name__)

# Each costs the caller 0.13 s of the agent's voice: a phone that jumps all the time is not cured by many. What is not
# followed by a further file (no room, no recording) is asked for half as often each time.
LEAST_S = 3.0
MOST = 20
# While their phone holds it costs nobody anything but a file. The dialplan ([cti-anew]) counts both as well, since it
# lives longer than we do.
MOST_HELD = 40
# How often what is behind still is looked at again: a pause is over, the time between two is; and a phone that holds.
LOOK_S = 1.0
# After a hold the first packet comes with the answer to the phone's re-INVITE; what comes later a report tells.
RESUMED_LOOK_S = 0.05
RESUMED_LOOKS = 12

# "<call>-a-<uniqueid>", "-p<number>" behind it for a further file.
_LEG = re.compile(r"-a-(.*[0-9]\.[0-9]+?)(?:-p[0-9]{1,2})?")


class Anew(Protocol):
    """What is asked of Asterisk (cti.ami.telephony). Raises NotFound (the leg is gone), Unavailable and others."""

    async def record_anew(self, *, channel: ChannelName) -> None: ...
    async def packets_received(self, *, channel: ChannelName) -> int: ...


class LiveCalls(Protocol):
    """The call desk, seen from here."""

    def live(self, call_id: CallId) -> Call | None:
        """The live call, or None."""


@dataclass(slots=True)
class _Leg:
    """An agent's leg that is recorded."""

    call_id: CallId
    channel: ChannelName
    behind: bool = False  # Asterisk drops what is said
    awaited: int = 0  # how often it was asked for since a file was announced
    asked: int = 0  # how often it was renewed because of what was lost
    asked_held: int = 0  # and because its phone held
    asked_s: float = float("-inf")  # when last
    packets: int = 0  # received when the hold began
    curing: bool = False  # somebody looks after it
    held: int = 0  # how often its phone held
    holds: int = 0  # the number of the hold that goes on, by its phone alone; 0: none
    fresh: bool = False  # since the last hold began its file is another one
    sends: bool = False  # and its phone has sent since then, and held: the new one knows numbers, too


class Renewals:
    """Subscribe :meth:`handle` to :attr:`KINDS`; ``stop`` once."""

    KINDS: tuple[type[ev.Event], ...] = (
        ev.RecordingStarted,
        ev.SoundLost,
        ev.CallHeld,
        ev.CallResumed,
        ev.CallEnded,
    )

    def __init__(
        self,
        *,
        calls: LiveCalls,
        telephony: Anew,
        now: Callable[[], float],
        look_s: float = LOOK_S,
        resumed_look_s: float = RESUMED_LOOK_S,
    ) -> None:
        """``now``: monotonic seconds."""
        self._calls = calls
        self._telephony = telephony
        self._now = now
        self._look_s = look_s
        self._resumed_look_s = resumed_look_s
        self._legs: dict[UniqueId, _Leg] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """End. A leg that is asked to go on in a further file does."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def handle(self, event: ev.Event) -> None:
        """Take one fact from the bus."""
        if isinstance(event, ev.RecordingStarted):
            self._begun(event)
        elif isinstance(event, ev.SoundLost):
            self._lost(event)
        elif isinstance(event, ev.CallHeld):
            call = self._calls.live(event.call_id)
            legs = self._of(call)
            # Where several talk nobody says which phone it was. Our own hold is not the phone's: its numbers go on.
            alone = len(legs) == 1 and call is not None and call.phase not in ON_HOLD
            for leg in legs:
                leg.held += 1
                leg.holds = leg.held if alone else 0
                leg.fresh = leg.sends = False
                self._spawn(self._held(leg))
        elif isinstance(event, ev.CallResumed):
            for leg in self._of(self._calls.live(event.call_id)):
                leg.holds = 0
                self._spawn(self._resumed(leg))
        elif isinstance(event, ev.CallEnded):
            for uniqueid in [known for known, leg in self._legs.items() if leg.call_id == event.call_id]:
                del self._legs[uniqueid]

    def _begun(self, event: ev.RecordingStarted) -> None:
        found = _LEG.fullmatch(event.file.removeprefix(event.call_id))
        if found is None or event.channel is None:
            return
        leg = self._legs.setdefault(UniqueId(found[1]), _Leg(call_id=event.call_id, channel=event.channel))
        leg.channel, leg.behind, leg.awaited, leg.fresh = event.channel, False, 0, True

    def _lost(self, event: ev.SoundLost) -> None:
        self._of(self._calls.live(event.call_id))  # those of before our start
        if (leg := self._legs.get(event.uniqueid)) is not None:
            leg.behind = event.until_at is None
            if leg.behind:
                self._look_after(leg)

    def _of(self, call: Call | None) -> list[_Leg]:
        """Legs that talk with the caller of this call."""
        talks = () if call is None else call.talks
        return [
            self._legs.setdefault(talk.agent_uniqueid, _Leg(call_id=call.call_id, channel=talk.agent_channel))
            for talk in talks
            if call is not None and talk.ended_at is None and talk.agent_uniqueid
        ]

    def _look_after(self, leg: _Leg) -> None:
        if not leg.curing:
            leg.curing = True
            self._spawn(self._cure(leg))

    async def _cure(self, leg: _Leg) -> None:
        """Until it is cured, cannot be, or has caught up by itself. Who was moved in that moment is asked again."""
        try:
            while (leg.behind or leg.awaited) and leg.asked < MOST and await self._renew(leg):  # noqa: ASYNC110 - it acts
                await asyncio.sleep(self._look_s)
        finally:
            leg.curing = False

    async def _renew(self, leg: _Leg, *, held: bool = False) -> bool:
        """Ask, if that may be now. Says whether the leg is there still."""
        call = self._calls.live(leg.call_id)
        if call is None:
            return False
        # A recording that is paused goes on being the one that was proven to be silent. And who goes on by the page
        # while their phone holds is in no bridge, where alone a key means something.
        if pause.open_pauses(call) or (held and call.phase in ON_HOLD):
            leg.awaited = 0  # what was asked for just before was refused because of it
            return True
        if self._now() - leg.asked_s < (0 if held and not leg.awaited else LEAST_S * 2**leg.awaited):
            return True
        leg.awaited, leg.asked_s = leg.awaited + 1, self._now()
        leg.asked, leg.asked_held = leg.asked + (not held), leg.asked_held + held
        about = {"action": "record_anew", "call_id": leg.call_id, "times": leg.asked + leg.asked_held}
        try:
            await self._telephony.record_anew(channel=leg.channel)
        except NotFound:
            return False
        except KakehashiError as error:  # what runs goes on
            log.warning("a leg was not recorded anew", extra={**about, "why": str(error)})
        else:
            log.info("a leg's recording goes on in a further file", extra=about)
        return True

    async def _held(self, leg: _Leg) -> None:
        """The leg goes on in a further file as soon as that may be, and who sends all the same is noticed."""
        hold, first = leg.holds, None
        leg.packets = await self._count(leg) or 0
        while hold and leg.holds == hold:
            if not leg.fresh and leg.asked_held < MOST_HELD:
                if not await self._renew(leg, held=True):
                    return
                await asyncio.sleep(self._resumed_look_s)
                continue
            packets = await self._count(leg)
            if leg.holds != hold:
                return
            first = packets if first is None else first
            leg.sends |= packets is None or packets != first
            # Another source in mid-hold: it may have begun behind the numbers that the further file has heard.
            leg.fresh &= packets is not None and packets >= leg.packets
            leg.packets = packets or 0
            await asyncio.sleep(self._look_s)

    async def _resumed(self, leg: _Leg) -> None:
        """Asterisk counts another source's packets from 0 again: then its numbers are others, too."""
        before = leg.packets
        for _ in range(RESUMED_LOOKS):
            if leg.fresh and not leg.sends:
                return
            packets = await self._count(leg)
            if packets is None:
                return
            if packets < before:
                leg.behind = True  # or ahead, which nobody knows
                self._look_after(leg)
                return
            before = packets  # it may have sent all the time, and change in a moment
            await asyncio.sleep(self._resumed_look_s)

    async def _count(self, leg: _Leg) -> int | None:
        try:
            return await self._telephony.packets_received(channel=leg.channel)
        except KakehashiError:
            return None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="renewals")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a leg is not looked after", exc_info=error, extra={"action": "record_anew"})
