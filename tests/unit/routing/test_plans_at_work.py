"""Plans in the engine: steps that begin, are passed over, are edited; profiles; the member's last agent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cti.domain.model import AgentId, AgentState, CallId, OfferOutcome, QueueId, SkillId
from routing import model as m
from routing.expression import Expression, Has, InProfile, LastAgent, Named
from routing.plan import steps_from_data
from routing.reading import Known
from routing.reasons import Ids, render
from tests.unit.routing.reference import at
from tests.unit.routing.test_engine import QUEUE, STAFF, Bench, asked, offer, treatments

SMITH, SUZUKI, SATO = (AgentId(name) for name in ("smith", "suzuki", "sato"))
KNOWN = Known(skills=frozenset(map(SkillId, ("ja", "en", "roadside"))), agents=frozenset(map(AgentId, STAFF)))


def named(*agents: AgentId) -> Expression:
    return Named(frozenset(agents))


def planned(*steps: tuple[Expression | None, float | None], **more: Any) -> m.QueueRule:
    return replace(QUEUE, steps=tuple(m.Step(want=want, expires_s=expires) for want, expires in steps), **more)


def begun(decisions: list[m.Decision]) -> list[tuple[int, str]]:
    """Steps that began: number, and when by the test's clock."""
    return [
        (it.reason.params["step"], f"{(it.since - at(0)).total_seconds():g}")
        for it in decisions
        if isinstance(it, m.Stepped)
    ]


def test_each_step_that_begins_is_a_decision_with_its_reason() -> None:
    desk = Bench(planned((named(SMITH), 10), (Has(SkillId("en"), 1), 25)))
    desk.choose("smith", AgentState.BREAK)
    first = desk.wait("a")
    assert begun(first) == [(1, "0")]
    assert begun(desk.tick(60)) == [(2, "10"), (3, "25")]
    assert render(first[0].reason, "en", Ids()) == "asks for one of smith; step 1 of 3 since 09:00:00"


def test_an_offer_says_since_when_its_step_lasts() -> None:
    desk = Bench(planned((named(SMITH), 200), (None, None)))
    desk.choose("smith", AgentState.BREAK)
    desk.wait("a", after=3)
    desk.tick(230)
    made = offer(desk.ready("suzuki"))
    assert render(made.reason, "en", Ids()).endswith("step 2 of 2 since 09:03:23")


def test_a_plan_of_one_step_says_nothing_of_steps() -> None:
    desk = Bench()
    assert begun(desk.wait("a")) == []
    assert "step" not in offer(desk.ready("suzuki")).reason.params


def test_a_step_that_nobody_is_there_for_is_passed_over_at_once() -> None:
    desk = Bench(planned((Has(SkillId("ja"), 9), 300), (named(SMITH), 600), (None, None)))
    desk.ready("suzuki")
    decisions = desk.wait("a", after=5)
    assert begun(decisions) == [(3, "6")]
    assert asked(decisions) == [("a", "suzuki")]


def test_a_step_whose_last_agent_logs_out_is_left_at_once_and_not_returned_to() -> None:
    desk = Bench(planned((named(SMITH), 300), (None, None)))
    desk.choose("smith", AgentState.BREAK)
    desk.ready("suzuki")
    assert asked(desk.wait("a")) == []
    left = desk.choose("smith", AgentState.OFFLINE, "logged_out", after=30)
    assert begun(left) == [(2, "31")]
    assert asked(left) == [("a", "suzuki")]
    assert begun(desk.choose("smith", AgentState.BREAK, after=1)) == []


def test_while_nobody_of_any_step_is_there_the_first_to_come_takes_the_call() -> None:
    desk = Bench(planned((named(SMITH), 300), (Has(SkillId("roadside"), 3), 600)))
    assert asked(desk.wait("a")) == []
    came = desk.ready("sato", after=1)
    assert begun(came) == [(2, "1")]
    assert asked(came) == [("a", "sato")]


def test_an_edited_plan_moves_a_waiting_call_within_the_same_instant() -> None:
    desk = Bench(planned((named(SMITH), 300), (None, None)))
    desk.choose("smith", AgentState.BREAK)
    desk.ready("suzuki", "sato")
    desk.wait("a")
    other = replace(QUEUE, queue=QueueId("other"))
    desk.tick(5)
    edited = planned((Has(SkillId("roadside"), 3), 300), (None, None))
    decisions = desk.tell(m.DeskLoaded(rules=replace(desk.rules, queues=(edited, other))))
    assert asked(decisions) == [("a", "sato")]
    assert begun(decisions) == [(1, "2")]  # of the new plan; the clock goes on from entry


def test_an_edited_plan_does_not_ring_twice_and_keeps_the_age() -> None:
    desk = Bench(planned((None, 300), (None, None)))
    desk.ready("suzuki", "sato")
    made = offer(desk.wait("a"))
    edited = planned((named(SATO), 300), (None, None))
    assert asked(desk.tell(m.DeskLoaded(rules=replace(desk.rules, queues=(edited,))), after=9)) == []
    desk.over(made, OfferOutcome.REJECTED)
    again = offer(desk.wait("a", after=1))
    assert again.agent == "sato"
    assert again.reason.params["waited_s"] == 10


