"""From a decision to those who carry it out: Asterisk is asked, the call desk is told, then it is written down.

All of it is synchronous: between an agent getting free and the action leaving for Asterisk nothing waits, neither a
lock nor a disk, and the call desk knows of an offer before anything Asterisk says of it is read. Only Telephony's own
answer is awaited, in a task.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any

from cti.domain import events as ev
from cti.domain.errors import NotFound, Unavailable
from cti.domain.model import AgentId, Call, CallId, ChannelName, Offer, OfferId, OfferOutcome
from cti.domain.ports import Directory, EventSink, SignalSink, Telephony
from cti.domain.signals import OfferDecided, OfferTakenBack, TreatmentDecided
from routing import model as m
from routing.announce import Announcer, words
from routing.desk import DecisionRow, DeskStore, StateRow, TenantDesk
from routing.engine import Engine
from routing.reasons import packed

log = logging.getLogger(__name__)


class Room:
    """One tenant: the engine and what is kept beside it."""

    def __init__(self, desk: TenantDesk, new_offer_id: Callable[[], OfferId]) -> None:
        self.desk = desk
        self.engine = Engine(new_offer_id)
        self.announcer = Announcer()
        self.held: set[CallId] = set()
        self.told: dict[CallId, set[str]] = {}  # announcements that a caller has heard
        self.legs: dict[AgentId, tuple[OfferId, ChannelName]] = {}  # the phone that rang last at each agent's


def _offer(room: Room, made: m.Offered, ring: OfferId | None, now: datetime) -> Offer:
    return Offer(
        offer_id=made.offer_id,
        tenant=room.desk.tenant,
        call_id=made.call_id,
        queue=made.queue,
        agent=made.agent,
        ring_s=made.ring_s,
        reason=packed(made.reason),
        made_at=now,
        attempt=made.attempt,
        ring=ring,
    )


class Dispatcher:
    """Carries decisions out. ``tell`` brings the news of what failed back to the engine."""

    def __init__(
        self,
        *,
        telephony: Telephony,
        sink: SignalSink,
        events: EventSink,
        directory: Directory,
        store: DeskStore,
        sounds: str | None,
        now: Callable[[], datetime],
        tell: Callable[[Room, m.Told], None],
    ) -> None:
        self._telephony = telephony
        self._sink = sink
        self._events = events
        self._directory = directory
        self._store = store
        self._sounds = sounds
        self._now = now
        self._tell = tell
        self._tasks: set[asyncio.Task[None]] = set()
        self.channels: dict[CallId, ChannelName] = {}  # of callers who wait, ring or are being treated
        self.absent: set[CallId] = set()  # calls in line that have no channel (routing.absent)
        self.turn: Callable[[Offer], None] = lambda _: None  # what is done when it is their turn
        self.offers = self.treatments = self.failures = 0

    async def stop(self, deadline_s: float) -> None:
        """Let actions that are under way finish."""
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=deadline_s)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    def act(self, room: Room, decision: m.Decision, now: datetime, by: str) -> None:
        match decision:
            case m.Offered():
                self._make_offer(room, decision, now)
            case m.TakenBack():
                self._take_back(room, decision, now)
            case m.PassedOver():
                self._keep(
                    room, "taken_back", decision.reason, now, call_id=decision.call_id, agent=decision.agent,
                    offer_id=decision.offer_id, result=OfferOutcome.WITHDRAWN.value,
                )  # fmt: skip
            case m.Treated():
                self._treat(room, decision, now, by)
            case m.Stepped():
                self._keep(room, "step", decision.reason, now, call_id=decision.call_id, queue=decision.queue)
            case m.Prioritised():
                reason = decision.reason
                self._keep(room, "priority", reason, now, call_id=decision.call_id, queue=decision.queue, by=by)
            case m.Moved():
                self._move(room, decision, now, by)

    def _make_offer(self, room: Room, made: m.Offered, now: datetime) -> None:
        ring = made.offer_id if made.also else None
        offer, *also = (_offer(room, one, ring, now) for one in (made, *made.also))
        if made.call_id in self.absent:
            self.turn(offer)
            self._keep(room, "turn", made.reason, now, call_id=made.call_id, queue=made.queue, agent=made.agent)
            return
        offers = (offer, *also)
        self.offers += len(offers)
        phones = {each.offer_id: self._endpoint_of(each) for each in offers}
        # On its way before anybody else is told: what they do with it is a third of the time until the phone rings.
        asked = self._ask_to_ring(offers, phones)
        self._sink.post(OfferDecided(at=now, offer=offer, also=tuple(also)))
        for unheard in (each for each in offers if phones[each.offer_id] is None):
            self._no_phone(room, unheard)
        if asked is not None:
            rung = [each for each in offers if phones[each.offer_id] is not None]
            self._spawn(self._rings(room, rung, asked))
        for one in (made, *made.also):
            self._keep(
                room, "offered", one.reason, now, call_id=one.call_id, queue=one.queue, agent=one.agent,
                offer_id=one.offer_id,
            )  # fmt: skip

    def _ask_to_ring(self, offers: Sequence[Offer], phones: Mapping[OfferId, str | None]) -> Awaitable[None] | None:
        """One Dial for all: Asterisk connects the first that answers. None: nobody to ring, or hung up since."""
        channel = self.channels.get(offers[0].call_id)
        there = [(offer, phone) for offer in offers if (phone := phones[offer.offer_id]) is not None]
        if channel is None or not there:
            return None
        first, endpoint = there[0]
        return self._telephony.offer(first, channel=channel, endpoint=endpoint, also=[phone for _, phone in there[1:]])

    async def _rings(self, room: Room, offers: Sequence[Offer], asked: Awaitable[None]) -> None:
        if not await self._ask(asked, "offer", offers[0].call_id):
            for offer in offers:
                self._tell(room, m.OfferFailed(offer_id=offer.offer_id))

    def _endpoint_of(self, offer: Offer) -> str | None:
        try:
            return self._directory.endpoint_of(offer.tenant, offer.agent)
        except NotFound:
            return None

    def _no_phone(self, room: Room, offer: Offer) -> None:
        """The agent has none, so the offer is over."""
        log.error("an agent has no phone", extra={"call_id": offer.call_id, "agent": offer.agent})
        outcome = OfferOutcome.UNREACHABLE
        taken = OfferTakenBack(at=self._now(), call_id=offer.call_id, offer_id=offer.offer_id, outcome=outcome)
        self._sink.post(taken)
        self._tell(room, m.OfferOver(offer_id=offer.offer_id, outcome=outcome))

    def _take_back(self, room: Room, back: m.TakenBack, now: datetime) -> None:
        self._sink.post(OfferTakenBack(at=now, call_id=back.call_id, offer_id=back.offer_id, outcome=back.outcome))
        channel = self.channels.get(back.call_id)
        if back.rings_on:
            rang, leg = room.legs.get(back.agent, (None, None))
            if leg is not None and rang == back.offer_id:
                self._spawn(self._only_ask(self._telephony.stop_ring(leg=leg), "stop_ring", back.call_id))
        elif channel is not None:
            self._spawn(self._only_ask(self._telephony.take_back(channel=channel), "take_back", back.call_id))
        self._keep(
            room, "taken_back", back.reason, now, call_id=back.call_id, agent=back.agent, offer_id=back.offer_id,
            result=back.outcome.value,
        )  # fmt: skip

    def _treat(self, room: Room, treated: m.Treated, now: datetime, by: str) -> None:
        self.treatments += 1
        if treated.then.do is not m.Do.QUEUE:  # whoever goes on waits on
            room.announcer.leave(treated.call_id)
            self._sink.post(TreatmentDecided(at=now, call_id=treated.call_id, treatment=treated.treatment))
        channel = self.channels.get(treated.call_id)
        if channel is not None:
            self._spawn(self._send_treatment(room, treated, channel))
        self._keep(
            room, "treated", treated.reason, now, call_id=treated.call_id, queue=treated.queue,
            result=treated.treatment, by=by if treated.treatment == m.MOVED else "",
        )  # fmt: skip

    async def _send_treatment(self, room: Room, treated: m.Treated, channel: ChannelName) -> None:
        if not await self._ask(self._carry_out(room, treated, channel), "treat", treated.call_id):
            self._tell(room, m.TreatmentFailed(call_id=treated.call_id))

    async def _carry_out(self, room: Room, treated: m.Treated, channel: ChannelName) -> None:
        """Send the caller to the words, to the machine that takes a message, or to another queue's waiting loop."""
        then = treated.then
        if then.do is m.Do.QUEUE:
            call = room.engine.call(treated.call_id)
            variables = {"CTI_QUEUE": str(then.to)}
            if then.text is not None and call is not None:
                variables["CTI_SAY"] = self.sound(then.text, call.language or room.desk.language)
            await self._telephony.set_variables(channel=channel, variables=variables)
            await self._telephony.take_back(channel=channel)
            return
        await self._telephony.set_variables(channel=channel, variables={"CTI_OWN_TEXT": then.text or ""})
        name = "voicemail" if then.do is m.Do.VOICEMAIL else treated.treatment
        await self._telephony.treat(channel=channel, treatment=name)

    def sound(self, name: str, language: str) -> str:
        """A sound file as Asterisk names it."""
        return f"{self._sounds}/{language}/{name}"

    def _move(self, room: Room, moved: m.Moved, now: datetime, by: str) -> None:
        tenant, slug = room.desk.tenant, moved.reason.slug
        self._events.publish(
            ev.AgentStateChanged(
                at=now, tenant=tenant, agent=moved.agent, state=moved.state, reason=slug, until=moved.until
            )
        )
        self._store.put_state(
            StateRow(tenant=tenant, agent=moved.agent, state=moved.state, reason=slug, since=now, by=by)
        )
        self._keep(room, "moved", moved.reason, now, agent=moved.agent, result=moved.state.value, by=by)

    def _keep(self, room: Room, kind: str, reason: m.Reason, now: datetime, **fields: Any) -> None:
        row = DecisionRow(tenant=room.desk.tenant, at=now, kind=kind, slug=reason.slug, params=reason.params, **fields)
        self._store.put_decision(row)

    # --- Asterisk ---

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        loop = asyncio.get_running_loop()
        # 3.12 begins the task here and now; 3.11 right after the callbacks that are already due. Neither waits for I/O.
        if sys.version_info >= (3, 12):
            task = asyncio.Task(work, loop=loop, eager_start=True)
        else:
            task = loop.create_task(work)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, action: Awaitable[None], name: str, call_id: CallId) -> bool:
        """Whether Asterisk did it. What it did not do is counted and told; the engine decides what follows."""
        try:
            await action
        except (NotFound, Unavailable) as error:
            self.failures += 1
            extra = {"call_id": call_id, "action": name, "error": type(error).__name__}
            log.warning("Asterisk did not do what routing asked", extra=extra)
            return False
        except Exception:
            self.failures += 1
            log.exception("asking Asterisk failed", extra={"call_id": call_id, "action": name})
            return False
        return True

    async def _only_ask(self, action: Coroutine[Any, Any, None], name: str, call_id: CallId) -> None:
        await self._ask(action, name, call_id)

    def announce(self, room: Room, call: Call, now: datetime) -> None:
        """Have a caller who waits hear what is announced for their queue or number, each once."""
        known = room.engine.call(call.call_id)
        channel = self.channels.get(call.call_id)
        if known is None or known.key is None or channel is None or self._sounds is None:
            return
        told = room.told.get(call.call_id, set())
        news = [
            it
            for it in room.desk.announcements
            if it.announcement not in told and it.is_for(known.queue.queue, call.number_called, now)
        ]
        if not news:
            return
        room.told[call.call_id] = told | {it.announcement for it in news}
        language = known.language or room.desk.language
        variables = {"CTI_SAY": "&".join(self.sound(it.sound, language) for it in news)}
        asked = self._telephony.set_variables(channel=channel, variables=variables)
        self._spawn(self._only_ask(asked, "announce", call.call_id))

    def comfort(self, room: Room, call_id: CallId, turn: int) -> None:
        """Have a waiting caller hear what is due: their place in line, or words of the queue's own."""
        call, channel = room.engine.call(call_id), self.channels.get(call_id)
        if call is None or channel is None:
            room.announcer.leave(call_id)
            return
        position = room.engine.position(call)
        if position is None or self._sounds is None:
            return
        comfort, language = room.desk.comfort_of(call.queue.queue), call.language or room.desk.language

        def wait_min() -> int | None:
            return room.announcer.wait_min(call_id, room.engine.wait_to_tell_s(call, self._now()))

        said = words(comfort, turn, position, wait_min)
        variables = {"CTI_SAY": "&".join(self.sound(name, language) for name in said)}
        asked = self._telephony.set_variables(channel=channel, variables=variables)
        self._spawn(self._only_ask(asked, "comfort", call_id))
