"""Pauses a call's recording and proves it: nothing that is said meanwhile is written, and nobody is told so before.

Asterisk mutes each recording of the call (MixMonitorMute, a channel at a time); its own events are the proof. What
cannot be proven is ended (StopMixMonitor), and the time from the asking on is cut out of what is stored in any case:
the windows are in the call's record and in the recording's manifest. docs/recording.md, decision 0251.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from cti.domain import events as ev
from cti.domain import pause as rules
from cti.domain import recordpolicy as policy
from cti.domain.errors import CallerError, KakehashiError, NotFound, Unavailable
from cti.domain.model import Call, CallId, ChannelName, Pause, TenantId
from cti.domain.ports import SignalSink
from cti.domain.signals import PauseBegan, PauseEnded, PauseProven

log = logging.getLogger(__name__)

# Asterisk's event follows the action within a millisecond. A person waits for this with a card in their hand.
CONFIRM_S = 1.5
# How often what could not be proven is tried again, and limits are looked at.
LOOK_S = 1.0


class Refused(CallerError):
    """A command that cannot be carried out now; ``key`` is a slug of the page's catalogue."""

    def __init__(self, key: str, sentence: str) -> None:
        super().__init__(sentence)
        self.key = key


class LiveCalls(Protocol):
    """The call desk, seen from here."""

    def live(self, call_id: CallId) -> Call | None:
        """The live call, or None."""

    def all_live(self, tenant: TenantId | None = None) -> tuple[Call, ...]:
        """Live calls of a tenant, or of all."""


class RecordingTelephony(Protocol):
    """What is asked of Asterisk (cti.ami.telephony). Raises NotFound (channel or recording gone), Unavailable."""

    async def mute_recording(self, *, channel: ChannelName, on: bool) -> None: ...
    async def stop_recording(self, *, channel: ChannelName) -> None: ...
    async def set_variables(self, *, channel: ChannelName, variables: dict[str, str]) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseRules:
    """What the desk decided."""

    longest: Callable[[TenantId], timedelta]  # a pause that somebody asked for ends by itself after this
    now: Callable[[], datetime]  # aware UTC


