"""Several phones ring at once for one call: who is asked, who bears what, when the call goes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti.domain.errors import CallerError
from cti.domain.model import AgentId, AgentState, CallId, OfferId, OfferOutcome, PhoneState, QueueId
from routing import model as m
from routing.ringing import PhoneAnew
from routing.state import Agent
from routing.why import why_waiting
from tests.unit.routing.reference import at
from tests.unit.routing.test_engine import Bench, asked, offer

ALL = QueueId("all")
NAMES = ("sato", "suzuki", "smith", "mori")


def desk(ring_agents: int = 3, *there: str) -> Bench:
    """Agents at work in this order, so that the first is idle longest."""
    made = Bench(m.QueueRule(queue=ALL, ring_agents=ring_agents, wrap_up_s=0), staff={name: {} for name in NAMES})
    made.ready(*(there or NAMES))
    return made


def ring(decisions: list[m.Decision]) -> list[m.Offered]:
    made = offer(decisions)
    return [made, *made.also]


def names(offers: list[m.Offered]) -> list[str]:
    return [str(one.agent) for one in offers]


def agent(house: Bench, name: str) -> Agent:
    found = house.engine.agent(AgentId(name))
    assert found is not None
    return found


def slugs(decisions: list[m.Decision]) -> list[str]:
    return [one.reason.slug for one in decisions]


def test_the_longest_idle_are_rung_at_once() -> None:
    house = desk()
    decisions = house.wait("a", "all")
    assert len(decisions) == 1
    rung = ring(decisions)
    assert names(rung) == ["sato", "suzuki", "smith"]
    assert [one.attempt for one in rung] == [1, 2, 3]
    assert [(one.reason.slug, one.reason.params["idle"]) for one in rung] == [
        ("longest_idle", 4), ("rings_along", 3), ("rings_along", 2)
    ]  # fmt: skip


def test_no_more_than_there_are() -> None:
    assert names(ring(desk(10, "mori", "sato").wait("a", "all"))) == ["mori", "sato"]


def test_who_gets_ready_while_phones_ring_is_left_for_the_next_call() -> None:
    house = desk(3, "sato")
    house.wait("a", "all")
    assert asked(house.ready("suzuki")) == []
    assert names(ring(house.wait("b", "all"))) == ["suzuki"]


def test_the_first_to_accept_wins_and_the_others_keep_their_place() -> None:
    house = desk()
    first, second, third = ring(house.wait("a", "all"))
    decisions = house.over(second, OfferOutcome.ACCEPTED, 4)
    assert [(one.agent, one.offer_id, one.reason) for one in decisions if isinstance(one, m.PassedOver)] == [
        (lost.agent, lost.offer_id, m.Reason("taken_by_other", {"agent": "suzuki", "after_s": 4}))
        for lost in (first, third)
    ]
    assert [one for one in decisions if isinstance(one, m.TakenBack)] == []  # Asterisk has stopped them itself
    # As before: sato is idle longest.
    assert names(ring(house.wait("b", "all"))) == ["sato", "smith", "mori"]


def test_both_accept_and_one_has_the_caller() -> None:
    house = desk()
    first, second, _ = ring(house.wait("a", "all"))
    house.over(second, OfferOutcome.ACCEPTED)
    house.tell(m.OfferOver(offer_id=first.offer_id, outcome=OfferOutcome.ACCEPTED))
    assert [one.agent for one in house.engine.agents() if one.call == "a"] == ["suzuki"]


def test_who_declines_or_misses_bears_it_alone() -> None:
    house = desk()
    first, second, third = ring(house.wait("a", "all"))
    for one in (first, second, third):
        house.tell(m.OfferRang(offer_id=one.offer_id, call_id=one.call_id, agent=one.agent))
    assert house.over(first, OfferOutcome.REJECTED, 2) == []
    call = house.engine.call(CallId("a"))
    assert call is not None
    assert names([second, third]) == [one.agent.agent for one in call.offers]
    assert not call.may_ask(agent(house, "sato"))
    assert slugs(house.over(second, OfferOutcome.TIMED_OUT, 18)) == ["missed_offer"]
    assert agent(house, "suzuki").state is AgentState.BREAK
    before = call.where
    house.over(third, OfferOutcome.TIMED_OUT)
    assert (before, call.where) == (m.Where.OFFERED, m.Where.RETURNING)
    # With its age, to whoever may be asked.
    rung = ring(house.wait("a", "all"))
    assert names(rung) == ["mori"]
    assert rung[0].reason.params["waited_s"] == 20
    assert rung[0].attempt == 4


def test_the_caller_who_hangs_up_frees_all() -> None:
    house = desk()
    house.wait("a", "all")
    house.tell(m.CallGone(call_id=CallId("a")))
    assert names(ring(house.wait("b", "all"))) == ["sato", "suzuki", "smith"]


def test_an_agent_who_leaves_stops_one_phone_and_the_last_one_gives_the_call_back() -> None:
    house = desk(2, "sato", "suzuki")
    first, second = ring(house.wait("a", "all"))
    (back,) = [one for one in house.choose("sato", AgentState.BREAK) if isinstance(one, m.TakenBack)]
    assert (back.offer_id, back.rings_on, back.reason.slug) == (first.offer_id, True, "agent_left")
    (back,) = [one for one in house.choose("suzuki", AgentState.BREAK) if isinstance(one, m.TakenBack)]
    assert (back.offer_id, back.rings_on) == (second.offer_id, False)


def rung(house: Bench, name: str, after_s: float) -> m.Offered:
    """A call rings at this agent alone, and has for so long."""
    made = offer(house.wait("a", "all"))
    assert made.agent == name
    house.tell(m.OfferRang(offer_id=made.offer_id, call_id=made.call_id, agent=made.agent))
    house.tell(m.PhoneIs(agent=made.agent, phone=PhoneState.RINGING))
    house.tell(m.Tick(), after_s)
    return made


def test_a_page_loaded_anew_while_it_rings_gives_the_call_back_at_once_and_is_rung_again() -> None:
    house = desk(1, "sato", "suzuki")
    first = rung(house, "sato", 3)
    (back,) = house.tell(PhoneAnew(agent=AgentId("sato")))
    assert isinstance(back, m.TakenBack)
    assert (back.offer_id, back.outcome, back.reason.slug) == (first.offer_id, OfferOutcome.UNREACHABLE, "phone_anew")
    sato = agent(house, "sato")
    assert (sato.state, sato.failures, sato.distrust_until) == (AgentState.AVAILABLE, 0, None)
    house.tell(m.PhoneIs(agent=AgentId("sato"), phone=PhoneState.IDLE))
    again = offer(house.wait("a", "all"))
    assert (again.agent, again.reason.params["waited_s"]) == ("sato", 3)


def test_a_page_that_comes_and_goes_does_not_keep_the_caller() -> None:
    house = desk(1, "sato", "suzuki")
    rung(house, "sato", 3)
    house.tell(PhoneAnew(agent=AgentId("sato")))
    house.tell(m.PhoneIs(agent=AgentId("sato"), phone=PhoneState.IDLE))
    rung(house, "sato", 3)
    house.tell(PhoneAnew(agent=AgentId("sato")))
    house.tell(m.PhoneIs(agent=AgentId("sato"), phone=PhoneState.IDLE))
    assert agent(house, "sato").failures == 1
    assert offer(house.wait("a", "all")).agent == "suzuki"


def test_what_began_to_ring_just_now_may_ring_at_the_page_that_came() -> None:
    house = desk(1, "sato")
    rung(house, "sato", 0.2)
    assert house.tell(PhoneAnew(agent=AgentId("sato"))) == []
    assert agent(house, "sato").offer is not None
    for nothing in (AgentId("suzuki"), AgentId("nobody")):
        assert house.tell(PhoneAnew(agent=nothing)) == []


def test_a_page_loaded_anew_stops_its_own_phone_of_several() -> None:
    house = desk(2, "sato", "suzuki")
    first, second = ring(house.wait("a", "all"))
    for one in (first, second):
        house.tell(m.OfferRang(offer_id=one.offer_id, call_id=one.call_id, agent=one.agent))
    house.tell(m.Tick(), 3)
    (back,) = house.tell(PhoneAnew(agent=AgentId("suzuki")))
    assert isinstance(back, m.TakenBack)
    assert (back.offer_id, back.rings_on) == (second.offer_id, True)


def test_asterisk_that_cannot_be_asked_pauses_the_call_once() -> None:
    house = desk(3)
    rung = ring(house.wait("a", "all"))
    backs = [one for lost in rung for one in house.tell(m.OfferFailed(offer_id=lost.offer_id))]
    assert [(one.reason.slug, one.rings_on) for one in backs if isinstance(one, m.TakenBack)] == [
        ("asterisk_unavailable", True), ("asterisk_unavailable", True), ("asterisk_unavailable", False)
    ]  # fmt: skip
    assert names(ring(house.tick(1))) == ["sato", "suzuki", "smith"]


def test_a_caller_for_whom_no_phone_of_several_is_dialled_takes_no_team_out() -> None:
    house = desk(3)
    house.wait("a", "all")
    decisions = house.tick(300)
    assert not [one for one in decisions if isinstance(one, m.Moved)]
    backs = [one for one in decisions if isinstance(one, m.TakenBack)]
    assert len(backs) >= 9, "it is tried again and again, each time after a longer pause"
    assert {one.outcome for one in backs} == {OfferOutcome.WITHDRAWN}
    assert {agent(house, name).state for name in NAMES} == {AgentState.AVAILABLE}
    assert {agent(house, name).failures for name in NAMES} == {0}


def test_of_several_the_one_that_is_not_dialled_counts_as_unreachable() -> None:
    house = desk(2, "sato", "suzuki")
    first, second = ring(house.wait("a", "all"))
    house.tell(m.OfferRang(offer_id=second.offer_id, call_id=second.call_id, agent=second.agent))
    (back,) = house.tick(5)
    assert isinstance(back, m.TakenBack)
    assert (back.offer_id, back.outcome, back.rings_on) == (first.offer_id, OfferOutcome.UNREACHABLE, True)


def test_an_answer_that_got_lost_while_one_of_them_rings_changes_nothing() -> None:
    house = desk()
    rung = ring(house.wait("a", "all"))
    house.tell(m.OfferRang(offer_id=rung[1].offer_id, call_id=rung[1].call_id, agent=rung[1].agent))
    assert [house.tell(m.OfferFailed(offer_id=one.offer_id)) for one in rung] == [[], [], []]


def test_a_callback_rings_one_agent() -> None:
    house = desk()
    decisions = house.tell(m.CallWaits(call_id=CallId("a"), queue=ALL, queued_at=at(0), patient=True))
    assert names(ring(decisions)) == ["sato"]


def test_a_ring_of_before_a_restart_is_taken_over_whole() -> None:
    house = desk()
    for number, name in enumerate(("sato", "suzuki", "smith", "mori")):
        told = m.OfferRang(
            offer_id=OfferId(f"{number:032x}"), call_id=CallId("a"), agent=AgentId(name), queue=ALL, queued_at=at(0)
        )
        house.tell(told)
    call = house.engine.call(CallId("a"))
    assert call is not None
    assert [one.agent.agent for one in call.offers] == ["sato", "suzuki", "smith"]  # the queue rings no more than three


def test_a_callback_that_rang_at_a_restart_is_still_nobody_who_listens() -> None:
    house = desk(3, "sato")
    rang = m.OfferRang(
        offer_id=OfferId("f" * 32), call_id=CallId("a"), agent=AgentId("sato"), queue=ALL, queued_at=at(0)
    )
    house.tell(rang)
    house.choose("sato", AgentState.OFFLINE)
    place = m.CallWaits(call_id=CallId("a"), queue=ALL, queued_at=at(0), patient=True)
    assert house.tell(place) == []
    assert house.tick(86_400) == [], "nobody has to be told that nobody is there"
    house.ready("suzuki", "smith")
    (alone,) = house.engine.call(CallId("a")).offers  # type: ignore[union-attr]
    house.tell(m.OfferOver(offer_id=alone.offer_id, outcome=OfferOutcome.WITHDRAWN))
    assert names(ring(house.tell(place))) == ["suzuki"], "one at a time"


def test_who_answered_a_call_that_nobody_offered_them_is_asked_for_no_other_one() -> None:
    """A phone rang without us, and its state is told later than the answer."""
    house = desk(1, "sato")
    (ringing,) = ring(house.wait("a", "all"))
    house.wait("b", "all")
    (back,) = house.tell(m.CallTaken(call_id=CallId("c"), agent=AgentId("sato"), queue=ALL))
    assert isinstance(back, m.TakenBack)
    assert (back.offer_id, back.reason.slug) == (ringing.offer_id, "agent_busy")
    talking = agent(house, "sato")
    assert (talking.call, talking.offer) == ("c", None)


def test_why_it_waits_names_all_of_them() -> None:
    house = desk(2)
    house.wait("a", "all")
    call = house.engine.call(CallId("a"))
    assert call is not None
    assert why_waiting(house.engine, call, at(1)).reason == m.Reason(
        "waits_offered_several", {"agents": ["sato", "suzuki"]}
    )
    with pytest.raises(CallerError, match="'sato', 'suzuki' rings"):
        house.tell(m.SetPriority(call_id=CallId("a"), priority=5, by="tanaka"))


def test_a_rule_that_changes_while_they_ring_counts_from_the_next_ring_on() -> None:
    house = desk()
    rung = ring(house.wait("a", "all"))
    queue = replace(house.rules.queues[0], ring_agents=1)
    house.tell(m.DeskLoaded(rules=replace(house.rules, queues=(queue,))))
    house.over(rung[0], OfferOutcome.REJECTED)
    house.over(rung[1], OfferOutcome.REJECTED)
    house.tell(m.PhoneIs(agent=rung[2].agent, phone=PhoneState.IDLE))
    house.over(rung[2], OfferOutcome.REJECTED)
    assert names(ring(house.wait("a", "all"))) == ["mori"]
