"""Agents and queues as the pages show them. PURE."""

from __future__ import annotations

from collections.abc import Mapping

from cti.domain.model import QueueId, TenantId
from cti.web import ports
from cti.web.boardparts import (
    AgentBody,
    AgentCall,
    AgentLive,
    Board,
    HoursBody,
    QueueFigures,
    QueueLive,
    SkillBody,
    WaitingCall,
)
from cti.web.parts import Named


def named_queue(tenant: TenantId, queue: QueueId, names: ports.Names) -> Named:
    """A queue with its names."""
    ja, en = names.queue(tenant, queue)
    return Named(id=queue, name_ja=ja, name_en=en)


def _skills(tenant: TenantId, status: ports.AgentStatus, names: ports.Names) -> list[SkillBody]:
    found = []
    for one in status.skills:
        ja, en = names.skill(tenant, one.skill)
        found.append(SkillBody(id=one.skill, name_ja=ja, name_en=en, level=one.level))
    return found


def agent_body(tenant: TenantId, status: ports.AgentStatus, names: ports.Names) -> AgentBody:
    """An agent, to themselves."""
    return AgentBody(
        agent=status.agent,
        name=status.name,
        state=status.state,
        reason=status.reason,
        since=status.since,
        until=status.until,
        phone=status.phone,
        phone_since=status.phone_since,
        skills=_skills(tenant, status, names),
    )


def agent_live(tenant: TenantId, status: ports.AgentStatus, names: ports.Names) -> AgentLive:
    """An agent, to everybody at the desk."""
    call = None
    if status.call_id is not None and status.call_phase is not None and status.call_since is not None:
        call = AgentCall(
            call_id=status.call_id,
            queue=status.call_queue,
            phase=status.call_phase.value,
            since=status.call_since,
        )
    return AgentLive(
        agent=status.agent,
        name=status.name,
        state=status.state,
        reason=status.reason,
        since=status.since,
        phone=status.phone,
        call=call,
        skills=_skills(tenant, status, names),
    )


def _figures(figures: ports.Figures) -> QueueFigures:
    return QueueFigures(
        offered=figures.offered,
        answered=figures.answered,
        abandoned=figures.abandoned,
        in_time=figures.in_time,
        service_level=figures.in_time / figures.offered if figures.offered else None,
        asa_s=figures.asa_s,
    )


def _hours(hours: ports.HoursFact) -> HoursBody:
    return HoursBody(open=hours.open, name_ja=hours.name[0], name_en=hours.name[1], until=hours.until)


def _queue_live(
    tenant: TenantId,
    fact: ports.QueueFact,
    names: ports.Names,
    figures: Mapping[QueueId, ports.Figures] | None,
) -> QueueLive:
    waiting = [
        WaitingCall(
            call_id=one.call_id,
            position=place,
            since=one.since,
            attempts=one.attempts,
            offered_to=one.offered_to,
            priority=one.priority,
            expected_s=one.expected_s,
        )
        for place, one in enumerate(fact.waiting[: ports.WAITING_SHOWN], start=1)
    ]
    return QueueLive(
        queue=named_queue(tenant, fact.queue, names),
        service_level_s=fact.service_level_s,
        waiting=waiting,
        waiting_count=fact.waiting_count,
        oldest_since=min((one.since for one in fact.waiting), default=None),
        talking=fact.talking,
        agents_available=fact.agents_available,
        agents_logged_in=fact.agents_logged_in,
        nobody_for=fact.nobody_for,
        hours=None if fact.hours is None else _hours(fact.hours),
        figures=None if figures is None else _figures(figures.get(fact.queue, ports.Figures())),
    )


def board(
    tenant: TenantId,
    live: ports.LiveFacts,
    names: ports.Names,
    figures: Mapping[QueueId, ports.Figures] | None,
    agents: list[AgentLive],
) -> Board:
    """Queues and agents, now. ``figures`` None: the database is away; ``agents``: each of ``live`` as agent_live."""
    return Board(
        queues=[_queue_live(tenant, fact, names, figures) for fact in live.queues],
        agents=agents,
        asterisk_up=live.asterisk_up,
    )
