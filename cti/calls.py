"""CallDesk: the sole owner of live calls. One consumer of one ordered queue; nobody else changes a call.

Signals come from AMI, the menu and routing by :meth:`CallDesk.post`; facts go to the bus. Which call a signal
belongs to is found by Uniqueid (the caller's channel and the legs dialled for it) or by CTI_CALL_ID; linkedid is not
trusted, because Asterisk changes it without telling.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cti.domain import callfsm, callrestore
from cti.domain import events as ev
from cti.domain.calltrack import Leg, Step, Track, begin, update
from cti.domain.errors import IllegalMove
from cti.domain.model import (
    AgentId,
    Call,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    OfferOutcome,
    TenantId,
    UniqueId,
)
from cti.domain.ports import Directory, EventSink
from cti.domain.signals import (
    OF_CALL,
    CallAccounted,
    CallerArrived,
    CallVanished,
    ChannelHungUp,
    ChannelSignal,
    ChannelsSeen,
    DeviceChanged,
    DialBegan,
    DialEnded,
    LegPlaced,
    LinkChanged,
    MenuBegan,
    MenuEnded,
    OfferDecided,
    OfferTakenBack,
    RecordingBegan,
    Signal,
    Transferred,
)
from cti.domain.soundsignals import LegSounded

log = logging.getLogger(__name__)

# A call makes some 10 signals: room for 5,000 calls' whole life at once, which is a desk that stopped, not a peak.
QUEUE_MAX = 50_000
# One signal takes some 30 µs: the loop gets its turn every millisecond.
YIELD_EVERY = 32
# Calls whose menu or link may still report after the end; those come within a second.
ENDED_KEPT = 1_000
# Menus that began before their call was told: the two travel on different sockets.
EARLY_KEPT = 256
EARLY_EACH = 8

# A phone's channel is told some six times; more than are live at the same time.
ENDPOINTS_KEPT = 4096

# Where :func:`callfsm.advance` asks whose phone it is about.
_OF_A_PHONE = frozenset({DialBegan, DialEnded, RecordingBegan, LegPlaced, Transferred})
_PHONE = re.compile(r"PJSIP/(?P<endpoint>.+)-[0-9a-f]{8}(;\d)?\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskStats:
    """Counters, for /metrics."""

    live: int
    queued: int
    accepted: int  # signals that were applied
    dropped: int  # lost to overflow
    illegal: int  # refused by the state machine
    strange: int  # about no call we know
    failed: int  # broke something of ours: each one is a bug


class CallDesk:
    """Implements SignalSink and CallReader. ``parse_caller`` and ``parse_called`` are cti.domain.phone's."""

    def __init__(
        self,
        bus: EventSink,
        directory: Directory,
        *,
        parse_caller: Callable[[str, str], CallerNumber],
        parse_called: Callable[[str], str],
        on_overflow: Callable[[], None] = lambda: None,
        maxsize: int = QUEUE_MAX,
    ) -> None:
        self._bus = bus
        self._directory = directory
        self._parse_caller = parse_caller
        self._parse_called = parse_called
        self.on_overflow = on_overflow
        self._maxsize = maxsize
        self._queue: deque[Signal] = deque()
        self._wake = asyncio.Event()
        self._overflowing = False
        self._closing = False
        self._at_work = False
        self._prompt_left = 0  # signals that may still be applied as they come, before the consumer gets a turn
        self._task: asyncio.Task[None] | None = None
        self._tracks: dict[CallId, Track] = {}
        self._of_channel: dict[UniqueId, CallId] = {}
        self._ended: OrderedDict[CallId, Track] = OrderedDict()
        self._early: OrderedDict[CallId, list[Signal]] = OrderedDict()
        self._restored: set[CallId] = set()  # until the first snapshot
        self._counts = dict.fromkeys(("accepted", "dropped", "illegal", "strange", "failed"), 0)
        self.link_up = False
        # What is not about one call that is known; all else moves one.
        self._takers: dict[type[Signal], Callable[[Any], None]] = {
            DeviceChanged: self._phone,
            LinkChanged: self._link,
            ChannelsSeen: self._end_unseen,
            CallerArrived: self._arrive,
            CallAccounted: self._account,
        }

    # -- what others see -------------------------------------------------------------------------------

    def live(self, call_id: CallId) -> Call | None:
        """The live call, or None."""
        track = self._tracks.get(call_id)
        return track.call if track else None

    def all_live(self, tenant: TenantId | None = None) -> tuple[Call, ...]:
        """Live calls, oldest first; of one tenant or of all."""
        calls = (t.call for t in self._tracks.values() if tenant is None or t.call.tenant == tenant)
        return tuple(sorted(calls, key=lambda call: call.arrived_at))

    def known(self) -> Mapping[CallId, CallState]:
        """State by call, for whoever compares with a snapshot."""
        return {call_id: track.call.state for call_id, track in self._tracks.items()}

    @property
    def alive(self) -> bool:
        """Whether the consumer runs."""
        return self._task is not None and not self._task.done()

    @property
    def stats(self) -> DeskStats:
        """Counters as of now."""
        c = self._counts
        return DeskStats(
            live=len(self._tracks),
            queued=len(self._queue),
            accepted=c["accepted"],
            dropped=c["dropped"],
            illegal=c["illegal"],
            strange=c["strange"],
            failed=c["failed"],
        )

    # -- life ------------------------------------------------------------------------------------------

    def post(self, signal: Signal) -> None:
        """Apply a signal now if none is before it, else put it in line; in a burst each 32nd waits for the loop.

        Never blocks; past the limit it is lost, and a resync asked for once.
        """
        if self._prompt_left and not self._queue and not self._at_work:
            self._prompt_left -= 1
            self._apply_safely(signal)
            return
        if len(self._queue) >= self._maxsize:
            self._counts["dropped"] += 1
            if not self._overflowing:
                self._overflowing = True
                log.error("the call desk does not keep up and loses signals")
            return
        self._queue.append(signal)
        self._wake.set()

    async def start(self) -> None:
        """Begin to consume."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="call-desk")

    async def stop(self, deadline_s: float = 2.0) -> None:
        """Apply what is queued within ``deadline_s``, then end. Live calls stay as they are: Asterisk owns them."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            _, pending = await asyncio.wait({self._task}, timeout=deadline_s)
            for task in pending:
                task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def restore(self, calls: Iterable[Call]) -> int:
        """Take back calls that were live when the server stopped; the first snapshot corrects them. Says how many."""
        count = 0
        for call in calls:
            if call.state is not CallState.ENDED and call.call_id not in self._tracks:
                self._keep(callrestore.restored(call))
                self._restored.add(call.call_id)
                count += 1
        return count

    def take_link(self, event: ev.CallLinked) -> None:
        """The look-up's answer becomes part of the call. Subscribe this to CallLinked."""
        for tracks in (self._tracks, self._ended):
            track = tracks.get(event.call_id)
            if track is not None:
                tracks[event.call_id] = update(track, link=event.link)

    async def _run(self) -> None:
        turn = 0
        while True:
            while self._queue:
                self._apply_safely(self._queue.popleft())
                turn += 1
                if turn % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
            if self._overflowing:
                self._overflowing = False
                try:
                    self.on_overflow()
                except Exception:
                    log.exception("asking for a snapshot after an overflow failed")
            if self._closing:
                return
            self._prompt_left = YIELD_EVERY
            self._wake.clear()
            await self._wake.wait()
            self._prompt_left = 0

    # -- signals ---------------------------------------------------------------------------------------

    def _apply_safely(self, signal: Signal) -> None:
        self._at_work = True
        try:
            self.apply(signal)
        except IllegalMove as error:
            self._counts["illegal"] += 1
            log.warning(
                "a signal does not fit the state of its call",
                extra={"call_id": error.call_id, "action": error.event, "state": error.state},
            )
        except Exception:
            self._counts["failed"] += 1
            log.exception("applying a signal failed", extra={"action": type(signal).__name__})
        finally:
            self._at_work = False

    def apply(self, signal: Signal) -> None:
        """Apply one signal now. For the consumer, and for tests that need no task. Raises IllegalMove."""
        self._takers.get(type(signal), self._move)(signal)

    def _link(self, signal: LinkChanged) -> None:
        self.link_up = signal.up
        self._bus.publish(ev.AsteriskReachable(at=signal.at, tenant=TenantId(""), up=signal.up))

    def _arrive(self, signal: CallerArrived) -> None:
        if signal.call_id is None or signal.call_id in self._tracks or signal.call_id in self._ended:
            return  # a snapshot tells of known calls too
        caller = self._parse_caller(signal.caller_number, signal.caller_name)
        self._accept(begin(signal, caller, self._parse_called(signal.number_called)))
        for early in self._early.pop(signal.call_id, ()):
            self._move(early)

    def _account(self, signal: CallAccounted) -> None:
        """A call that ended unseen, as Asterisk's own account tells it. Told twice, it changes nothing."""
        record = signal.call
        track = self._tracks.get(record.call_id)
        if record.call_id in self._ended:
            return
        if track is None:
            self._accept(callrestore.found(record))
            return
        vanished = callfsm.advance(track, CallVanished(at=signal.at, call_id=record.call_id))
        self._accept(callrestore.accounted(vanished, record))

    def _move(self, signal: Signal) -> None:
        call_id = self._call_of(signal)
        track = self._tracks.get(call_id) if call_id else None
        if track is None:
            self._stray(signal, call_id)
            return
        agent = self._agent_in(signal, track) if type(signal) in _OF_A_PHONE else None
        self._accept(callfsm.advance(track, signal, agent))

    def _call_of(self, signal: Signal) -> CallId | None:
        if isinstance(signal, ChannelSignal):
            return self._of_channel.get(signal.uniqueid) or signal.call_id
        if isinstance(signal, OfferDecided):
            return signal.offer.call_id
        if isinstance(signal, OF_CALL):
            return signal.call_id
        return None

    def _stray(self, signal: Signal, call_id: CallId | None) -> None:
        """A signal about no live call: a menu's before or after it, a leg's sound after it, else nothing."""
        ended = self._ended.get(call_id) if call_id is not None else None
        if ended is not None and isinstance(signal, MenuEnded | LegSounded):
            self._accept(callfsm.advance(ended, signal))
        elif call_id is not None and ended is None and isinstance(signal, MenuBegan | MenuEnded):
            held = self._early.setdefault(call_id, [])
            if len(held) < EARLY_EACH:
                held.append(signal)
            while len(self._early) > EARLY_KEPT:
                self._early.popitem(last=False)
        elif not isinstance(signal, MenuBegan):
            self._counts["strange"] += 1

    def _accept(self, step: Step) -> None:
        track, facts = step
        self._counts["accepted"] += 1
        self._keep(track)
        for fact in facts:
            self._bus.publish(fact)

    def _keep(self, track: Track) -> None:
        call = track.call
        if call.state is CallState.ENDED:
            before = self._tracks.pop(call.call_id, None)
            for leg in before.legs if before else ():
                self._of_channel.pop(leg.uniqueid, None)
            self._of_channel.pop(call.uniqueid, None)
            self._ended[call.call_id] = track
            while len(self._ended) > ENDED_KEPT:
                self._ended.popitem(last=False)
            return
        before = self._tracks.get(call.call_id)
        if before is None or before.legs is not track.legs:
            for leg in before.legs if before else ():
                self._of_channel.pop(leg.uniqueid, None)
            for leg in track.legs:
                self._of_channel[leg.uniqueid] = call.call_id
            self._of_channel[call.uniqueid] = call.call_id
        self._tracks[call.call_id] = track

    # -- agents and phones -----------------------------------------------------------------------------

    def _agent_in(self, signal: Signal, track: Track) -> AgentId | None:
        """Whose phone it is about, for those signals where :func:`callfsm.advance` asks."""
        if isinstance(signal, DialBegan | DialEnded):  # its agent's channel is not the one it is about
            return self._agent_of(signal.agent_channel, track.call.tenant)
        if isinstance(signal, RecordingBegan) and signal.uniqueid != track.call.uniqueid:
            return self._agent_of(signal.channel, track.call.tenant)
        if isinstance(signal, LegPlaced | Transferred) and signal.by is not None:
            return self._agent_of(signal.by, track.call.tenant)
        return None

    def _agent_of(self, channel: ChannelName, tenant: TenantId) -> AgentId | None:
        endpoint = _endpoint_of(channel)
        found = self._directory.agent_of_endpoint(endpoint) if endpoint else None
        return found[1] if found and found[0] == tenant else None

    def _phone(self, signal: DeviceChanged) -> None:
        found = self._directory.agent_of_endpoint(signal.endpoint)
        if found is not None:
            tenant, agent = found
            self._bus.publish(ev.AgentPhoneChanged(at=signal.at, tenant=tenant, agent=agent, phone=signal.state))

    # -- snapshots -------------------------------------------------------------------------------------

    def _end_unseen(self, seen: ChannelsSeen) -> None:
        """Calls and legs that Asterisk does not have (any more) have ended without our seeing it."""
        for call_id, track in list(self._tracks.items()):
            if track.call.uniqueid not in seen.uniqueids:
                log.warning("a call ended without being seen", extra={"call_id": call_id})
                self._accept(callfsm.advance(track, CallVanished(at=seen.at, call_id=call_id)))
                continue
            for leg in (*track.legs, *((track.second,) if track.second else ())):
                if leg.uniqueid not in seen.uniqueids:
                    self._move(_gone(leg, call_id, seen))
        for call_id in self._restored & self._tracks.keys():
            ringing = {leg.offer_id for leg in self._tracks[call_id].legs}
            for offer in self._tracks[call_id].offers:  # whoever made it is gone; perhaps no phone rings for it
                if offer.offer_id not in ringing:
                    offer_id, outcome = offer.offer_id, OfferOutcome.WITHDRAWN
                    self._move(OfferTakenBack(at=seen.at, call_id=call_id, offer_id=offer_id, outcome=outcome))
        self._restored.clear()


@lru_cache(maxsize=ENDPOINTS_KEPT)
def _endpoint_of(channel: ChannelName) -> str | None:
    match = _PHONE.match(channel)
    return match["endpoint"] if match else None


def _gone(leg: Leg, call_id: CallId, seen: ChannelsSeen) -> ChannelHungUp:
    return ChannelHungUp(
        at=seen.at, channel=leg.channel, uniqueid=leg.uniqueid, call_id=call_id, cause=0, cause_text="unseen"
    )
