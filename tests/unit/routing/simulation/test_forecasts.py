"""The announced wait is nearer to what callers wait than the last caller's wait, on three kinds of days."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cti.domain.model import AgentId, AgentState, CallId, OfferId, PhoneState, QueueId
from routing import model as m
from routing.engine import Engine
from routing.simulation.forecasts import Forecasts
from tests.bench.expected import DAYS, of_days

NOW = datetime(2026, 7, 18, 9, 0, tzinfo=UTC)
QUEUE = QueueId("members")


@pytest.mark.parametrize(("day", "count"), [*zip(DAYS, (6, 1, 3), strict=True)])
def test_ours_is_nearer(day: str, count: int) -> None:
    found = of_days(day, count)
    errors = found.errors_s()
    assert len(found.said) > 100
    assert errors["ours_s"] < 0.95 * min(errors["last_s"], errors["last_waited_s"])
    # What is announced is rather too long than too short: of the answered at most half wait longer.
    assert 0.2 < found.longer() < 0.55


def test_each_caller_is_held_against_what_was_said_at_entry() -> None:
    engine = Engine(lambda: OfferId("0" * 32))
    queue = m.QueueRule(queue=QUEUE, nobody_wait=True)
    rules = m.DeskRules(queues=(queue,), agents=(m.AgentRule(agent=AgentId("sato"), skills={}),))
    engine.advance(m.DeskLoaded(rules=rules), NOW)
    found = Forecasts()
    engine.advance(m.CallWaits(call_id=CallId("a"), queue=QUEUE, queued_at=NOW), NOW)
    found.waits(CallId("a"), QUEUE, engine, NOW)
    assert found.unknown == 1  # nobody is at work
    engine.advance(m.PhoneIs(agent=AgentId("sato"), phone=PhoneState.BUSY), NOW)
    engine.advance(m.AgentChooses(agent=AgentId("sato"), state=AgentState.AVAILABLE, reason=""), NOW)
    found.answered(CallId("x"), QUEUE, 30.0)
    found.answered(CallId("y"), QUEUE, 0.0)
    found.waits(CallId("a"), QUEUE, engine, NOW)
    found.answered(CallId("a"), QUEUE, 100.0)
    (said,) = found.said
    assert (said.last_s, said.last_waited_s) == (0.0, 30.0)
    errors = found.errors_s()
    assert (errors["last_s"], errors["last_waited_s"]) == (100.0, 70.0)
    assert errors["ours_s"] == pytest.approx(abs(said.ours_s - 100.0))
