"""The desk at a glance: the expected wait of everybody in line, worked out at some places only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cti.domain.model import AgentId, AgentState, CallId, OfferId, PhoneState, QueueId
from routing import model as m
from routing.calendar import calendar_from_data
from routing.engine import Engine
from routing.snapshot import SHOWN, desk_now

NOW = datetime(2026, 7, 18, 9, 0, tzinfo=UTC)


def desk(callers: int, *, at_work: bool = True) -> Engine:
    engine = Engine(lambda: OfferId("0" * 32))
    queue = m.QueueRule(queue=QueueId("q"), nobody_wait=True, max_wait_s=99_999)
    agents = tuple(m.AgentRule(agent=AgentId(f"a{number}"), skills={}) for number in range(3))
    engine.advance(m.DeskLoaded(rules=m.DeskRules(queues=(queue,), agents=agents)), NOW)
    for agent in agents if at_work else ():
        engine.advance(m.PhoneIs(agent=agent.agent, phone=PhoneState.BUSY), NOW)
        engine.advance(m.AgentChooses(agent=agent.agent, state=AgentState.AVAILABLE, reason=""), NOW)
    for number in range(callers):
        came = NOW + timedelta(seconds=number)
        engine.advance(m.CallWaits(call_id=CallId(f"c{number}"), queue=queue.queue, queued_at=came), came)
    return engine


@pytest.mark.parametrize("callers", [0, 1, 2, 3, 7, 60, 130])
def test_between_the_places_the_wait_is_in_proportion(callers: int) -> None:
    engine = desk(callers)
    now = NOW + timedelta(seconds=callers)
    (queue,) = desk_now(engine, {}, set(), up=True, now=now).queues
    assert len(queue.waiting) == min(callers, SHOWN)
    for shown in queue.waiting:
        call = engine.call(shown.call_id)
        assert call is not None
        exact = engine.expected_wait_s(call, now)
        assert shown.expected_s == pytest.approx(exact, rel=0.02)  # a plain line is nearly straight
    waits = [shown.expected_s or 0.0 for shown in queue.waiting]
    assert waits == sorted(waits)


def test_without_agents_nothing_is_said() -> None:
    (queue,) = desk_now(desk(30, at_work=False), {}, set(), up=True, now=NOW + timedelta(seconds=30)).queues
    assert {shown.expected_s for shown in queue.waiting} == {None}


@pytest.mark.parametrize(("at_work", "callers"), [(True, 0), (False, 30)])
def test_who_waits_for_nobody_is_counted(at_work: bool, callers: int) -> None:
    engine = desk(30, at_work=at_work)
    (queue,) = desk_now(engine, {}, set(), up=True, now=NOW + timedelta(seconds=30)).queues
    assert queue.nobody_for == callers
    if not at_work:
        engine.advance(m.PhoneIs(agent=AgentId("a0"), phone=PhoneState.BUSY), NOW + timedelta(seconds=31))
        chosen = m.AgentChooses(agent=AgentId("a0"), state=AgentState.BREAK, reason="lunch")
        engine.advance(chosen, NOW + timedelta(seconds=31))  # there, if not free
        (queue,) = desk_now(engine, {}, set(), up=True, now=NOW + timedelta(seconds=32)).queues
        assert queue.nobody_for == 0


def test_a_closed_queue_says_until_when() -> None:
    engine = Engine(lambda: OfferId("0" * 32))
    office = calendar_from_data({"id": "office", "weekly": {"mon": ["10:00-19:00"]}}, zone="Asia/Tokyo")
    rules = m.DeskRules(queues=(m.QueueRule(queue=QueueId("q"), hours=office), m.QueueRule(queue=QueueId("r"))))
    engine.advance(m.DeskLoaded(rules=rules), NOW)  # a Saturday, and Monday is a holiday: 海の日
    closed, always = desk_now(engine, {}, set(), up=True, now=NOW).queues
    assert always.hours is None
    assert closed.hours is not None and not closed.hours.open
    assert closed.hours.until == datetime(2026, 7, 27, 1, 0, tzinfo=UTC)
