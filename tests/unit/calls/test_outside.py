"""A live call and somebody outside: asked, in a conference, given the caller, or not there; and who ended it."""

from __future__ import annotations

from typing import Any

import pytest

from cti.domain import events as ev
from cti.domain import signals as sig
from cti.domain.callrestore import restored
from cti.domain.consult import Place
from cti.domain.model import CallState, ConsultResult, QueueId, TalkPhase, TransferKind, TransferResult
from tests.unit.calls.test_callconsult import ON, Told
from tests.unit.calls.test_callfsm import CALL, A, B, leg

E164 = "+819012345678"
OUT: dict[str, Any] = {"agent_channel": "PJSIP/trunk-00000009", "agent_uniqueid": "1795300000.9"}
ON["O"] = {"channel": OUT["agent_channel"], "uniqueid": OUT["agent_uniqueid"], "call_id": CALL}


class Outside(Told):
    """The same call, with a phone outside."""

    def asks(self, *, answered: bool = True, first: str = "C") -> None:
        """The agent's own channel rings it; Asterisk tells of the two legs in any order."""
        if first == "C":
            self.place("C", Place.HOLD)
        self.say(sig.LegPlaced, "A", place=Place.DIALS, outside=E164)
        if first == "A":
            self.place("C", Place.HOLD)
        self.say(sig.DialBegan, "A", **OUT)
        if answered:
            self.say(sig.DialEnded, "A", status="ANSWER", **OUT)
            self.enter("2", "O", "A")

    def passes(self) -> None:
        """The caller's own channel rings it while the agent waits."""
        asked: dict[str, Any] = {"kind": TransferKind.OUTSIDE, "by": A, "to": E164}
        self.say(sig.LegPlaced, "C", place=Place.HOLD, outside=E164)
        self.place("A", Place.PARKED)
        self.say(sig.DialBegan, "C", **OUT)
        self.say(sig.TransferAsked, "", call_id=CALL, **asked)

    def answers(self) -> None:
        """It does, and is with the caller."""
        self.say(sig.DialEnded, "C", status="ANSWER", **OUT)
        self.enter("3", "O", "C")


@pytest.mark.parametrize("first", ["C", "A"])
def test_asked_joined_and_given_the_caller(first: str) -> None:
    told = Outside()
    told.asks(first=first)
    phases = [told.phase]
    told.enter("2", "C")
    assert [*phases, told.phase] == [TalkPhase.CONSULTING, TalkPhase.CONFERENCE]
    told.gone("A")
    call = told.track.call
    assert (call.phase, call.state) == (TalkPhase.TALKING, CallState.TALKING)
    assert [talk.agent for talk in call.talks] == [A], "whoever is outside is no agent"
    assert all(talk.ended_at is not None for talk in call.talks)
    (asked,) = call.consultations
    assert (asked.first, asked.second, asked.outside, asked.result) == (A, None, E164, ConsultResult.HANDED_OVER)
    (passed,) = call.transfers
    assert (passed.kind, passed.by, passed.to, passed.result) == (
        TransferKind.OUTSIDE, A, E164, TransferResult.ANSWERED,
    )  # fmt: skip
    told.say(sig.HangupRequested, "O")
    told.gone("O")
    told.gone("C")
    assert (told.track.call.ended_by, told.track.call.end_reason) == ("outside", "completed")


def test_who_was_asked_and_hangs_up_did_not_end_the_call() -> None:
    told = Outside()
    told.asks()
    told.enter("2", "C")
    told.say(sig.HangupRequested, "O")
    told.gone("O")
    assert told.phase is TalkPhase.TALKING
    assert told.track.call.consultations[0].result is ConsultResult.RETURNED
    told.say(sig.HangupRequested, "A")
    told.gone("C")
    assert told.track.call.ended_by == "agent"


def test_passed_on_and_answered_is_one_transfer() -> None:
    told = Outside()
    told.passes()
    assert (told.phase, told.track.call.state) == (TalkPhase.CALLING, CallState.HELD)
    told.answers()
    told.gone("A")
    assert told.phase is TalkPhase.TALKING
    assert [(t.kind, t.to, t.result) for t in told.track.call.transfers] == [
        (TransferKind.OUTSIDE, E164, TransferResult.ANSWERED)
    ]
    assert told.kinds(ev.CallTransferred) == ["CallTransferred"]
    told.say(sig.HangupRequested, "C")
    told.gone("C")
    assert told.track.call.ended_by == "caller"


def test_not_there_the_agent_has_the_caller_again() -> None:
    told = Outside()
    told.passes()
    told.gone("O")
    assert told.phase is TalkPhase.HELD
    told.enter("3", "C", "A")
    assert (told.phase, told.track.call.state) == (TalkPhase.TALKING, CallState.TALKING)
    assert told.track.call.transfers[0].result is TransferResult.UNANSWERED
    assert told.track.call.consultations[0].result is ConsultResult.UNANSWERED
    told.consult()
    assert told.track.call.consultations[1].outside is None, "the next one is a colleague"


def test_not_there_and_the_agent_has_left_the_caller_waits_again() -> None:
    told = Outside()
    told.passes()
    told.gone("A")
    told.gone("O")
    told.say(sig.CallerQueued, "C", queue=QueueId("members"))
    call = told.track.call
    assert (call.state, call.phase) == (CallState.QUEUED, None)
    assert call.transfers[0].result is TransferResult.UNANSWERED
    assert told.kinds(ev.AgentFreed) == ["AgentFreed"]


