"""Routing at work: facts from the bus go into the engine, its decisions to the call desk and to Asterisk.

One engine a tenant. How a decision is carried out is in routing.dispatch.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cti.domain import events as ev
from cti.domain.callend import lost_by
from cti.domain.errors import CallerError, NotFound
from cti.domain.model import AgentId, AgentState, Call, CallId, CallState, OfferId, PhoneState, TenantId
from cti.domain.ports import Directory, EventSink, SignalSink, Telephony
from routing import model as m
from routing.absent import Absentees
from routing.desk import DeskStore, TenantDesk
from routing.dispatch import Dispatcher, Room
from routing.lastagents import LastAgents
from routing.ringing import PhoneAnew
from routing.snapshot import AgentNow, DeskNow, RoutingStats, agent_now, desk_now
from routing.supervisors import Supervisors

log = logging.getLogger(__name__)

# A timer that is this late means a loop that stands still; the heartbeat's own limit is 4 s.
LATE_S = 3.0
REASON = re.compile(r"[a-z0-9_-]{0,64}\Z")  # a slug, or nothing


class RoutingService:
    """Subscribe :meth:`handle` to :attr:`KINDS`; call :meth:`resync` with the live calls at start and after a gap.

    ``sounds``: the folder that holds ``ja/`` and ``en/``, as Asterisk sees it; None: no announcements.
    ``clock`` gives aware UTC instants.
    """

    KINDS: tuple[type[ev.Event], ...] = (
        ev.CallLinked,
        ev.CallQueued,
        ev.CallRinging,
        ev.OfferEnded,
        ev.CallAnswered,
        ev.CallHeld,
        ev.CallResumed,
        ev.CallEnded,
        ev.CallFellBack,
        ev.CallTreated,
        ev.AgentFreed,
        ev.AgentPhoneChanged,
        ev.AsteriskReachable,
    )

    def __init__(
        self,
        *,
        telephony: Telephony,
        sink: SignalSink,
        events: EventSink,
        directory: Directory,
        store: DeskStore,
        sounds: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_offer_id: Callable[[], OfferId] = lambda: OfferId(uuid.uuid4().hex),
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_offer_id = new_offer_id
        self._rooms: dict[TenantId, Room] = {}
        self._last_agents = LastAgents(store, self._last_agent_is)
        self._dispatch = Dispatcher(
            telephony=telephony,
            sink=sink,
            events=events,
            directory=directory,
            store=store,
            sounds=sounds,
            now=self._now,
            tell=self._tell,
        )
        self.absent = Absentees(
            room=self._room, tell=self._tell, wait=self._wait, dispatch=self._dispatch, now=self._now
        )
        self.supervisors = Supervisors(rooms=self._rooms, tell=self._tell, now=self._now)
        self._phones: dict[tuple[TenantId, AgentId], PhoneState] = {}  # also of agents not configured yet
        self._up = True
        self._last = datetime.min.replace(tzinfo=UTC)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: datetime | None = None
        self._reloading = asyncio.Lock()
        self._handlers: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.CallLinked: self._call_linked,
            ev.CallQueued: self._call_queued,
            ev.CallRinging: self._call_ringing,
            ev.OfferEnded: self._offer_ended,
            ev.CallAnswered: self._call_answered,
            ev.CallHeld: self._call_held,
            ev.CallResumed: self._call_resumed,
            ev.CallEnded: self._call_left,
            ev.CallFellBack: self._call_left,
            ev.CallTreated: self._call_left,
            ev.AgentFreed: self._agent_freed,
            ev.AgentPhoneChanged: self._phone_changed,
            ev.AsteriskReachable: self._asterisk_reachable,
        }

    # --- Life ---

    async def start(self) -> None:
        """Load the desk, the agents' last states, the priorities that people gave. Raises Unavailable."""
        await self.reload()
        self.supervisors.given = await self._store.priorities()
        for row in await self._store.states():
            room = self._rooms.get(row.tenant)
            if room is not None:
                told = m.AgentRestored(agent=row.agent, state=row.state, reason=row.reason, since=row.since)
                self._tell(room, told)

    async def reload(self) -> None:
        """Read the desk again, after each `config apply`; applies to waiting calls at once. Raises Unavailable."""
        async with self._reloading:  # a slow reading must not end behind a newer one
            self._obey(await self._store.load())

    def _obey(self, desks: Sequence[TenantDesk]) -> None:
        for desk in desks:
            room = self._room(desk.tenant)
            new = [rule.agent for rule in desk.rules.agents if room.engine.agent(rule.agent) is None]
            room.desk = desk
            self._tell(room, m.DeskLoaded(rules=desk.rules))
            for agent in new:
                phone = self._phones.get((desk.tenant, agent))
                if phone is not None:
                    self._tell(room, m.PhoneIs(agent=agent, phone=phone))
        for tenant in self._rooms.keys() - {desk.tenant for desk in desks}:
            self._tell(self._rooms[tenant], m.DeskLoaded(rules=m.DeskRules()))

    def resync(self, calls: Iterable[Call]) -> None:
        """Make the engines agree with the calls that live now: after a restart, and after facts were lost."""
        live = {call.call_id: call for call in calls}
        for room in self._rooms.values():
            talking = [agent.call for agent in room.engine.agents() if agent.call is not None]
            for call_id in [call.call_id for call in room.engine.calls()] + talking:
                if call_id not in live and call_id not in self._dispatch.absent:
                    self._gone(room, call_id)
        for call in live.values():
            self._take_in(self._room(call.tenant), call)

    async def stop(self, deadline_s: float = 2.0) -> None:
        """Decide nothing more; let actions that are under way finish."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._rooms.clear()
        await self._last_agents.stop()
        await self._dispatch.stop(deadline_s)

    # --- Questions and wishes ---

    def choose_state(self, tenant: TenantId, agent: AgentId, state: AgentState, reason: str, by: str) -> None:
        """An agent, or a supervisor for them, chose a state. ``by``: the log-in who asked.

        Raises NotFound (no such agent) and CallerError (a state that cannot be chosen now, a reason that is no slug).
        """
        room = self._rooms.get(tenant)
        if room is None:
            raise NotFound(f"no desk {tenant!r}")
        if not REASON.match(reason):
            raise CallerError("a reason is a slug: up to 64 of a-z, 0-9, '_' and '-'")
        self._tell(room, m.AgentChooses(agent=agent, state=state, reason=reason), by=by)

    def phone_anew(self, tenant: TenantId, agent: AgentId) -> None:
        """The agent's page has just become their phone: what rang before goes back, as nobody can answer it there."""
        if tenant in self._rooms:
            self._tell(self._rooms[tenant], PhoneAnew(agent=agent))

    def agent(self, tenant: TenantId, agent: AgentId) -> AgentNow | None:
        """One agent, now; None when there is no such agent."""
        room = self._rooms.get(tenant)
        found = room.engine.agent(agent) if room is not None else None
        if room is None or found is None:
            return None
        return agent_now(found, room.desk.agent(agent), room.held)

    def states(self) -> dict[tuple[TenantId, AgentId], AgentState]:
        """Every agent's state, now; the cheap part of a snapshot."""
        return {
            (tenant, agent.agent): agent.state for tenant, room in self._rooms.items() for agent in room.engine.agents()
        }

    def snapshot(self, tenant: TenantId) -> DeskNow:
        """A tenant's queues and agents, now."""
        room = self._rooms.get(tenant)
        if room is None:
            return DeskNow(queues=(), agents=(), asterisk_up=self._up)
        return desk_now(room.engine, room.desk.agents, room.held, up=self._up, now=self._now())

    @property
    def alive(self) -> bool:
        """Whether what was due has been done: False when the clock stands still or decisions come too late."""
        first = self._first_due()
        return first is None or (self._clock() - first).total_seconds() < LATE_S

    @property
    def stats(self) -> RoutingStats:
        """Counters as of now."""
        calls = [call for room in self._rooms.values() for call in room.engine.calls()]
        return RoutingStats(
            waiting=sum(not call.offers for call in calls),
            offers_live=sum(len(call.offers) for call in calls),
            offers=self._dispatch.offers,
            treatments=self._dispatch.treatments,
            failures=self._dispatch.failures,
        )

    # --- Facts in ---

    def handle(self, event: ev.Event) -> None:
        """Take one fact in. Never blocks."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def _call_linked(self, event: ev.CallLinked) -> None:
        self._last_agents.linked(event, self._room(event.tenant).desk.rules)

    def _last_agent_is(self, event: ev.CallLinked, agent: AgentId) -> None:
        self._tell(self._room(event.tenant), m.LastAgentIs(call_id=event.call_id, agent=agent))

    def _call_queued(self, event: ev.CallQueued) -> None:
        self._wait(self._room(event.tenant), event.call, event.at)

    def _wait(self, room: Room, call: Call, at: datetime, *, found: bool = False) -> None:
        """A call waits; ``found``: it did so before we looked."""
        if call.queue is None:
            log.error("a call waits without a queue", extra={"call_id": call.call_id})
            return
        menu = call.menu
        language = menu.language if menu is not None else room.desk.language
        last = call.talks[-1] if call.talks else None
        told = m.CallWaits(
            call_id=call.call_id,
            queue=call.queue,
            queued_at=self.absent.places.place_of(call) or call.queued_at or at,
            since=(last.ended_at or at) if last is not None else None,
            skills=menu.skills if menu is not None else (),
            language=language,
            attempts=len(call.offers),
            passed_on_by=last.agent if last is not None and lost_by(call) is None else None,
            lost_by=lost_by(call),
            last_agent=self._last_agents.of(call.call_id),
            own_priority=self.supervisors.given.pop((call.tenant, call.call_id), None),
            # Who talked with somebody, or waited without us, is not told now that the queue is closed or full.
            admitted=found or last is not None or call.fallback_at is not None,
        )
        self._dispatch.channels[call.call_id] = call.channel
        if self.absent.here(call):
            told = replace(told, patient=True, admitted=True)
        else:
            room.announcer.enter(call.call_id, self._now(), room.desk.comfort_of(call.queue).every_s)
        self._tell(room, told)
        self._dispatch.announce(room, call, self._now())

    def _call_ringing(self, event: ev.CallRinging) -> None:
        room = self._room(event.tenant)
        if event.agent_channel is not None:
            room.legs[event.agent] = (event.offer_id, event.agent_channel)
        self._rings(room, event.call, event.offer_id, event.agent)

    def _rings(self, room: Room, call: Call, offer_id: OfferId, agent: AgentId) -> None:
        self._dispatch.channels[call.call_id] = call.channel
        told = m.OfferRang(
            offer_id=offer_id, call_id=call.call_id, agent=agent, queue=call.queue, queued_at=call.queued_at
        )
        self._tell(room, told)

    def _offer_ended(self, event: ev.OfferEnded) -> None:
        self._tell(self._room(event.tenant), m.OfferOver(offer_id=event.offer_id, outcome=event.outcome))

    def _call_answered(self, event: ev.CallAnswered) -> None:
        self._talks(self._room(event.tenant), event.call, event.agent)

    def _talks(self, room: Room, call: Call, agent: AgentId) -> None:
        room.announcer.leave(call.call_id)
        self._dispatch.channels.pop(call.call_id, None)
        self._tell(room, m.CallTaken(call_id=call.call_id, agent=agent, queue=call.queue))

    def _call_held(self, event: ev.CallHeld) -> None:
        self._room(event.tenant).held.add(event.call_id)

    def _call_resumed(self, event: ev.CallResumed) -> None:
        self._room(event.tenant).held.discard(event.call_id)

    def _call_left(self, event: ev.CallEvent) -> None:
        self._gone(self._room(event.tenant), event.call_id)

    def _gone(self, room: Room, call_id: CallId) -> None:
        room.announcer.leave(call_id)
        room.told.pop(call_id, None)
        room.held.discard(call_id)
        self._last_agents.over(call_id)
        self._dispatch.channels.pop(call_id, None)
        self._tell(room, m.CallGone(call_id=call_id))

    def _agent_freed(self, event: ev.AgentFreed) -> None:
        room = self._room(event.tenant)
        room.held.discard(event.call_id)
        self._tell(room, m.AgentFree(agent=event.agent, call_id=event.call_id))

    def _phone_changed(self, event: ev.AgentPhoneChanged) -> None:
        self._phones[event.tenant, event.agent] = event.phone
        self._tell(self._room(event.tenant), m.PhoneIs(agent=event.agent, phone=event.phone))

    def _asterisk_reachable(self, event: ev.AsteriskReachable) -> None:
        self._up = event.up
        for room in self._rooms.values():
            self._tell(room, m.LinkIs(up=event.up))

    def _take_in(self, room: Room, call: Call) -> None:
        """One live call, as found."""
        if call.state is CallState.QUEUED:
            if call.voicemail_at is None:  # else they speak to the machine, and nobody takes them out of their message
                self._wait(room, call, self._now(), found=True)
        elif call.state is CallState.OFFERED:
            for offer in call.offers:
                if offer.ended_at is None:
                    self._rings(room, call, offer.offer_id, offer.agent)
        elif call.state in (CallState.TALKING, CallState.HELD):
            if call.state is CallState.HELD:
                room.held.add(call.call_id)
            for talk in call.talks:
                if talk.ended_at is None:
                    self._talks(room, call, talk.agent)

    # --- Decisions out ---

    def _room(self, tenant: TenantId) -> Room:
        room = self._rooms.get(tenant)
        if room is None:
            # A call of a desk that is not loaded: its caller is told that nobody is there instead of hearing music.
            room = self._rooms[tenant] = Room(TenantDesk(tenant=tenant), self._new_offer_id)
            if not self._up:
                room.engine.advance(m.LinkIs(up=False), self._now())
        return room

    def _now(self) -> datetime:
        """Now; never before the last now, whatever the clock is set to."""
        self._last = max(self._last, self._clock())
        return self._last

    def _tell(self, room: Room, told: m.Told, by: str = "") -> None:
        now = self._now()
        for decision in room.engine.advance(told, now):
            self._dispatch.act(room, decision, now, by)
        self._set_timer(now)

    # --- Time ---

    def _set_timer(self, now: datetime) -> None:
        """One timer, for whatever is due first."""
        first = self._first_due()
        if first == self._timer_at and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_at = first
        if first is not None:
            delay_s = max(0.0, (first - now).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self.tick)

    def _first_due(self) -> datetime | None:
        first: datetime | None = None
        for room in self._rooms.values():
            for at in (room.engine.next_deadline(), room.announcer.next_at()):
                if at is not None and (first is None or at < first):
                    first = at
        return first

    def tick(self) -> None:
        """Do what is due. A bug that shows here must not stop the clock of everybody else."""
        self._timer = self._timer_at = None
        now = self._now()
        for room in list(self._rooms.values()):
            try:
                self._tell(room, m.Tick())
                for call_id, turn in room.announcer.due(now):
                    if self._up:
                        self._dispatch.comfort(room, call_id, turn)
            except Exception:
                log.exception("what was due in routing failed", extra={"tenant": room.desk.tenant})
        self._set_timer(now)
