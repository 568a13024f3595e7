"""A live call through hold, consultation and conference, told in Asterisk's words; in any order of two legs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain import events as ev
from cti.domain import signals as sig
from cti.domain.callfsm import advance
from cti.domain.calltrack import Track
from cti.domain.consult import Place
from cti.domain.model import (
    AgentId,
    CallState,
    ConsultResult,
    QueueId,
    TalkPhase,
    TransferKind,
    TransferResult,
)
from tests.unit.calls.test_callfsm import CALL, CALLER, LEGS, A, B, arrived, later, leg

ON: dict[str, dict[str, Any]] = {
    "C": CALLER,
    "A": {"channel": LEGS[A][0], "uniqueid": LEGS[A][1], "call_id": CALL},
    "B": {"channel": LEGS[B][0], "uniqueid": LEGS[B][1], "call_id": CALL},
}


class Told:
    """A call that sato talks in, and everything it was told to the world."""

    def __init__(self) -> None:
        self.track: Track = arrived()
        self.facts: list[ev.Event] = []
        self.seconds = 0.0
        self.say(sig.CallerQueued, "C", queue=QueueId("members"))
        self.say(sig.DialBegan, "C", agent=A, **leg(A))
        self.enter("1", "C", "A")
        self.say(sig.DialEnded, "C", agent=A, status="ANSWER", **leg(A))

    def say(self, told: type[sig.Signal], who: str, /, *, agent: AgentId | None = None, **fields: Any) -> None:
        self.seconds += 1
        signal = told(at=later(self.seconds), **(ON[who] if who else {}), **fields)
        self.track, facts = advance(self.track, signal, agent)
        self.facts += facts

    def enter(self, bridge: str, *who: str) -> None:
        for one in who:
            self.say(sig.BridgeEntered, one, bridge=bridge)

    def place(self, who: str, place: Place) -> None:
        self.say(sig.LegPlaced, who, place=place)

    def gone(self, who: str) -> None:
        self.say(sig.ChannelHungUp, who, cause=16, cause_text="")

    def consult(self, *, answered: bool = True) -> None:
        self.place("C", Place.HOLD)
        self.place("A", Place.DIALS)
        self.say(sig.DialBegan, "A", agent=B, **leg(B))
        if answered:
            self.say(sig.DialEnded, "A", agent=B, status="ANSWER", **leg(B))
            self.enter("2", "B", "A")

    @property
    def phase(self) -> TalkPhase | None:
        return self.track.call.phase

    def kinds(self, *kinds: type[ev.Event]) -> list[str]:
        return [type(fact).__name__ for fact in self.facts if isinstance(fact, kinds)]


def test_hold_and_resume_are_counted() -> None:
    told = Told()
    assert told.phase is TalkPhase.TALKING
    told.place("C", Place.HOLD)
    assert told.phase is TalkPhase.TALKING  # half way: the agent is not there yet
    told.place("A", Place.PARKED)
    assert (told.phase, told.track.call.state) == (TalkPhase.HELD, CallState.HELD)
    told.enter("2", "A", "C")
    assert (told.phase, told.track.call.state) == (TalkPhase.TALKING, CallState.TALKING)
    (hold,) = told.track.call.holds
    assert hold.ended_at is not None
    assert told.track.call.held_s == (hold.ended_at - hold.began_at).total_seconds()
    assert told.kinds(ev.CallHeld, ev.CallResumed) == ["CallHeld", "CallResumed"]


def test_asked_swapped_joined_and_handed_over() -> None:
    told = Told()
    told.consult()
    phases = [told.phase]
    told.place("B", Place.WAITS)
    told.enter("3", "A", "C")
    phases.append(told.phase)
    told.place("C", Place.HOLD)
    told.enter("4", "A", "B")
    phases.append(told.phase)
    told.enter("4", "C")
    phases.append(told.phase)
    assert phases == [TalkPhase.CONSULTING, TalkPhase.SWAPPED, TalkPhase.CONSULTING, TalkPhase.CONFERENCE]
    told.gone("A")
    call = told.track.call
    assert told.phase is TalkPhase.TALKING
    assert [talk.agent for talk in call.talks if talk.ended_at is None] == [B]
    assert call.consultations[0].result is ConsultResult.HANDED_OVER
    assert call.consultations[0].joined_at is not None
    assert [(t.kind, t.by, t.to, t.result) for t in call.transfers] == [
        (TransferKind.CONSULTED, A, B, TransferResult.ANSWERED)
    ]
    told.say(sig.HangupRequested, "B")
    told.gone("C")
    assert told.track.call.ended_by == "agent"


@pytest.mark.parametrize("order", ["CB", "BC"])
def test_handed_over_from_the_consultation(order: str) -> None:
    told = Told()
    told.consult()
    told.enter("3", *order)
    told.gone("A")
    assert told.phase is TalkPhase.TALKING
    assert [type(f).__name__ for f in told.facts if isinstance(f, ev.CallAnswered)] == ["CallAnswered"] * 2
    assert told.kinds(ev.AgentFreed) == ["AgentFreed"]


def test_the_colleague_never_answers() -> None:
    told = Told()
    told.consult(answered=False)
    phases = [told.phase]
    told.say(sig.DialEnded, "A", agent=B, status="BUSY", **leg(B))
    told.gone("B")
    told.place("A", Place.PARKED)
    told.enter("3", "A", "C")
    assert [*phases, told.phase] == [TalkPhase.CALLING, TalkPhase.TALKING]
    assert told.track.call.consultations[0].result is ConsultResult.UNANSWERED
    assert told.kinds(ev.AgentFreed) == []
    assert len(told.track.call.talks) == 1


def test_the_caller_leaves_while_the_agents_talk() -> None:
    told = Told()
    told.consult()
    told.gone("C")
    call = told.track.call
    assert call.consultations[0].result is ConsultResult.CALLER_LEFT
    assert call.phase is None
    assert call.state is CallState.ENDED


def test_passed_on_without_asking_needs_to_be_asked_for() -> None:
    told = Told()
    told.say(sig.TransferAsked, "", call_id=CALL, kind=TransferKind.QUEUE, by=A, to="roadside")
    told.say(sig.CallerQueued, "C", queue=QueueId("roadside"))
    call = told.track.call
    assert (call.state, call.queue, call.phase) == (CallState.QUEUED, "roadside", None)
    assert call.queued_at == later(1)  # the first entry: the age is kept
    assert call.transfers[0].result is None  # until somebody answers
    told.say(sig.DialBegan, "C", agent=B, **leg(B))
    told.say(sig.DialEnded, "C", agent=B, status="ANSWER", **leg(B))
    assert told.track.call.transfers[0].result is TransferResult.ANSWERED


@given(st.lists(st.tuples(st.sampled_from("CAB"), st.sampled_from([*Place, "1", "2", "3", "gone"])), max_size=25))
def test_no_order_of_events_breaks_a_call(steps: list[tuple[str, str]]) -> None:
    """Whatever is told: open talks have a leg, one consultation goes on at most, a hold is open only while held."""
    told = Told()
    told.consult()
    for who, what in steps:
        if told.track.call.state is CallState.ENDED:
            break
        if what == "gone":
            told.gone(who)
        elif what in set(Place):
            told.place(who, Place(what))
        else:
            told.enter(what, who)
        call = told.track.call
        open_talks = {talk.agent_uniqueid for talk in call.talks if talk.ended_at is None}
        assert open_talks <= {one.uniqueid for one in told.track.legs}
        assert sum(asked.ended_at is None for asked in call.consultations) == (told.track.second is not None)
        assert (call.held_since is not None) == (call.state is CallState.HELD)
        assert sum(hold.ended_at is None for hold in call.holds) == (call.held_since is not None)
        assert len(told.track.places) <= 3