def test_an_agent_who_left_has_still_passed_the_caller_on() -> None:
    told = Outside()
    told.passes()
    told.gone("A")
    told.answers()
    call = told.track.call
    assert (call.state, call.phase) == (CallState.TALKING, TalkPhase.TALKING)
    assert [(t.by, t.result) for t in call.transfers] == [(A, TransferResult.ANSWERED)]
    told.say(sig.HangupRequested, "O")
    told.gone("C")
    assert told.track.call.ended_by == "outside"


def test_a_number_that_was_announced_and_never_rung_makes_no_colleague_of_the_next_agent() -> None:
    """The dialplan refused it; then the agent's page was loaded anew, and the caller's channel rings that agent."""
    told = Outside()
    told.say(sig.LegPlaced, "C", place=Place.HOLD, outside=E164)
    told.place("A", Place.PARKED)
    told.enter("3", "C", "A")
    told.gone("A")
    told.say(sig.DialBegan, "C", agent=B, **leg(B))
    told.say(sig.DialEnded, "C", agent=B, status="ANSWER", **leg(B))
    assert told.track.call.consultations == ()
    assert [talk.agent for talk in told.track.call.talks if talk.ended_at is None] == [B]


def seen(told: Outside) -> None:
    """What a snapshot says of a caller whose own channel has dialled somebody outside (cti.ami.resync)."""
    told.say(sig.LegPlaced, "C", place=Place.HOLD, outside=E164)
    told.say(sig.DialBegan, "C", **OUT)
    told.say(sig.DialEnded, "C", status="ANSWER", **OUT)
    told.enter("3", "C", "O")


def test_a_snapshot_finds_who_has_the_caller_although_no_record_tells_of_it_and_told_again_changes_nothing() -> None:
    told = Outside()
    told.gone("A")
    for _ in range(3):
        seen(told)
        call = told.track.call
        assert (call.phase, call.state) == (TalkPhase.TALKING, CallState.TALKING)
        assert [(t.kind, t.to, t.result) for t in call.transfers] == [
            (TransferKind.OUTSIDE, E164, TransferResult.ANSWERED)
        ]
        assert [asked.outside for asked in call.consultations] == [E164]
    told.track = restored(told.track.call)
    seen(told)
    assert len(told.track.call.transfers) == len(told.track.call.consultations) == 1
    told.say(sig.HangupRequested, "O")
    told.gone("C")
    assert told.track.call.ended_by == "outside"


def test_a_snapshot_knows_whose_caller_it_was_when_that_agent_has_left() -> None:
    told = Outside()
    told.gone("A")
    told.say(sig.LegPlaced, "C", agent=A, place=Place.HOLD, outside=E164, by=ON["A"]["channel"])
    told.say(sig.DialBegan, "C", **OUT)
    told.answers()
    assert [(t.kind, t.by) for t in told.track.call.transfers] == [(TransferKind.OUTSIDE, A)]
    assert told.track.call.consultations[0].first == A


def test_a_record_that_knows_who_is_being_rung_and_a_snapshot_make_one() -> None:
    """The server died while the phone outside rang, and had written that down."""
    told = Outside()
    told.passes()
    told.track = restored(told.track.call)
    told.say(sig.LegPlaced, "C", agent=A, place=Place.HOLD, outside=E164, by=ON["A"]["channel"])
    told.say(sig.DialBegan, "C", agent=A, **leg(A))
    told.say(sig.DialEnded, "C", agent=A, status="ANSWER", **leg(A))
    told.say(sig.DialBegan, "C", **OUT)
    told.place("C", Place.HOLD)
    told.place("A", Place.PARKED)
    assert told.phase is TalkPhase.CALLING, "it rings still: the agent may take the caller back, and nothing else"
    told.answers()
    told.gone("A")
    call = told.track.call
    assert (call.phase, call.state) == (TalkPhase.TALKING, CallState.TALKING)
    assert [(t.by, t.result) for t in call.transfers] == [(A, TransferResult.ANSWERED)]
    assert len(call.consultations) == 1
    told.say(sig.HangupRequested, "O")
    told.gone("O")
    told.gone("C")
    assert told.track.call.ended_by == "outside"


@pytest.mark.parametrize("bridged", [False, True])  # Asterisk does it or not, as the hang-up is noticed
def test_somebody_who_answers_and_hangs_up_before_the_notice_is_over_never_had_the_caller(bridged: bool) -> None:
    told = Outside()
    told.passes()
    told.say(sig.DialEnded, "C", status="ANSWER", **OUT)
    if bridged:
        told.enter("3", "O", "C")
    told.say(sig.HangupRequested, "O")
    told.gone("O")
    told.enter("4", "C", "A")
    assert (told.phase, told.track.call.state) == (TalkPhase.TALKING, CallState.TALKING)
    assert told.track.call.transfers[0].result is TransferResult.UNANSWERED
    assert told.track.call.consultations[0].result is ConsultResult.RETURNED
    told.say(sig.HangupRequested, "A")
    told.gone("C")
    assert told.track.call.ended_by == "agent"
