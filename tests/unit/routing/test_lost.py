"""A caller whose agent was lost: first that agent for a set time, then first of all (decision 0214)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.model import AgentId, AgentState, CallId, OfferOutcome, PhoneState, QueueId, SkillId
from routing import model as m
from routing.expression import Has
from routing.ringing import PhoneAnew
from routing.state import FRONT
from tests.unit.routing import test_engine
from tests.unit.routing.reference import at
from tests.unit.routing.test_engine import Bench, asked, offer

SATO, A = AgentId("sato"), CallId("a")
QUEUE, ROADSIDE = (replace(rule, wrap_up_s=15) for rule in (test_engine.QUEUE, test_engine.ROADSIDE))


def lost(desk: Bench, after: float = 60.0, agent: str = "sato", queue: str = "members") -> list[m.Decision]:
    """Their phone is gone in the middle of the talk: the agent is freed, and the caller waits again."""
    desk.tell(m.AgentFree(agent=AgentId(agent), call_id=A), after)
    since = at(desk.now)
    return desk.tell(
        m.CallWaits(
            call_id=A, queue=QueueId(queue), queued_at=at(0), since=since, lost_by=AgentId(agent), admitted=True
        )
    )


def talking(*queues: m.QueueRule, **limits: float) -> Bench:
    """Sato has the caller; suzuki and smith are on a break."""
    desk = Bench(*(queues or (QUEUE, ROADSIDE)), limits=m.Limits(**limits))  # type: ignore[arg-type]
    desk.ready("sato")
    desk.over(offer(desk.wait("a")), OfferOutcome.ACCEPTED)
    desk.tell(m.PhoneIs(agent=SATO, phone=PhoneState.BUSY))
    return desk


def gone(desk: Bench) -> None:
    desk.tell(m.PhoneIs(agent=SATO, phone=PhoneState.UNREACHABLE))


def test_who_comes_back_within_the_time_gets_their_caller_and_nobody_else_is_asked() -> None:
    desk = talking()
    desk.ready("suzuki")
    gone(desk)
    assert asked(lost(desk)) == []
    assert asked(desk.tick(9.0)) == []
    assert asked(desk.tell(m.PhoneIs(agent=SATO, phone=PhoneState.IDLE))) == [("a", "sato")]


def test_the_agent_has_no_after_call_work_while_their_caller_waits_for_them() -> None:
    desk = talking()
    desk.tell(m.PhoneIs(agent=SATO, phone=PhoneState.IDLE))
    decisions = lost(desk)
    assert asked(decisions) == [("a", "sato")]
    (moved,) = [it for it in decisions if isinstance(it, m.Moved)]
    assert (moved.state, moved.reason.slug) == (AgentState.AVAILABLE, "caller_comes_back")


def test_after_the_time_anybody_who_fits_is_asked() -> None:
    desk = talking()
    desk.ready("suzuki")
    gone(desk)
    lost(desk)
    assert asked(desk.tick(9.9)) == []
    assert asked(desk.tick(0.2)) == [("a", "suzuki")]


def test_the_front_of_the_queue_is_before_higher_priorities_and_older_callers() -> None:
    desk = talking(QUEUE, replace(ROADSIDE, skills=QUEUE.skills))
    gone(desk)
    desk.wait("older")
    desk.wait("urgent", "roadside")
    lost(desk)
    desk.tick(11)
    assert asked(desk.ready("suzuki")) == [("a", "suzuki")]


def test_nobody_is_waited_for_who_has_left_the_desk() -> None:
    desk = talking()
    desk.ready("suzuki")
    desk.choose("sato", AgentState.OFFLINE)
    assert asked(lost(desk)) == [("a", "suzuki")]


@pytest.mark.parametrize("state", [AgentState.BREAK, AgentState.TRAINING])
def test_nobody_is_waited_for_who_is_on_a_break(state: AgentState) -> None:
    """Nor who answered in the instant in which they went, and whose leg was stopped for that."""
    desk = talking()
    desk.ready("suzuki")
    desk.choose("sato", state)
    desk.wait("older")
    assert asked(lost(desk)) == []  # suzuki has the older one
    assert asked(desk.ready("smith")) == [("a", "smith")]


def test_no_time_means_anybody_at_once_and_still_the_front() -> None:
    desk = talking(same_agent_s=0)
    gone(desk)
    desk.wait("other")
    lost(desk)
    assert asked(desk.ready("suzuki")) == [("a", "suzuki")]


def lost_and_offered() -> tuple[Bench, m.Offered]:
    """Sato's phone is lost, and looks alive: it is rung. Suzuki could take the caller."""
    desk = talking()
    desk.ready("suzuki")
    made = offer(desk.tell(m.PhoneIs(agent=SATO, phone=PhoneState.IDLE)) + lost(desk))
    desk.tell(m.OfferRang(offer_id=made.offer_id, call_id=A, agent=SATO))
    return desk, made


