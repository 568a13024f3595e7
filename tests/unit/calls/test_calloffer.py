"""Several phones ring at once for one call: each has its own offer, the first to answer has the caller."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from cti.domain import events as ev
from cti.domain import signals as sig
from cti.domain.callfsm import advance
from cti.domain.callrestore import restored
from cti.domain.calltrack import Track
from cti.domain.errors import IllegalMove
from cti.domain.model import AgentId, CallState, Offer, OfferId, OfferOutcome
from tests.unit.calls.test_callfsm import CALL, CALLER, A, B, arrived, later, leg, offer, on_leg, queued

C = AgentId("smith")
LEG_C: dict[str, Any] = {"agent_channel": "PJSIP/demo-smith-00000004", "agent_uniqueid": "1.3"}
ON_C: dict[str, Any] = {"channel": "PJSIP/demo-smith-00000004", "uniqueid": "1.3", "call_id": CALL}
NUMBERS = {A: 1, B: 2, C: 3}
RING = OfferId(f"{1:032x}")


def of_ring(agent: AgentId) -> Offer:
    return replace(offer(agent, NUMBERS[agent]), ring=RING)


def began(agent: AgentId, at: float = 1.1) -> sig.Signal:
    return sig.DialBegan(at=later(at), **CALLER, **(LEG_C if agent == C else leg(agent)))


def ended(agent: AgentId, status: str, at: float = 3) -> sig.Signal:
    return sig.DialEnded(at=later(at), status=status, **CALLER, **(LEG_C if agent == C else leg(agent)))


def gone(agent: AgentId, cause: int, at: float = 3) -> sig.Signal:
    where = ON_C if agent == C else on_leg(agent)
    return sig.ChannelHungUp(at=later(at), cause=cause, cause_text="", **where)


def play(track: Track, steps: Iterable[tuple[sig.Signal, AgentId | None]]) -> tuple[Track, list[ev.Event]]:
    facts: list[ev.Event] = []
    for signal, agent in steps:
        track, more = advance(track, signal, agent)
        facts += more
    return track, facts


def story(facts: Iterable[ev.Event]) -> list[str]:
    told = []
    for it in facts:
        match it:
            case ev.OfferEnded():
                told.append(f"{it.agent} {it.outcome}")
            case ev.CallOffered() | ev.CallRinging() | ev.CallAnswered():
                told.append(f"{type(it).__name__} {it.agent}")
            case _:
                told.append(type(it).__name__)
    return told


def rings(*agents: AgentId) -> Track:
    """These agents' phones ring, all asked at once."""
    decided = sig.OfferDecided(at=later(1), offer=of_ring(A), also=(of_ring(B), of_ring(C)))
    track, facts = play(arrived(), [(queued(), None), (decided, None), *((began(one), one) for one in agents)])
    assert story(facts) == [
        "CallQueued", *(f"CallOffered {one}" for one in (A, B, C)), *(f"CallRinging {one}" for one in agents)
    ]  # fmt: skip
    return track


def test_the_first_to_answer_has_the_caller_and_the_others_are_nobodys_fault() -> None:
    track, facts = play(
        rings(A, B, C),
        [
            (ended(B, "ANSWER"), B),
            (ended(A, "CANCEL"), A),
            (ended(C, "CANCEL"), C),
            (gone(A, 26), None),
            (gone(C, 26), None),
        ],
    )
    assert story(facts) == ["suzuki accepted", "sato withdrawn", "smith withdrawn", "CallAnswered suzuki"]
    assert track.call.state is CallState.TALKING
    assert [talk.agent for talk in track.call.talks] == [B]
    assert [talk.offer_id for talk in track.call.talks] == [of_ring(B).offer_id]
    assert [one.agent for one in track.legs] == [B]


def test_the_others_may_be_told_before_the_answer() -> None:
    _, facts = play(rings(A, B), [(ended(A, "CANCEL"), A), (gone(A, 26), None), (ended(B, "ANSWER"), B)])
    assert story(facts) == ["suzuki accepted", "sato withdrawn", "smith withdrawn", "CallAnswered suzuki"]


def test_an_answer_that_was_not_told_is_held_against_nobody() -> None:
    over = sig.OfferDialled(at=later(4), offer_id=RING, status="ANSWER", cause=16, **CALLER)
    _, facts = play(rings(A, B), [(gone(A, 26), None), (over, None)])
    assert story(facts) == ["sato withdrawn", "smith withdrawn"]