class PauseDesk:
    """Subscribe :meth:`handle` to :attr:`KINDS`; ``start`` and ``stop`` once each."""

    KINDS: tuple[type[ev.Event], ...] = (
        ev.RecordingStarted,
        ev.ChannelMuted,
        ev.RecordingPauseChanged,
        ev.CallEnded,
        ev.AsteriskReachable,
    )

    def __init__(
        self,
        *,
        calls: LiveCalls,
        telephony: RecordingTelephony,
        sink: SignalSink,
        settings: PauseRules,
        confirm_s: float = CONFIRM_S,
        look_s: float = LOOK_S,
    ) -> None:
        self._calls = calls
        self._telephony = telephony
        self._sink = sink
        self._settings = settings
        self._confirm_s = confirm_s
        self._look_s = look_s
        self._recorded: dict[CallId, dict[ChannelName, None]] = {}  # channels on which a recording was begun
        self._locks: dict[CallId, asyncio.Lock] = {}  # one change of a call at a time
        self._awaited: dict[tuple[ChannelName, bool], asyncio.Event] = {}
        self._changed: dict[CallId, asyncio.Event] = {}  # the call's pauses are others
        self._open: set[CallId] = set()  # calls with a pause that goes on
        self._doubted: set[CallId] = set()  # of those, who must be proven again
        self._decided: dict[CallId, policy.Decision] = {}  # what the desk's rules said last
        self._tasks: set[asyncio.Task[None]] = set()

    # --- Life and facts ---

    async def start(self) -> None:
        """Look after pauses that go on."""
        self._spawn(self._look())

    async def stop(self) -> None:
        """End. What is paused stays so: Asterisk holds it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def handle(self, event: ev.Event) -> None:
        """Take one fact from the bus."""
        if isinstance(event, ev.ChannelMuted):
            if awaited := self._awaited.get((event.channel, event.muted)):
                awaited.set()
        elif isinstance(event, ev.RecordingStarted):
            self._recorded.setdefault(event.call_id, {})[event.channel or event.call.channel] = None
            if rules.open_pauses(event.call):
                self._doubted.add(event.call_id)
                self._spawn(self._keep(event.call_id))
        elif isinstance(event, ev.RecordingPauseChanged):
            self._note(event.call)
            if event.call_id in self._doubted:
                self._spawn(self._keep(event.call_id))
            if changed := self._changed.pop(event.call_id, None):
                changed.set()
        elif isinstance(event, ev.CallEnded):
            if changed := self._changed.pop(event.call_id, None):
                changed.set()
            for known in (self._recorded, self._locks, self._decided):
                known.pop(event.call_id, None)
            self._open.discard(event.call_id)
            self._doubted.discard(event.call_id)
        elif isinstance(event, ev.AsteriskReachable) and event.up:
            # What began while nobody of ours listened is not silent yet.
            for call in self._calls.all_live():
                self._note(call)
                if call.call_id in self._open:
                    self._doubted.add(call.call_id)

    def _note(self, call: Call) -> None:
        paused = rules.open_pauses(call)
        if not paused:
            self._open.discard(call.call_id)
            self._doubted.discard(call.call_id)
            return
        self._open.add(call.call_id)
        if any(pause.proven_at is None for pause in paused):
            self._doubted.add(call.call_id)

    # --- What people and programs ask for ---

    async def ask(self, tenant: TenantId, call_id: CallId, command: rules.RecordCommand, by: str) -> Call:
        """Pause, or go on; the call when Asterisk has proven it. To ask for what is so already is no mistake.

        Raises Refused with a key: ``no_talk`` (no such call), ``not_now``, ``pause_stopped`` (it could not be silenced
        and was ended instead: nothing more is recorded). Raises Unavailable when nothing could be proven; of a
        pause then nothing is kept from now on until it is.
        """
        call = self._calls.live(call_id)
        if call is None or call.tenant != tenant:
            raise Refused("no_talk", "there is no such call")
        async with self._lock(call_id):
            if command is rules.RecordCommand.PAUSE:
                await self._pause(call_id, by)
            elif command is rules.RecordCommand.RESUME:
                await self._resume(call_id, rules.ASKED, by)
            else:
                await self._start(call_id, by)
            return self._call(call_id)

    async def _pause(self, call_id: CallId, by: str) -> None:
        call = self._call(call_id)
        known = rules.asked(call)
        if known is not None and known.stopped:
            raise Refused("pause_stopped", "the recording was ended")
        if known is None and len(call.pauses) >= rules.MOST:
            raise Refused("not_now", "this recording was paused too often")
        now = self._settings.now()
        until = now + self._settings.longest(call.tenant)
        self._doubted.add(call_id)
        # First of all: from here on nothing is stored, whatever becomes of the rest. Asked again, it lasts longer.
        self._sink.post(PauseBegan(at=now, call_id=call_id, why=rules.ASKED, by=by, until=until))
        await self._applied(call_id, lambda told: rules.lasts(told, until))
        if not await self._prove(call_id):
            raise Unavailable("Asterisk did not prove in time that nothing is recorded")
        await self._applied(call_id, rules.proven)
        if any(pause.stopped for pause in rules.open_pauses(self._call(call_id))):
            raise Refused("pause_stopped", "the recording could not be silenced and was ended")
        log.info("a recording is paused", extra={"action": "record_pause", "call_id": call_id, "by": by})

    async def _resume(self, call_id: CallId, why: str, by: str) -> None:
        call = self._call(call_id)
        ending = next((pause for pause in rules.open_pauses(call) if pause.why == why), None)
        if ending is None:
            return
        if ending.stopped:
            raise Refused("pause_stopped", "the recording was ended")
        rest = tuple(pause for pause in rules.open_pauses(call) if pause.why != why)
        if not rest:
            outcomes = await self._all(call, on=False)
            if "unproven" in outcomes:
                self._doubted.add(call_id)  # silent altogether, or not at all
                raise Unavailable("Asterisk did not prove in time that it records again")
        # Before the window: a server that dies in between finds it paused still, and says so.
        if not await self._mark(call, rest):
            self._doubted.add(call_id)
            raise Unavailable("Asterisk did not take note in time that it records again")
        self._sink.post(PauseEnded(at=self._settings.now(), call_id=call_id, why=why, by=by))
        # Not before that is known: who proves a new leg in between would silence everything for a pause that is over.
        await self._applied(call_id, lambda told: why not in {pause.why for pause in rules.open_pauses(told)})
        log.info("a recording goes on", extra={"action": "record_resume", "call_id": call_id, "by": by})

    async def _start(self, call_id: CallId, by: str) -> None:
        if rules.RecordCommand.START not in rules.may(self._call(call_id)):
            raise Refused("not_now", "this call is not one that is recorded on demand")
        await self._resume(call_id, policy.ON_DEMAND, by)

    # --- What the desk's rules want ---

    def want(self, call: Call, decision: policy.Decision) -> None:
        """What is said from now on is kept or not. Done as soon as possible; the window is told at once.

        To say it again changes nothing, so whatever could not be done then is tried again (``_look``).
        """
        if self._calls.live(call.call_id) is None:
            return
        self._decided[call.call_id] = decision
        wanted = self._wanted(call)
        known = {pause.why for pause in rules.open_pauses(call)} & policy.RULED
        for why in known - {wanted}:
            self._spawn(self._let(call.call_id, why))
        if wanted is not None and wanted not in known:
            at = call.arrived_at if wanted == policy.REFUSED or not call.talks else self._settings.now()
            began = PauseBegan(at=at, call_id=call.call_id, why=wanted, by=decision.reason, until=None)
            self._sink.post(began)  # and its fact has it carried out

    def _wanted(self, call: Call) -> str | None:
        """Why the rules want nothing kept now. What an agent has begun on demand goes on."""
        decision = self._decided.get(call.call_id)
        if decision is None or decision.why != policy.ON_DEMAND:
            return None if decision is None else decision.why
        started = any(p.why == policy.ON_DEMAND and p.ended_at is not None and p.ended_by for p in call.pauses)
        return None if started else policy.ON_DEMAND

    async def _let(self, call_id: CallId, why: str) -> None:
        """A rule's pause is over, unless that cannot be done now: then less is kept, and the next look tries again."""
        call = self._calls.live(call_id)
        if call is None or len(call.pauses) >= rules.MOST:  # the last one stays
            return
        with contextlib.suppress(KakehashiError):
            async with self._lock(call_id):
                # The rules may have changed their mind while others had the lock, and may do so now.
                if self._wanted(self._call(call_id)) != why:
                    await self._resume(call_id, why, "")
                self.want(self._call(call_id), self._decided[call_id])

    async def _applied(self, call_id: CallId, so: Callable[[Call], bool]) -> None:
        """Wait until the call desk, which may have others in line, has taken what was posted. Raises Unavailable."""
        try:
            async with asyncio.timeout(self._confirm_s):
                while not so(self._call(call_id)):
                    changed = self._changed[call_id] = asyncio.Event()
                    await changed.wait()
        except TimeoutError:
            raise Unavailable("the call desk does not keep up") from None

    # --- Proofs ---

    async def _keep(self, call_id: CallId) -> None:
        """Prove once more, if it is in doubt: a new leg, a new link, a try that failed."""
        if self._calls.live(call_id) is None:
            return
        async with self._lock(call_id):
            if call_id in self._doubted:
                with contextlib.suppress(Refused):
                    await self._prove(call_id)

    async def _prove(self, call_id: CallId) -> bool:
        """Silence every recording of the call that there is, and say whether that is certain."""
        call = self._call(call_id)
        if not rules.open_pauses(call):
            self._doubted.discard(call_id)
            return True
        self._doubted.discard(call_id)  # a leg that begins meanwhile puts it back
        marked, outcomes = await asyncio.gather(self._mark(call, rules.open_pauses(call)), self._all(call, on=True))
        proven = "unproven" not in outcomes
        now, stopped = self._settings.now(), "stopped" in outcomes
        self._sink.post(PauseProven(at=now, call_id=call_id, proven=proven, stopped=stopped))
        if not (proven and marked):
            self._doubted.add(call_id)
        if not proven or stopped:
            about = {"action": "record_pause", "call_id": call_id, "proven": proven, "stopped": stopped}
            log.error("a recording could not be silenced", extra=about)
        return proven

    async def _all(self, call: Call, *, on: bool) -> frozenset[str]:
        channels = self._channels(call)
        return frozenset(await asyncio.gather(*(self._one(channel, on=on) for channel in channels)))

    async def _one(self, channel: ChannelName, *, on: bool) -> str:
        """One channel: "proven", "gone", "stopped" (no other way to silence it), or "unproven"."""
        awaited = self._awaited[channel, on] = asyncio.Event()
        try:
            async with asyncio.timeout(self._confirm_s):
                await self._telephony.mute_recording(channel=channel, on=on)
                await awaited.wait()
        except NotFound:
            return "gone"
        except (KakehashiError, TimeoutError):
            return await self._end(channel) if on else "unproven"
        finally:
            self._awaited.pop((channel, on), None)
        return "proven"

    async def _end(self, channel: ChannelName) -> str:
        try:
            async with asyncio.timeout(self._confirm_s):
                await self._telephony.stop_recording(channel=channel)
        except NotFound:
            return "gone"
        except (KakehashiError, TimeoutError):
            return "unproven"
        return "stopped"

    async def _mark(self, call: Call, pauses: Iterable[Pause]) -> bool:
        """Leave word on the caller's channel. Says whether it is there, or nobody is who could need it."""
        try:
            variables = {"CTI_PAUSED": rules.to_mark(pauses)}
            await self._telephony.set_variables(channel=call.channel, variables=variables)
        except NotFound:
            return True
        except KakehashiError:
            return False
        return True

    def _channels(self, call: Call) -> tuple[ChannelName, ...]:
        """Whatever may record: announced ones and, after a restart of ours, those that the record knows."""
        talks = (talk.agent_channel for talk in call.talks if talk.ended_at is None)
        # Somebody outside who was given the caller is in no talk of an agent's.
        asked = (one.channel for one in call.consultations if one.ended_at is None or one.outside is not None)
        return tuple(dict.fromkeys((call.channel, *self._recorded.get(call.call_id, ()), *talks, *asked)))

    # --- Beside all this ---

    async def _look(self) -> None:
        """Try again what is in doubt, end what has lasted long enough."""
        while True:
            await asyncio.sleep(self._look_s)
            for number, call_id in enumerate(tuple(self._open)):
                if number % 64 == 0:  # a desk that records on demand has as many as calls
                    await asyncio.sleep(0)
                try:
                    await self._look_at(call_id)
                except KakehashiError as error:
                    log.warning("a pause was not looked after: %s", error, extra={"call_id": call_id})
                except Exception:
                    log.exception("looking after a pause failed", extra={"call_id": call_id})

    async def _look_at(self, call_id: CallId) -> None:
        call = self._calls.live(call_id)
        if call is None:
            self._open.discard(call_id)
            self._doubted.discard(call_id)
            return
        if self._lock(call_id).locked():
            return
        if call_id in self._doubted:
            await self._keep(call_id)
        if call_id in self._decided:
            self.want(call, self._decided[call_id])
        for pause in rules.open_pauses(call):
            if rules.ends_at(pause, self._settings.longest(call.tenant)) <= self._settings.now() and not pause.stopped:
                async with self._lock(call_id):
                    await self._resume(call_id, pause.why, rules.LIMIT)

    def _call(self, call_id: CallId) -> Call:
        call = self._calls.live(call_id)
        if call is None:
            raise Refused("no_talk", "the call has just ended")
        return call

    def _lock(self, call_id: CallId) -> asyncio.Lock:
        return self._locks.setdefault(call_id, asyncio.Lock())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
