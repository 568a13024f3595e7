"""What supervisors ask for a waiting call, of the real engine: another queue, another priority, and why it waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cti.domain.errors import CallerError, NotFound, Unavailable
from cti.domain.model import AgentId, AgentState, CallId, OfferOutcome, PhoneState, QueueId
from routing import model as m
from routing.model import Do, QueueRule, Treatment, Where
from routing.reasons import Ids, render
from routing.state import Waiting
from routing.why import Why, why_waiting
from tests.unit.routing.reference import at, skills
from tests.unit.routing.test_engine import QUEUE, Bench, asked, offer, treatments
from tests.unit.routing.test_passage import SHUT

ENGLISH = QueueRule(queue=QueueId("english"), skills=skills(en=3), wrap_up_s=0)


def move(desk: Bench, call: str, to: str, after: float = 0.0) -> list[m.Decision]:
    return desk.tell(m.MoveCall(call_id=CallId(call), to=QueueId(to), by="tanaka"), after)


def prioritise(desk: Bench, call: str, priority: int | None) -> list[m.Decision]:
    return desk.tell(m.SetPriority(call_id=CallId(call), priority=priority, by="tanaka"))


def call_of(desk: Bench, call: str) -> Waiting:
    found = desk.engine.call(CallId(call))
    assert found is not None
    return found


def why(desk: Bench, call: str) -> Why:
    return why_waiting(desk.engine, call_of(desk, call), at(desk.now))


def busy_desk(*queues: QueueRule) -> Bench:
    """Everybody logged in and in a break: whoever calls waits."""
    desk = Bench(*queues)
    desk.ready("sato", "suzuki", "smith")
    for agent in ("sato", "suzuki", "smith"):
        desk.choose(agent, AgentState.BREAK, "lunch")
    return desk


# --- Another queue ---------------------------------------------------------------------------------


def test_a_moved_call_goes_through_asterisk_and_keeps_its_age() -> None:
    desk = busy_desk(QUEUE, ENGLISH)
    desk.wait("a", after=1)
    came = call_of(desk, "a").queued_at
    (moved,) = move(desk, "a", "english", after=60)
    assert isinstance(moved, m.Treated)
    assert (moved.treatment, moved.then) == ("moved", Treatment(do=Do.QUEUE, to=QueueId("english")))
    assert render(moved.reason, "ja", Ids()) == "tanakaさんが移した。キューenglishへ"
    assert render(moved.reason, "en", Ids()) == "moved by tanaka; goes on to the queue english"
    assert call_of(desk, "a").where is Where.TREATED  # nobody rings for it until the caller is there
    desk.wait("a", "english", after=0.01)
    call = call_of(desk, "a")
    assert (call.queue.queue, call.queued_at, call.where) == ("english", came, Where.WAITING)
    desk.wait("b", "english", after=1)
    assert asked(desk.choose("smith", AgentState.AVAILABLE)) == [("a", "smith")]


def test_a_person_may_send_somebody_into_a_full_queue() -> None:
    desk = busy_desk(QUEUE, replace(ENGLISH, max_length=0))
    desk.wait("a")
    move(desk, "a", "english")
    assert treatments(desk.wait("a", "english")) == []
    desk.wait("b")
    assert treatments(desk.wait("b", "english")) == [("b", "full")]  # who comes by themselves is told


def test_a_move_that_asterisk_does_not_make_is_given_up_and_the_call_waits_on() -> None:
    desk = busy_desk(QUEUE, ENGLISH)
    desk.wait("a")
    move(desk, "a", "english")
    desk.tell(m.TreatmentFailed(call_id=CallId("a")))
    desk.tick(20)
    call = call_of(desk, "a")
    assert (call.queue.queue, call.where) == ("members", Where.WAITING)


@pytest.mark.parametrize(
    ("to", "refusal", "word"),
    [
        ("golf", NotFound, "no queue 'golf'"),
        ("members", CallerError, "waits in queue 'members' already"),
        ("shut", CallerError, "closed now"),
        ("off", CallerError, "closed now"),
        ("skilled", CallerError, "nobody who is logged in could take it"),
    ],
)
def test_a_queue_that_could_do_nothing_for_the_caller_is_refused(to: str, refusal: type[Exception], word: str) -> None:
    desk = busy_desk(
        QUEUE,
        QueueRule(queue=QueueId("shut"), hours=SHUT),
        QueueRule(queue=QueueId("off"), active=False),
        QueueRule(queue=QueueId("skilled"), skills=skills(golf=5)),
    )
    desk.wait("a")
    with pytest.raises(refusal, match=word):
        move(desk, "a", to)
    assert (call_of(desk, "a").queue.queue, call_of(desk, "a").where) == ("members", Where.WAITING)
    assert asked(desk.choose("suzuki", AgentState.AVAILABLE)) == [("a", "suzuki")]


def test_a_call_that_rings_is_gone_or_on_its_way_is_refused() -> None:
    desk = Bench(QUEUE, ENGLISH)
    with pytest.raises(NotFound, match="does not wait"):
        move(desk, "a", "english")
    desk.ready("suzuki")
    made = offer(desk.wait("a"))
    wishes: tuple[Callable[[], object], ...] = (
        lambda: move(desk, "a", "english"),
        lambda: prioritise(desk, "a", 5),
    )
    for wish in wishes:
        with pytest.raises(CallerError, match="the phone of agent 'suzuki' rings for it"):
            wish()
    desk.over(made, OfferOutcome.ACCEPTED)
    with pytest.raises(NotFound, match="not any more"):
        prioritise(desk, "a", 5)
    desk.ready("smith")
    desk.choose("smith", AgentState.BREAK, "lunch")
    desk.wait("b")
    move(desk, "b", "english")
    with pytest.raises(CallerError, match="on its way already"):
        move(desk, "b", "english")


def test_nobody_is_moved_while_asterisk_is_away_nor_without_a_line() -> None:
    desk = busy_desk(QUEUE, ENGLISH)
    desk.wait("a")
    desk.tell(m.LinkIs(up=False))
    with pytest.raises(Unavailable):
        move(desk, "a", "english")
    desk.tell(m.LinkIs(up=True))
    desk.tell(m.CallWaits(call_id=CallId("p"), queue=QueueId("members"), queued_at=at(desk.now), patient=True))
    with pytest.raises(CallerError, match="called back"):
        move(desk, "p", "english")


# --- Another priority ------------------------------------------------------------------------------


def test_a_priority_of_its_own_puts_a_call_first_and_can_be_taken_back() -> None:
    desk = busy_desk()
    for call in ("a", "b", "c"):
        desk.wait(call, after=1)
    (written,) = prioritise(desk, "c", 50)
    assert isinstance(written, m.Prioritised)
    assert written.reason == m.Reason("priority_set", {"by": "tanaka", "priority": 50})
    assert [desk.engine.position(call_of(desk, call)) for call in "abc"] == [2, 3, 1]
    assert prioritise(desk, "c", 50) == []
    (back,) = prioritise(desk, "c", None)
    assert render(back.reason, "en", Ids()) == "tanaka gave the queue's priority back (0)"
    assert [desk.engine.position(call_of(desk, call)) for call in "abc"] == [1, 2, 3]
    prioritise(desk, "c", 50)
    assert asked(desk.choose("suzuki", AgentState.AVAILABLE)) == [("c", "suzuki")]


def test_a_given_priority_ages_like_any_other_and_survives_rules_and_queues() -> None:
    ageing = replace(QUEUE, ageing_every_s=30, ageing_most=5)
    desk = busy_desk(ageing, replace(ENGLISH, priority=7))
    desk.wait("a")
    prioritise(desk, "a", 20)
    desk.tick(61)
    assert (call_of(desk, "a").priority, why(desk, "a").own_priority) == (22, 20)
    desk.tell(m.DeskLoaded(rules=replace(desk.rules, queues=(replace(ageing, priority=3), ENGLISH))))
    assert call_of(desk, "a").given == 20
    move(desk, "a", "english")
    desk.wait("a", "english")
    assert call_of(desk, "a").given == 20


def test_a_priority_given_before_a_restart_counts_again() -> None:
    desk = busy_desk()
    desk.wait("a")
    told = m.CallWaits(call_id=CallId("b"), queue=QueueId("members"), queued_at=at(5), own_priority=9, admitted=True)
    desk.tell(told, after=5)
    assert asked(desk.choose("suzuki", AgentState.AVAILABLE)) == [("b", "suzuki")]


# --- Why it waits ----------------------------------------------------------------------------------


def test_who_fits_and_why_nobody_is_asked() -> None:
    desk = Bench(QUEUE, ENGLISH)
    desk.ready("sato", "suzuki", "smith")
    offer(desk.wait("a"))  # rings at sato, the longest idle
    made = offer(desk.wait("b", after=1))
    desk.over(made, OfferOutcome.ACCEPTED)  # suzuki talks
    desk.choose("smith", AgentState.BREAK, "lunch")
    desk.wait("c", after=1)
    now = why(desk, "c")
    assert [(hope.agent, hope.why) for hope in now.fit] == [("sato", "rings"), ("suzuki", "talks"), ("smith", "state")]
    assert (now.position, now.fit_count, now.reason.slug) == (1, 3, "waits_busy")
    assert render(now.reason, "en", Ids()) == (
        "of 3 with ja ≥ 1: 1 talk, 1 ring, 1 in wrap-up or away, 0 without a usable phone, 0 after failed rings, "
        "0 just let it go, 0 can be asked"
    )
    assert why(desk, "a").reason == m.Reason("waits_offered", {"agent": "sato"})


@pytest.mark.parametrize(
    ("happens", "slug"),
    [
        (m.LinkIs(up=False), "waits_asterisk"),
        (m.PhoneIs(agent=AgentId("sato"), phone=PhoneState.UNREACHABLE), "waits_busy"),
        (m.MoveCall(call_id=CallId("a"), to=QueueId("english"), by="tanaka"), "waits_treated"),
    ],
)
def test_what_keeps_a_call_waiting_is_named(happens: m.Told, slug: str) -> None:
    desk = busy_desk(replace(QUEUE, nobody_wait=True), ENGLISH)
    desk.wait("a")
    desk.tell(happens)
    assert why(desk, "a").reason.slug == slug


def test_without_anybody_it_says_whether_they_are_logged_out_or_do_not_exist() -> None:
    desk = Bench(replace(QUEUE, nobody_wait=True))
    desk.wait("a")
    desk.wait("b", golf=3)
    assert why(desk, "a").reason.slug == "waits_nobody"
    assert why(desk, "b").reason.slug == "waits_no_such_agent"
    assert "golf 3以上" in render(why(desk, "b").reason, "ja", Ids())