def test_an_edit_of_one_queue_leaves_the_calls_of_others_alone() -> None:
    other = replace(planned((named(SMITH), 10), (None, None)), queue=QueueId("other"))
    desk = Bench(QUEUE, other)
    desk.choose("smith", AgentState.BREAK)
    desk.wait("o", "other")
    before = desk.engine.call(CallId("o"))
    assert before is not None
    plan = before.plan
    edited = replace(QUEUE, priority=7)
    assert begun(desk.tell(m.DeskLoaded(rules=replace(desk.rules, queues=(edited, other))), after=2)) == []
    assert before.plan is plan


def test_a_profile_is_asked_when_its_delay_is_over() -> None:
    queue = replace(QUEUE, delays=(m.Delay(profile="backup", delay_s=20),))
    desk = Bench(queue)
    agents = tuple(replace(it, profile="backup" if it.agent == SATO else "") for it in desk.rules.agents)
    desk.tell(m.DeskLoaded(rules=replace(desk.rules, agents=agents)))
    desk.ready("sato")
    desk.choose("suzuki", AgentState.BREAK)
    assert asked(desk.wait("a")) == []
    assert asked(desk.tick(19.9)) == []
    assert asked(desk.tick(0.2)) == [("a", "sato")]


def test_a_profile_is_asked_at_once_when_nobody_else_is_there() -> None:
    queue = replace(QUEUE, delays=(m.Delay(profile="backup", delay_s=20),))
    desk = Bench(queue)
    agents = tuple(replace(it, profile="backup" if it.agent == SATO else "") for it in desk.rules.agents)
    desk.tell(m.DeskLoaded(rules=replace(desk.rules, agents=agents)))
    desk.ready("sato")
    assert asked(desk.wait("a")) == [("a", "sato")]


def test_a_changed_profile_counts_at_once() -> None:
    desk = Bench(planned((InProfile("night"), 300), (None, None)))
    desk.ready("suzuki", "sato")
    desk.tell(m.DeskLoaded(rules=replace(desk.rules, agents=_profiles(desk, SMITH))))
    desk.choose("smith", AgentState.BREAK)
    assert asked(desk.wait("a")) == []
    assert asked(desk.tell(m.DeskLoaded(rules=replace(desk.rules, agents=_profiles(desk, SUZUKI))))) == [
        ("a", "suzuki")
    ]


def _profiles(desk: Bench, night: AgentId) -> tuple[m.AgentRule, ...]:
    return tuple(replace(it, profile="night" if it.agent == night else "") for it in desk.rules.agents)


def test_the_last_agent_is_waited_for_then_anybody() -> None:
    desk = Bench(planned((LastAgent(), 30), (None, None)))
    desk.ready("suzuki")
    desk.choose("sato", AgentState.BREAK)
    told = m.CallWaits(call_id=CallId("a"), queue=QUEUE.queue, queued_at=at(desk.now), last_agent=SATO)
    assert asked(desk.tell(told)) == []
    assert asked(desk.tick(30)) == [("a", "suzuki")]


def test_who_was_not_here_before_does_not_wait_for_a_last_agent() -> None:
    desk = Bench(planned((LastAgent(), 30), (None, None)))
    desk.ready("suzuki")
    assert asked(desk.wait("a")) == [("a", "suzuki")]


def test_the_last_agent_may_become_known_while_the_call_waits() -> None:
    desk = Bench(planned((LastAgent(), 30), (Has(SkillId("roadside"), 4), None)))
    desk.choose("smith", AgentState.BREAK)
    desk.choose("sato", AgentState.BREAK)
    desk.wait("a")
    assert treatments(desk.tick(1)) == []
    assert asked(desk.ready("suzuki")) == []
    assert asked(desk.tell(m.LastAgentIs(call_id=CallId("a"), agent=SUZUKI))) == [("a", "suzuki")]
    assert desk.tell(m.LastAgentIs(call_id=CallId("gone"), agent=SUZUKI)) == []


def test_the_callers_language_first() -> None:
    steps = steps_from_data({"template": "language", "level": 3, "wait_s": 30}, where="steps", known=KNOWN)
    desk = Bench(replace(QUEUE, steps=steps))
    desk.ready("suzuki", "smith")
    told = m.CallWaits(call_id=CallId("a"), queue=QUEUE.queue, queued_at=at(desk.now), language="en")
    assert asked(desk.tell(told)) == [("a", "smith")]
    told = m.CallWaits(call_id=CallId("b"), queue=QUEUE.queue, queued_at=at(desk.now), language="ja")
    assert asked(desk.tell(told)) == [("b", "suzuki")]


def test_who_asks_for_more_after_all_gets_another_plan() -> None:
    desk = Bench()
    desk.ready("suzuki")
    desk.wait("a", roadside=2)
    assert asked(desk.wait("a")) == [("a", "suzuki")]
