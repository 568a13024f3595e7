"""A tenant's desk at a glance: queues with their callers, agents with what they do. For the live page and for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from cti.domain.model import AgentId, AgentState, CallId, PhoneState, QueueId, SkillId, SkillLevel
from routing.calendar import Opening
from routing.engine import Engine
from routing.model import QueueRule, Where
from routing.state import Agent, Waiting

# More callers than this are a number on a page, not lines.
SHOWN = 100
# An expected wait costs 0.1 to 0.6 ms on a large desk: it is worked out at these places in line and at the last.
WORKED_OUT = (1, 2, 5, 20)


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingNow:
    """A caller in a queue."""

    call_id: CallId
    position: int | None  # 1 is next; None while a phone rings for them or a treatment is under way
    since: datetime  # first entry into a queue
    priority: int  # with what waiting has added
    attempts: int  # offers so far
    offered_to: AgentId | None  # of several the longest idle
    language: str | None
    skills: tuple[SkillLevel, ...]  # asked for on top of the queue's
    where: str  # routing.model.Where
    expected_s: float | None  # half of the callers in this place wait less from now on; None: nobody is at work


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueNow:
    """A queue."""

    queue: QueueId
    priority: int
    service_level_s: int
    waiting: tuple[WaitingNow, ...]  # in order of service, at most SHOWN
    waiting_count: int
    oldest_since: datetime | None
    talking: int
    agents_available: int  # could take a call of this queue now
    agents_logged_in: int  # skilled for it and not offline
    nobody_for: int  # callers whom nobody who is not offline could ever take
    hours: Opening | None  # open or closed, and until when; None: always open


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentNow:
    """An agent. ``call_…`` is the call they ring for or are in."""

    agent: AgentId
    name: str
    state: AgentState
    reason: str  # slug
    since: datetime
    phone: PhoneState
    phone_since: datetime | None
    skills: tuple[SkillLevel, ...]
    until: datetime | None = None  # when after-call work ends by itself
    call_id: CallId | None = None
    call_queue: QueueId | None = None
    call_phase: str | None = None  # "ringing", "talking" or "held"
    call_since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskNow:
    """All of a tenant."""

    queues: tuple[QueueNow, ...]
    agents: tuple[AgentNow, ...]
    asterisk_up: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutingStats:
    """Counters, for /metrics."""

    waiting: int
    offers_live: int
    offers: int
    treatments: int
    failures: int  # actions that Asterisk did not do


def agent_now(agent: Agent, name: str, held: frozenset[CallId] | set[CallId]) -> AgentNow:
    """One agent. ``held``: calls that are on hold."""
    call_id, queue, phase, since = agent.call, agent.call_queue, "talking", agent.call_since
    if call_id is not None and call_id in held:
        phase = "held"
    if call_id is None and agent.offer is not None:
        offer = agent.offer
        call_id, queue, phase, since = offer.call.call_id, offer.call.queue, "ringing", offer.made_at
    busy = call_id is not None
    return AgentNow(
        agent=agent.agent,
        name=name,
        state=agent.state,
        reason=agent.reason,
        since=agent.since,
        phone=agent.phone,
        phone_since=agent.phone_since,
        until=agent.wrap_until,
        skills=_levels(agent.skills),
        call_id=call_id,
        call_queue=queue.queue if busy and queue is not None else None,
        call_phase=phase if busy else None,
        call_since=since if busy else None,
    )


def desk_now(engine: Engine, names: Mapping[AgentId, str], held: set[CallId], *, up: bool, now: datetime) -> DeskNow:
    """The whole desk. Costs as much as it shows: ask once a second, not per event."""
    calls: dict[QueueId, list[Waiting]] = {}
    for call in engine.calls():
        calls.setdefault(call.queue.queue, []).append(call)
    talking = Counter(
        agent.call_queue.queue for agent in engine.agents() if agent.call is not None and agent.call_queue is not None
    )
    return DeskNow(
        queues=tuple(
            _queue_now(engine, line.rule, calls.get(line.rule.queue, []), talking[line.rule.queue], now)
            for line in sorted(engine.queues(), key=lambda line: (-line.rule.priority, line.rule.queue))
            if line.rule.active or calls.get(line.rule.queue)
        ),
        agents=tuple(
            agent_now(agent, names.get(agent.agent, agent.agent), held)
            for agent in sorted(engine.agents(), key=lambda agent: agent.agent)
        ),
        asterisk_up=up,
    )


def _queue_now(engine: Engine, rule: QueueRule, calls: list[Waiting], talking: int, now: datetime) -> QueueNow:
    waiting = [call for call in calls if call.where is not Where.TREATED]
    waiting.sort(key=lambda call: (-call.rank, call.queued_at, call.number))
    available, _, logged_in = engine.queue_counts(rule.queue)
    expected = _expected(engine, [call for call in waiting[:SHOWN] if call.key is not None], now)
    return QueueNow(
        queue=rule.queue,
        priority=rule.priority,
        service_level_s=rule.service_level_s,
        waiting=tuple(_waiting_now(engine, call, expected.get(call.call_id)) for call in waiting[:SHOWN]),
        waiting_count=len(waiting),
        oldest_since=min((call.queued_at for call in waiting), default=None),
        talking=talking,
        agents_available=available,
        agents_logged_in=logged_in,
        nobody_for=sum(engine.hopeless(call) for call in waiting),
        hours=rule.hours.open_at(now) if rule.hours is not None else None,
    )


def _expected(engine: Engine, line: list[Waiting], now: datetime) -> dict[CallId, float | None]:
    """The expected wait of each caller in line: worked out at a few places, in proportion between them."""
    places = sorted({min(place, len(line)) for place in (*WORKED_OUT, len(line))} - {0})
    found = {place: engine.expected_wait_s(line[place - 1], now) for place in places}
    waits = {line[place - 1].call_id: wait for place, wait in found.items()}
    for before, after in pairwise(places):
        low, high = found[before], found[after]
        for place in range(before + 1, after):
            part = (place - before) / (after - before)
            between = low + part * (high - low) if low is not None and high is not None else None
            waits[line[place - 1].call_id] = between
    return waits


def _waiting_now(engine: Engine, call: Waiting, expected_s: float | None) -> WaitingNow:
    return WaitingNow(
        call_id=call.call_id,
        position=engine.position(call),
        since=call.queued_at,
        priority=call.priority,
        attempts=call.attempts,
        offered_to=call.offers[0].agent.agent if call.offers else None,
        language=call.language,
        skills=call.skills,
        where=call.where.value,
        expected_s=expected_s,
    )


def _levels(skills: Mapping[SkillId, int]) -> tuple[SkillLevel, ...]:
    return tuple(SkillLevel(skill=skill, level=skills[skill]) for skill in sorted(skills))


def to_json(now: DeskNow) -> dict[str, Any]:
    """The snapshot as JSON-able data; instants in ISO 8601."""
    plain = _plain(asdict(now))
    assert isinstance(plain, dict)  # noqa: S101 -- a dataclass becomes a dict
    return plain


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value
