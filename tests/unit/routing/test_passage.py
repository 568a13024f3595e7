"""Who may enter a queue, who goes on to another one, and what becomes of those it does not serve."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.domain.model import AgentState, CallId, OfferOutcome, QueueId
from routing import model as m
from routing.calendar import Calendar, calendar_from_data
from routing.model import Do, Overflow, QueueRule, Treatment, Where
from routing.reasons import Ids, render
from tests.unit.routing.reference import at, skills
from tests.unit.routing.test_engine import QUEUE, ROADSIDE, Bench, asked, offer, treatments

EVERY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ENGLISH = QueueRule(queue=QueueId("english"), skills=skills(en=3), wrap_up_s=0)


def hours(*texts: str) -> Calendar:
    weekly = {day: list(texts) for day in EVERY_DAY}
    return calendar_from_data({"id": "office", "holidays": "none", "weekly": weekly}, zone="UTC")


# The bench begins at 09:00 UTC.
OPEN, SHUT = hours("00:00-24:00"), hours("10:00-19:00")


def decided(decisions: list[m.Decision]) -> list[m.Treated]:
    return [it for it in decisions if isinstance(it, m.Treated)]


def to_english(**limits: int) -> QueueRule:
    return replace(QUEUE, overflow=Overflow(to=QueueId("english"), **limits))


def where_of(desk: Bench, call: str) -> tuple[str, Where]:
    waiting = desk.engine.call(CallId(call))
    assert waiting is not None
    return waiting.queue.queue, waiting.where


# --- Business hours --------------------------------------------------------------------------------


def test_who_comes_outside_business_hours_is_told() -> None:
    desk = Bench(replace(QUEUE, hours=SHUT))
    desk.ready("suzuki")
    (closed,) = decided(desk.wait("a"))
    assert (closed.treatment, closed.then, closed.reason.slug) == ("closed", Treatment(), "closed_weekday")
    assert closed.reason.params["opens_at"] == "2026-11-21T10:00:00+00:00"


def test_who_waits_when_it_closes_is_served() -> None:
    desk = Bench(replace(QUEUE, hours=hours("00:00-09:05"), nobody_wait=True))
    assert treatments(desk.wait("a")) == []
    assert treatments(desk.wait("b", after=600)) == [("b", "closed")]
    assert treatments(desk.wait("a")) == []  # back from an offer, for instance
    assert asked(desk.ready("suzuki")) == [("a", "suzuki")]


@pytest.mark.parametrize("admitted", [False, True])
def test_a_restart_does_not_send_away_who_waits(admitted: bool) -> None:
    desk = Bench(replace(QUEUE, hours=SHUT, max_length=0, nobody_wait=True))
    told = m.CallWaits(call_id=CallId("a"), queue=QueueId("members"), queued_at=at(-700), admitted=admitted)
    assert treatments(desk.tell(told)) == ([] if admitted else [("a", "closed")])


# --- Waiting places --------------------------------------------------------------------------------


def test_who_finds_every_waiting_place_taken_is_told() -> None:
    desk = Bench(replace(QUEUE, max_length=2, nobody_wait=True))
    for call in "ab":
        assert treatments(desk.wait(call)) == []
    (full,) = decided(desk.wait("c"))
    assert (full.treatment, full.reason.params["waiting"], full.reason.params["most"]) == ("full", 2, 2)
    desk.tell(m.CallGone(call_id=CallId("c")))
    desk.tell(m.CallGone(call_id=CallId("a")))
    assert treatments(desk.wait("d")) == []


def test_without_waiting_places_callers_are_taken_only_when_somebody_is_free() -> None:
    desk = Bench(replace(QUEUE, max_length=0))
    desk.ready("suzuki")
    assert asked(desk.wait("a")) == [("a", "suzuki")]
    assert treatments(desk.wait("b")) == [("b", "full")]


def test_who_comes_back_from_an_offer_keeps_their_place() -> None:
    desk = Bench(replace(QUEUE, max_length=0))
    desk.ready("suzuki")
    made = offer(desk.wait("a"))
    desk.over(made, OfferOutcome.REJECTED)
    assert treatments(desk.wait("a", after=0.01)) == []


# --- Treatments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "then",
    [
        Treatment(do=Do.HANG_UP, text="t-closed"),
        Treatment(do=Do.VOICEMAIL),
        Treatment(do=Do.QUEUE, to=QueueId("roadside")),
    ],
)
def test_what_becomes_of_a_caller_is_the_queues_choice(then: Treatment) -> None:
    desk = Bench(replace(QUEUE, hours=SHUT, treatments={"closed": then}), ROADSIDE)
    (closed,) = decided(desk.wait("a"))
    assert closed.then == then


def test_nobody_has_a_treatment_too() -> None:
    voicemail = Treatment(do=Do.VOICEMAIL)
    desk = Bench(replace(QUEUE, treatments={"nobody": voicemail}))
    desk.wait("a")
    (nobody,) = decided(desk.tick(3))
    assert (nobody.treatment, nobody.then) == ("nobody_logged_in", voicemail)


def test_the_other_queue_takes_the_caller_with_the_age() -> None:
    desk = Bench(replace(QUEUE, hours=SHUT, treatments={"closed": Treatment(do=Do.QUEUE, to=ROADSIDE.queue)}), ROADSIDE)
    desk.ready("sato")
    desk.wait("a")
    first = desk.engine.call(CallId("a"))
    assert first is not None
    desk.now += 5
    assert asked(desk.wait("a", "roadside")) == [("a", "sato")]
    assert (first.queued_at, first.since) == (at(desk.now - 5), at(desk.now))


def test_what_got_lost_on_the_way_to_the_other_queue_is_decided_anew() -> None:
    desk = Bench(replace(QUEUE, hours=SHUT, treatments={"closed": Treatment(do=Do.QUEUE, to=ROADSIDE.queue)}), ROADSIDE)
    desk.wait("a")
    (again,) = decided(desk.tick(5))
    assert again.then.to == "roadside"
    desk.tell(m.TreatmentFailed(call_id=CallId("a")))
    assert treatments(desk.tick(1)) == [("a", "closed")]


def test_nobody_is_sent_round_for_ever() -> None:
    """A desk file cannot say so; tables might."""
    round_and_round = (
        {"closed": Treatment(do=Do.QUEUE, to=ROADSIDE.queue)},
        {"closed": Treatment(do=Do.QUEUE, to=QUEUE.queue)},
    )
    desk = Bench(
        replace(QUEUE, hours=SHUT, treatments=round_and_round[0]),
        replace(ROADSIDE, hours=SHUT, treatments=round_and_round[1]),
    )
    last = [decided(desk.wait("a", ("members", "roadside")[turn % 2]))[0] for turn in range(12)][-1]
    assert last.then.do is Do.MESSAGE


# --- Overflow --------------------------------------------------------------------------------------


def test_overflow_after_the_time_waited_in_this_queue() -> None:
    desk = Bench(to_english(after_s=60), ENGLISH)
    desk.ready("smith")
    assert asked(desk.wait("busy", "english")) == [("busy", "smith")]
    desk.choose("suzuki", AgentState.BREAK)
    desk.wait("a", after=1)
    assert treatments(desk.tick(59)) == []
    (on,) = decided(desk.tick(1))
    assert (on.treatment, on.then) == ("overflow", Treatment(do=Do.QUEUE, to=QueueId("english")))
    assert (on.reason.slug, on.reason.params["here_s"], on.reason.params["to"]) == ("overflow_waited", 60, "english")
    assert treatments(desk.wait("a", "english")) == []
    assert where_of(desk, "a") == ("english", Where.WAITING)


def test_who_went_on_has_the_age_of_the_first_entry() -> None:
    """The caller of the other queue came later and is served later."""
    desk = Bench(to_english(after_s=60), ENGLISH)
    desk.ready("smith")
    first = offer(desk.wait("busy", "english"))
    desk.over(first, OfferOutcome.ACCEPTED)
    desk.choose("suzuki", AgentState.BREAK)
    desk.wait("a", after=1)
    desk.wait("b", "english", after=30)
    desk.tick(30)
    desk.wait("a", "english")
    assert asked(desk.tell(m.AgentFree(agent=first.agent, call_id=CallId("busy")), 5)) == [("a", "smith")]


def test_overflow_by_the_expected_wait() -> None:
    desk = Bench(to_english(expected_s=200), ENGLISH)
    desk.ready("suzuki", "smith")
    for call in ("x", "y"):
        desk.over(offer(desk.wait(call)), OfferOutcome.ACCEPTED)
    sent = [call for number in range(12) if (call := f"c{number}") and decided(desk.wait(call))]
    assert 0 < len(sent) < 12
    waits = [desk.engine.call(CallId(f"c{number}")) for number in range(12 - len(sent))]
    estimates = [desk.engine.expected_wait_s(call, at(desk.now)) for call in waits if call is not None]
    assert estimates
    assert all(estimate is not None and estimate <= 200 for estimate in estimates)


def test_overflow_when_nobody_is_at_work_here() -> None:
    desk = Bench(replace(to_english(expected_s=200), skills=skills(roadside=1), nobody_wait=True), ENGLISH)
    desk.ready("smith")
    (on,) = decided(desk.wait("a"))
    assert on.reason.slug == "overflow_nobody"


@pytest.mark.parametrize(
    "other",
    [
        replace(ENGLISH, hours=SHUT),
        replace(ENGLISH, active=False),
        replace(ENGLISH, max_length=0),
        replace(ENGLISH, skills=skills(roadside=5)),
    ],
    ids=["closed", "switched off", "full", "nobody there"],
)
def test_nobody_is_sent_where_nothing_waits_for_them(other: QueueRule) -> None:
    desk = Bench(to_english(after_s=60), other)
    desk.ready("suzuki", "smith")
    for call in ("x", "y"):
        desk.over(offer(desk.wait(call)), OfferOutcome.ACCEPTED)
    desk.wait("a")
    assert treatments(desk.tick(120)) == []
    assert where_of(desk, "a") == ("members", Where.WAITING)


def test_the_other_queue_is_looked_at_again() -> None:
    desk = Bench(to_english(after_s=60), replace(ENGLISH, skills=skills(en=5)))
    desk.ready("suzuki")
    desk.over(offer(desk.wait("x")), OfferOutcome.ACCEPTED)
    desk.wait("a")
    assert treatments(desk.tick(70)) == []
    desk.choose("smith", AgentState.BREAK)  # somebody who fits is at work again
    assert treatments(desk.tick(6)) == [("a", "overflow")]


def test_a_new_overflow_holds_for_callers_who_wait_already() -> None:
    desk = Bench(replace(QUEUE, nobody_wait=True), ENGLISH)
    desk.choose("smith", AgentState.BREAK)
    desk.wait("a")
    desk.now += 90
    rules = replace(desk.rules, queues=(replace(to_english(after_s=60), nobody_wait=True), ENGLISH))
    assert treatments(desk.tell(m.DeskLoaded(rules=rules))) == [("a", "overflow")]


@settings(max_examples=60, deadline=None)
@given(
    most=st.integers(0, 4),
    after_s=st.integers(5, 120),
    arrivals=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["members", "english"])), min_size=1, max_size=25),
)
def test_no_line_is_longer_than_its_places_and_nobody_waits_beyond_the_overflow(
    most: int, after_s: int, arrivals: list[tuple[int, str]]
) -> None:
    """With nobody free, each caller waits within the places, is told, or goes on; the age never changes."""
    desk = Bench(
        replace(to_english(after_s=after_s), max_length=most, nobody_wait=True),
        replace(ENGLISH, max_length=100, nobody_wait=True),
    )
    desk.ready("smith")
    desk.over(offer(desk.wait("busy", "english")), OfferOutcome.ACCEPTED)
    born = {}
    for number, (pause_s, queue) in enumerate(arrivals):
        moved = decided(desk.tick(pause_s))
        call = f"c{number}"
        born[call] = at(desk.now)
        moved += decided(desk.wait(call, queue))
        for one in moved:
            if one.then.to is not None:
                assert treatments(desk.wait(str(one.call_id), one.then.to)) == []
            else:
                assert one.treatment == "full"
                desk.tell(m.CallGone(call_id=one.call_id))
        waiting = [it for it in desk.engine.calls() if it.where is Where.WAITING]
        assert sum(it.queue.queue == "members" for it in waiting) <= most
        assert all(it.queued_at == born[it.call_id] for it in waiting)
        late = at(desk.now) - timedelta(seconds=after_s)
        assert all(it.queued_at > late for it in waiting if it.queue.queue == "members")


def test_reasons_are_told_in_words() -> None:
    reason = m.Reason("closed_holiday", {"day": {"ja": "文化の日", "en": "Culture Day"}, "waited_s": 0, "to": "night"})
    assert render(reason, "ja", Ids()) == "祝日（文化の日）。キューnightへ"
    assert render(reason, "en", Ids()) == "national holiday: Culture Day; goes on to the queue night"
    late = m.Reason("overflow_waited", {"here_s": 75, "waited_s": 80, "to": "english"})
    assert render(late, "en", Ids()) == "waited 1 min 15 s in this queue; goes on to the queue english"
