"""What Asterisk reports of a channel's sound, as the call tells it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cti.domain import callfsm
from cti.domain import events as ev
from cti.domain.model import CallState, LegFigures, UniqueId
from cti.domain.soundsignals import LegSounded, NumbersFellBack
from tests.unit.calls.test_callfsm import CALL, CALLER, TALK, A, hung_up, later, on_leg, queued, run
from tests.unit.calls.test_desk import desk_after

FIGURES = LegFigures(
    received=500,
    lost_from=5,
    jitter_from_ms=1.5,
    sent=510,
    lost_to=None,
    jitter_to_ms=None,
    round_trip_ms=None,
)


def test_numbers_that_fell_back_are_told_and_change_nothing() -> None:
    before, _ = run(*TALK)
    signal = NumbersFellBack(at=later(10), began_at=later(9), ended_at=None, lost_s=3.0, **on_leg(A))
    track, facts = run(*TALK, signal)
    lost = facts[-1]
    assert isinstance(lost, ev.SoundLost)
    assert (lost.uniqueid, lost.began_at, lost.until_at, lost.lost_s) == (signal.uniqueid, later(9), None, 3.0)
    assert track.call == before.call == lost.call
    assert track.legs == before.legs
    assert lost.uniqueid != UniqueId(track.call.uniqueid)


def sounded(at_s: float, where: dict[str, Any], received: int = 500) -> LegSounded:
    return LegSounded(at=later(at_s), figures=replace(FIGURES, received=received), **where)


def test_how_legs_sounded_is_kept_with_whose_they_are() -> None:
    track, facts = run(*TALK, sounded(20, on_leg(A)), sounded(21, CALLER), sounded(22, on_leg(A), 700))
    assert isinstance(facts[-1], ev.LegMeasured)
    caller, agent = track.call.sounds
    assert (caller.agent, caller.began_at, caller.ended_at) == (None, track.call.arrived_at, later(21))
    talk = track.call.talks[0]
    assert (agent.agent, agent.uniqueid, agent.began_at) == (talk.agent, talk.agent_uniqueid, talk.answered_at)
    assert agent.figures.received == 700  # told again, the later counts


def test_a_leg_that_never_had_the_caller_is_passed_over() -> None:
    track, facts = run(*TALK, sounded(20, {**on_leg(A), "uniqueid": UniqueId("9.99")}))
    assert track.call.sounds == ()
    assert not any(isinstance(fact, ev.LegMeasured) for fact in facts)


def test_a_leg_may_be_told_of_when_the_call_is_over() -> None:
    track, _ = run(*TALK, hung_up(30))
    ended_at = track.call.ended_at
    track, facts = callfsm.advance(track, sounded(30.2, on_leg(A)))
    assert [type(fact) for fact in facts] == [ev.LegMeasured]
    assert (len(track.call.sounds), track.call.ended_at, track.call.state) == (1, ended_at, CallState.ENDED)


def test_the_desk_takes_it_after_the_end_and_of_no_call_it_never_knew() -> None:
    desk, kept = desk_after(queued(1), hung_up(9))
    desk.apply(sounded(9.1, CALLER))
    told = [fact for fact in kept.events if isinstance(fact, ev.LegMeasured)]
    assert [fact.call.sounds[0].figures for fact in told] == [FIGURES]
    assert desk.live(CALL) is None
    desk.apply(sounded(9.2, {**CALLER, "call_id": None, "uniqueid": UniqueId("8.8")}))
    assert desk.stats.strange == 1