def test_a_phone_that_only_looks_alive_is_not_rung_longer_than_its_caller_is_kept_for_it() -> None:
    """A frozen browser is registered all the same: Asterisk takes it for idle."""
    desk, made = lost_and_offered()
    assert made.ring_s == 10
    desk.over(made, OfferOutcome.TIMED_OUT, after=10)
    assert asked(desk.wait("a")) == [("a", "suzuki")]


@pytest.mark.parametrize("outcome", [OfferOutcome.TIMED_OUT, OfferOutcome.UNREACHABLE])
def test_a_phone_that_never_rang_let_nobody_ring_and_its_caller_is_kept_on(outcome: OfferOutcome) -> None:
    """A network that is cut: what Asterisk sends to the page waits for TCP, while the ring is over."""
    desk, made = lost_and_offered()
    assert [it for it in desk.over(made, outcome, after=4) if isinstance(it, m.Moved)] == []
    assert asked(desk.wait("a")) == []
    assert asked(desk.tick(1.9)) == []
    (again,) = (it for it in desk.tick(0.2) if isinstance(it, m.Offered))
    assert (again.agent, again.ring_s) == (SATO, 4)
    desk.tell(m.OfferRang(offer_id=again.offer_id, call_id=A, agent=SATO))
    desk.over(again, outcome, after=4)  # its time is over
    assert asked(desk.wait("a")) == [("a", "suzuki")]


@pytest.mark.parametrize("outcome", [OfferOutcome.TIMED_OUT, OfferOutcome.UNREACHABLE, OfferOutcome.REJECTED])
def test_who_let_it_ring_is_not_waited_for_any_longer(outcome: OfferOutcome) -> None:
    desk, made = lost_and_offered()
    desk.tell(m.PhoneIs(agent=SATO, phone=PhoneState.RINGING))
    desk.over(made, outcome, after=4)
    assert asked(desk.wait("a")) == [("a", "suzuki")]


def test_a_declined_ring_needs_no_proof_that_it_rang() -> None:
    desk, made = lost_and_offered()
    desk.over(made, OfferOutcome.REJECTED, after=1)
    assert asked(desk.wait("a")) == [("a", "suzuki")]


def test_another_agents_phone_that_never_rang_is_treated_as_ever() -> None:
    desk, made = lost_and_offered()
    desk.over(made, OfferOutcome.TIMED_OUT, after=10)
    other = offer(desk.wait("a"))
    desk.tell(m.OfferRang(offer_id=other.offer_id, call_id=A, agent=other.agent))
    (moved,) = (it for it in desk.over(other, OfferOutcome.TIMED_OUT, after=20) if isinstance(it, m.Moved))
    assert (moved.agent, moved.state) == (AgentId("suzuki"), AgentState.BREAK)


def test_a_page_that_is_a_phone_again_is_asked_at_once_for_the_caller_who_is_kept_for_it() -> None:
    desk, made = lost_and_offered()
    desk.over(made, OfferOutcome.TIMED_OUT, after=4)
    desk.wait("a")
    assert asked(desk.tell(PhoneAnew(agent=SATO))) == [("a", "sato")]


def test_a_plan_goes_on_where_it_is_when_the_time_is_over() -> None:
    steps = (m.Step(want=Has(SkillId("ja"), 5), expires_s=30), m.Step(want=Has(SkillId("en"), 5), expires_s=None))
    desk = talking(replace(QUEUE, steps=steps))
    desk.ready("smith")
    gone(desk)
    lost(desk)
    assert asked(desk.tick(29.9)) == []
    assert asked(desk.tick(0.2)) == [("a", "smith")]


@given(
    ranks=st.lists(st.tuples(st.integers(-1000, 1000), st.integers(0, 1000)), max_size=6),
    same_agent_s=st.integers(0, 120),
    away_s=st.floats(0.0, 300.0),
)
def test_whoever_waits_the_lost_caller_is_served_first(
    ranks: list[tuple[int, int]], same_agent_s: int, away_s: float
) -> None:
    """By sato if they are back, by the first who gets free if the time is over, and never after somebody else."""
    desk = talking(same_agent_s=same_agent_s)
    gone(desk)
    for n, (priority, after) in enumerate(ranks):
        desk.wait(f"b{n}", after=after / 100)
        desk.tell(m.SetPriority(call_id=CallId(f"b{n}"), priority=priority, by="tanaka"))
    lost(desk)
    waiting = desk.engine.call(A)
    assert waiting is not None
    assert waiting.rank >= FRONT - 1000
    desk.tick(away_s)
    if away_s > same_agent_s:
        assert asked(desk.ready("suzuki", after=0.0))[:1] == [("a", "suzuki")]
    elif away_s < same_agent_s:
        found = asked(desk.ready("suzuki", after=0.0))
        assert ("a", "suzuki") not in found
        assert asked(desk.tell(m.PhoneIs(agent=SATO, phone=PhoneState.IDLE)))[:1] == [("a", "sato")]