def test_who_declines_is_judged_alone_and_the_others_ring_on() -> None:
    track, facts = play(rings(A, B, C), [(ended(A, "BUSY"), A), (gone(A, 17), None)])
    assert story(facts) == ["sato rejected"]
    assert track.call.state is CallState.OFFERED
    assert [one.agent for one in track.offers] == [B, C]
    track, facts = play(track, [(ended(C, "NOANSWER", 2), C), (gone(C, 21, 2), None), (ended(B, "ANSWER"), B)])
    assert story(facts) == ["smith rejected", "suzuki accepted", "CallAnswered suzuki"]


def test_after_the_last_the_caller_waits_again() -> None:
    """Asterisk tells the return to the loop before the ends of the legs."""
    over = sig.OfferDialled(at=later(21.1), offer_id=RING, status="NOANSWER", cause=0, **CALLER)
    ends = [(ended(one, "NOANSWER", 21.1), one) for one in (A, B, C)]
    track, facts = play(rings(A, B, C), [*ends, (over, None), (queued(21.1), None)])
    assert facts == []
    track, facts = play(track, [(gone(one, 0, 21.2), None) for one in (A, B, C)])
    assert story(facts) == ["sato timed_out", "suzuki timed_out", "smith timed_out", "CallQueued"]
    assert (track.call.state, track.offers, track.waiting) == (CallState.QUEUED, (), True)


def test_a_phone_that_was_never_dialled_is_over_with_the_ring() -> None:
    over = sig.OfferDialled(at=later(4), offer_id=RING, status="BUSY", cause=17, **CALLER)
    track, facts = play(rings(A, B), [(gone(A, 17), None), (over, None)])
    assert story(facts) == ["sato rejected", "smith unreachable"]
    # Whose phone rang tells of itself.
    assert [one.agent for one in track.offers] == [B]
    _, facts = play(track, [(gone(B, 0, 21.2), None)])
    assert story(facts) == ["suzuki timed_out"]


def test_the_caller_who_hangs_up_ends_all() -> None:
    hung_up = sig.ChannelHungUp(at=later(3), cause=16, cause_text="", **CALLER)
    _, facts = play(rings(A, B, C), [(hung_up, None)])
    assert story(facts) == ["sato withdrawn", "suzuki withdrawn", "smith withdrawn", "CallEnded"]


def test_one_is_taken_back_and_the_others_ring_on() -> None:
    back = sig.OfferTakenBack(
        at=later(2), call_id=CALL, offer_id=of_ring(B).offer_id, outcome=OfferOutcome.WITHDRAWN
    )  # fmt: skip
    track, facts = play(rings(A, B, C), [(back, None), (gone(B, 44), None)])
    assert story(facts) == ["suzuki withdrawn"]
    assert track.call.state is CallState.OFFERED


def test_what_the_dialplan_does_not_dial_rings_nobody() -> None:
    stale = sig.OfferStale(at=later(2), offer_id=RING, **CALLER)
    track, facts = play(rings(), [(stale, None)])
    assert story(facts) == ["sato withdrawn", "suzuki withdrawn", "smith withdrawn"]
    assert track.call.state is CallState.QUEUED


def test_while_phones_ring_no_other_ring_begins() -> None:
    with pytest.raises(IllegalMove):
        advance(rings(A, B), sig.OfferDecided(at=later(2), offer=offer(C, 9)))


def test_after_a_restart_the_ring_is_known_as_it_was() -> None:
    before, _ = play(rings(A, B, C), [(gone(A, 17), None)])
    track = restored(before.call)
    assert [(one.agent, one.offer_id, one.ring, one.attempt) for one in track.offers] == [
        (one.agent, one.offer_id, RING, NUMBERS[one.agent]) for one in before.offers
    ]
    over = sig.OfferDialled(at=later(4), offer_id=RING, status="NOANSWER", cause=0, **CALLER)
    _, facts = play(track, [(began(B, 1.1), B), (over, None), (gone(B, 0, 25), None)])
    assert story(facts) == ["CallRinging suzuki", "smith unreachable", "suzuki timed_out"]


def test_a_phone_that_rings_alone_is_no_ring_after_a_restart() -> None:
    before, _ = play(arrived(), [(queued(), None), (sig.OfferDecided(at=later(1), offer=offer()), None)])
    (found,) = restored(before.call).offers
    assert (found.offer_id, found.ring, found.ring_id) == (offer().offer_id, None, offer().offer_id)
