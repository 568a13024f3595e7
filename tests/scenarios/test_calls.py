"""Calls as a real Asterisk told them (tables/, made by capture.py), through translate and CallDesk."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cti.domain import events as ev
from cti.domain.errors import IllegalMove
from cti.domain.model import CallState, EndedBy, EndReason, OfferOutcome, PhoneState
from cti.domain.signals import CallerArrived
from tests.scenarios.tables import CALL, Kept, a_desk, at, play, record, signals, story

ARRIVAL = ["CallArrived", "RecordingStarted caller"]
WAITING = [*ARRIVAL, "CallQueued"]
TABLES = sorted(p.stem for p in (Path(__file__).parent / "tables").glob("*.txt"))


def test_answered_and_the_agent_hangs_up() -> None:
    kept, desk = play("answered")
    assert story(kept) == [
        *WAITING,
        "CallOffered sato",
        "CallRinging sato",
        "RecordingStarted sato",
        "OfferEnded sato accepted",
        "CallAnswered sato",
        "AgentFreed sato",
        "CallEnded",
    ]
    call = record(kept)
    assert (call.end_reason, call.ended_by, call.hangup_cause) == (EndReason.COMPLETED, EndedBy.AGENT, 16)
    assert call.call_id == CALL
    assert call.number_called == "+81501234510"
    (talk,) = call.talks
    assert talk.offer_id == "0a" * 16
    assert talk.ended_at is not None
    assert 0.9 < (talk.ended_at - talk.answered_at).total_seconds() < 1.1
    (offer,) = call.offers
    assert offer.rang_at is not None
    assert offer.offered_at < offer.rang_at < talk.answered_at == call.answered_at
    assert desk.all_live() == ()


def test_the_ring_is_told_with_asterisks_own_time() -> None:
    kept, _ = play("caller_ends")
    (ringing,) = kept.of(ev.CallRinging)
    (row,) = [
        r for r in (Path(__file__).parent / "tables/caller_ends.txt").read_text().splitlines() if "DialBegin" in r
    ]
    assert ringing.at == at(float(row.split(" | ")[0]))


def test_answered_and_the_caller_hangs_up() -> None:
    kept, _ = play("caller_ends")
    call = record(kept)
    assert (call.end_reason, call.ended_by) == (EndReason.COMPLETED, EndedBy.CALLER)
    assert story(kept)[-2:] == ["AgentFreed sato", "CallEnded"]
    assert call.talks[0].ended_at is not None
    assert call.talks[0].ended_at <= call.ended_at  # type: ignore[operator]


def test_abandoned_in_the_menu() -> None:
    kept, _ = play("abandoned_in_menu")
    call = record(kept)
    assert (call.end_reason, call.ended_by) == (EndReason.ABANDONED_IN_MENU, EndedBy.CALLER)
    assert story(kept) == [*ARRIVAL, "CallEnded"]


def test_abandoned_in_the_queue_after_a_key() -> None:
    kept, _ = play("abandoned_in_queue")
    call = record(kept)
    assert (call.end_reason, call.ended_by) == (EndReason.ABANDONED_IN_QUEUE, EndedBy.CALLER)
    assert story(kept) == [*WAITING, "CallKeyPressed 5", "CallEnded"]
    assert call.queued_at is not None
    assert call.answered_at is None


def test_rejected_by_one_and_answered_by_another() -> None:
    kept, _ = play("rejected_then_answered")
    call = record(kept)
    assert story(kept) == [
        *WAITING,
        "CallOffered declining",
        "CallRinging declining",
        "OfferEnded declining rejected",
        "CallQueued",
        "CallOffered sato",
        "CallRinging sato",
        "RecordingStarted sato",
        "OfferEnded sato accepted",
        "CallAnswered sato",
        "AgentFreed sato",
        "CallEnded",
    ]
    assert [o.outcome for o in call.offers] == [OfferOutcome.REJECTED, OfferOutcome.ACCEPTED]
    queued = kept.of(ev.CallQueued)
    assert len(queued) == 2
    assert {e.call.queued_at for e in queued} == {queued[0].at}  # the age is kept


@pytest.mark.parametrize(
    ("table", "outcome"),
    [
        ("busy", OfferOutcome.REJECTED),
        ("not_registered", OfferOutcome.UNREACHABLE),
        ("rang_out", OfferOutcome.TIMED_OUT),
        ("taken_back", OfferOutcome.WITHDRAWN),
        ("caller_ends_while_ringing", OfferOutcome.WITHDRAWN),
        ("stale", OfferOutcome.WITHDRAWN),
    ],
)
def test_how_an_offer_ends(table: str, outcome: OfferOutcome) -> None:
    kept, _ = play(table)
    call = record(kept)
    assert [o.outcome for o in call.offers] == [outcome]
    assert len(kept.of(ev.OfferEnded)) == 1
    assert (call.end_reason, call.ended_by) == (EndReason.ABANDONED_IN_QUEUE, EndedBy.CALLER)
    again = [w for w in story(kept) if w == "CallQueued"]
    assert len(again) == (1 if table == "caller_ends_while_ringing" else 2)


def test_hold() -> None:
    kept, _ = play("hold")
    call = record(kept)
    words = story(kept)
    assert words[words.index("CallAnswered sato") :] == [
        "CallAnswered sato",
        "CallHeld",
        "CallResumed",
        "AgentFreed sato",
        "CallEnded",
    ]
    assert call.held_s == pytest.approx(1.0, abs=0.1)
    assert call.held_since is None


def test_blind_transfer() -> None:
    kept, _ = play("blind_transfer")
    call = record(kept)
    words = story(kept)
    assert words[words.index("CallAnswered sato") :] == [
        "CallAnswered sato",
        "CallTransferred blind demo-suzuki",
        "AgentFreed sato",
        "RecordingStarted suzuki",
        "CallAnswered suzuki",
        "AgentFreed suzuki",
        "CallEnded",
    ]
    assert [t.agent for t in call.talks] == ["sato", "suzuki"]
    assert call.talks[1].offer_id is None
    assert len(call.transferred_at) == 1
    assert (call.end_reason, call.ended_by) == (EndReason.COMPLETED, EndedBy.CALLER)


def test_the_fallback_queue_answers_without_us() -> None:
    kept, _ = play("fallback")
    call = record(kept)
    assert story(kept) == [
        *WAITING,
        "CallFellBack",
        "CallAnswered sato",
        "RecordingStarted sato",
        "AgentFreed sato",
        "CallEnded",
    ]
    assert call.fallback_at is not None
    assert call.offers == ()
    assert call.talks[0].offer_id is None
    assert call.end_reason is EndReason.COMPLETED


def test_phones_are_told_by_agent() -> None:
    kept, _ = play("answered")
    assert [e.phone for e in kept.of(ev.AgentPhoneChanged) if e.agent == "sato"] == [
        PhoneState.RINGING,
        PhoneState.BUSY,
        PhoneState.IDLE,
    ]


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_whole(table: str) -> None:
    """Every moment of every call is in order, and nothing is refused."""
    kept, desk = play(table)
    call = record(kept)
    assert call.state is CallState.ENDED
    assert not call.inferred
    assert desk.stats.illegal == desk.stats.failed == 0
    moments = [call.arrived_at, call.queued_at, call.answered_at, call.ended_at]
    known = [m for m in moments if m is not None]
    assert known == sorted(known)
    assert [e.at for e in kept.events if isinstance(e, ev.CallEvent)] == sorted(
        e.at for e in kept.events if isinstance(e, ev.CallEvent)
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("table", TABLES)
def test_any_order_and_any_loss_leaves_the_desk_whole(table: str, seed: int) -> None:
    """Signals shuffled and some lost: refused moves are refused, and the desk still forgets the call in the end."""
    dice = random.Random(seed)
    said = [s for s in signals(table) if dice.random() > 0.2]
    said.sort(key=lambda s: (not isinstance(s, CallerArrived), dice.random()))
    kept = Kept()
    desk = a_desk(kept)
    for signal in said:
        before = desk.live(CALL)
        try:
            desk.apply(signal)
        except IllegalMove:
            assert desk.live(CALL) == before
        call = desk.live(CALL)
        if call is not None:
            assert call.held_s >= 0
            assert sum(o.outcome is None for o in call.offers) <= 1
    assert len(kept.of(ev.CallEnded)) <= 1


def test_a_lost_agent_is_no_end_of_the_call() -> None:
    """The agent's phone froze: the caller waits again, with the age the call has."""
    kept, _ = play("lost_agent")
    call = record(kept)
    words = story(kept)
    assert words[words.index("CallAnswered sato") :] == [
        "CallAnswered sato",
        "AgentFreed sato",
        "CallQueued",
        "CallEnded",
    ]
    assert {e.call.queued_at for e in kept.of(ev.CallQueued) if isinstance(e, ev.CallQueued)} == {call.queued_at}
    assert (call.end_reason, call.ended_by) == (EndReason.COMPLETED, EndedBy.CALLER)


def test_passed_on_to_another_queue() -> None:
    """Asterisk tells the new wait before the end of the agent's leg."""
    kept, _ = play("transfer_to_queue")
    call = record(kept)
    words = story(kept)
    assert words[words.index("CallAnswered sato") :] == [
        "CallAnswered sato",
        "CallTransferred blind queue-roadside",
        "CallQueued",
        "AgentFreed sato",
        "CallEnded",
    ]
    assert call.queue == "roadside"
    queued = [e for e in kept.of(ev.CallQueued) if isinstance(e, ev.CallQueued)]
    assert [e.call.queue for e in queued] == ["members", "roadside"]
    assert queued[1].call.queued_at == queued[0].at  # the age is the call's, not the queue's


def test_back_from_the_fallback() -> None:
    kept, _ = play("fallback_and_back")
    call = record(kept)
    assert story(kept) == [*WAITING, "CallFellBack", "CallQueued", "CallEnded"]
    assert (call.end_reason, call.ended_by) == (EndReason.ABANDONED_IN_QUEUE, EndedBy.CALLER)
