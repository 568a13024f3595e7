"""Routing, joined to the call desk, to Asterisk and to the pages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

import asyncpg

from cti.bus import Bus
from cti.calls import CallDesk
from cti.config import Config
from cti.domain.events import AsteriskReachable
from cti.domain.model import AgentId, AgentState, TenantId
from cti.domain.pop import PopPhase
from cti.domain.ports import Telephony
from cti.web.ports import AgentStatus, HoursFact, LiveFacts, QueueFact, WaitingFact
from cti.wiring.directory import DeskDirectory
from cti.wiring.journals import Journals
from routing.service import RoutingService
from routing.snapshot import AgentNow, QueueNow
from routing.store import RoutingStore


class RoutingDesk:
    """Implements cti.web.ports.Desk over the routing service."""

    def __init__(self, service: RoutingService) -> None:
        self._service = service
        self.absent = service.absent
        self.supervisors = service.supervisors
        self.reload = service.reload
        self.states = service.states

    def alive(self) -> bool:
        """Whether decisions are made when they are due."""
        return self._service.alive

    def why_not(self) -> str | None:
        """Why nobody is offered a call, or None."""
        if not self._service.alive:
            return "decisions are made too late"
        if not self._service.snapshot(TenantId("")).asterisk_up:
            return "what became of the calls meanwhile is not known yet"
        return None

    def agent(self, tenant: TenantId, agent: AgentId) -> AgentStatus | None:
        """See the port."""
        now = self._service.agent(tenant, agent)
        return _agent(now) if now is not None else None

    def live(self, tenant: TenantId) -> LiveFacts:
        """See the port."""
        now = self._service.snapshot(tenant)
        return LiveFacts(
            queues=tuple(_queue(queue) for queue in now.queues),
            agents=tuple(_agent(agent) for agent in now.agents),
            asterisk_up=now.asterisk_up,
        )

    async def choose_state(self, tenant: TenantId, agent: AgentId, state: AgentState, reason: str) -> None:
        """See the port."""
        self.set_state(tenant, agent, state, reason, by=agent)

    def phone_anew(self, tenant: TenantId, agent: AgentId) -> None:
        """See the port."""
        self._service.phone_anew(tenant, agent)

    def set_state(self, tenant: TenantId, agent: AgentId, state: AgentState, reason: str, *, by: str) -> None:
        """A supervisor set it. Raises NotFound and CallerError."""
        self._service.choose_state(tenant, agent, state, reason, by=by)


def _agent(now: AgentNow) -> AgentStatus:
    return AgentStatus(
        agent=now.agent,
        name=now.name,
        state=now.state,
        reason=now.reason,
        since=now.since,
        until=now.until,
        phone=now.phone,
        phone_since=now.phone_since,
        skills=now.skills,
        call_id=now.call_id,
        call_queue=now.call_queue,
        call_phase=PopPhase(now.call_phase) if now.call_phase else None,
        call_since=now.call_since,
    )


def _queue(now: QueueNow) -> QueueFact:
    hours = now.hours
    return QueueFact(
        queue=now.queue,
        service_level_s=now.service_level_s,
        waiting=tuple(
            WaitingFact(
                call_id=call.call_id,
                since=call.since,
                attempts=call.attempts,
                offered_to=call.offered_to,
                priority=call.priority,
                expected_s=call.expected_s,
            )
            for call in now.waiting
        ),
        waiting_count=now.waiting_count,
        talking=now.talking,
        agents_available=now.agents_available,
        agents_logged_in=now.agents_logged_in,
        nobody_for=now.nobody_for,
        hours=None if hours is None else HoursFact(open=hours.open, name=hours.name, until=hours.until),
    )


async def start(
    config: Config,
    bus: Bus,
    desk: CallDesk,
    telephony: Telephony,
    directory: DeskDirectory,
    pool: asyncpg.Pool[Any],
    journals: Journals,
    now: Callable[[], datetime],
    cleanup: AsyncExitStack,
) -> RoutingDesk:
    """The desk and the agents' last states loaded, the calls of before the start taken in, facts from now on."""
    store = RoutingStore(pool, journals.routing)
    journals.writers.append(store)
    await store.recover()
    await store.start()
    cleanup.push_async_callback(store.stop)
    service = RoutingService(
        telephony=telephony,
        sink=desk,
        events=bus,
        directory=directory,
        store=store,
        sounds=str(config.asterisk.sounds_dir / "kakehashi"),
        clock=now,
    )
    await service.start()
    cleanup.push_async_callback(service.stop)
    # Until Asterisk has told what became of these calls meanwhile, nobody is rung for them.
    service.handle(AsteriskReachable(at=now(), tenant=TenantId(""), up=False))
    service.resync(desk.all_live())
    bus.subscribe(
        "routing",
        service.handle,
        kinds=service.KINDS,
        overflowed=lambda _: service.resync(desk.all_live()),
        prompt=True,
    )
    return RoutingDesk(service)
