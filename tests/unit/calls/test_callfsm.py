"""The state machine of a call: every pair of state and move, the endings, and any order of signals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.domain import callend
from cti.domain import events as ev
from cti.domain import signals as sig
from cti.domain.callfsm import TABLE, advance
from cti.domain.calltable import move
from cti.domain.calltrack import Leg, Move, Track, begin
from cti.domain.errors import IllegalMove
from cti.domain.model import (
    AgentId,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    EndedBy,
    EndReason,
    MenuFacts,
    MenuId,
    Offer,
    OfferId,
    OfferOutcome,
    QueueId,
    TenantId,
    UniqueId,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CALL = CallId("11111111-2222-4333-8444-555555555555")
CALLER: dict[str, Any] = {"channel": ChannelName("PJSIP/trunk-00000001"), "uniqueid": UniqueId("1.0"), "call_id": CALL}
A, B = AgentId("sato"), AgentId("suzuki")
LEGS = {A: ("PJSIP/demo-sato-00000002", "1.1"), B: ("PJSIP/demo-suzuki-00000003", "1.2")}


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def arrived() -> Track:
    signal = sig.CallerArrived(
        at=NOW, tenant=TenantId("demo"), number_called="+81", caller_number="", caller_name="", **CALLER
    )
    return begin(signal, CallerNumber(kind=CallerKind.WITHHELD), "+81501234500")[0]


def leg(agent: AgentId) -> dict[str, Any]:
    channel, uniqueid = LEGS[agent]
    return {"agent_channel": ChannelName(channel), "agent_uniqueid": UniqueId(uniqueid)}


def on_leg(agent: AgentId) -> dict[str, Any]:
    channel, uniqueid = LEGS[agent]
    return {"channel": ChannelName(channel), "uniqueid": UniqueId(uniqueid), "call_id": CALL}


def offer(agent: AgentId = A, number: int = 1, ring_s: int = 20) -> Offer:
    return Offer(
        offer_id=OfferId(f"{number:032x}"), tenant=TenantId("demo"), call_id=CALL, queue=QueueId("members"),
        agent=agent, ring_s=ring_s, reason="longest idle", made_at=NOW, attempt=number,
    )  # fmt: skip


def queued(seconds: float = 0, queue: str = "members") -> sig.Signal:
    return sig.CallerQueued(at=later(seconds), queue=QueueId(queue), **CALLER)


def decided(seconds: float = 0, **kw: Any) -> sig.Signal:
    return sig.OfferDecided(at=later(seconds), offer=offer(**kw))


def rings(seconds: float = 0, agent: AgentId = A) -> sig.Signal:
    return sig.DialBegan(at=later(seconds), **CALLER, **leg(agent))


def dial_ended(seconds: float = 0, agent: AgentId = A, status: str = "ANSWER") -> sig.Signal:
    return sig.DialEnded(at=later(seconds), **CALLER, **leg(agent), status=status)


def dialled(seconds: float = 0, number: int = 1, status: str = "NOANSWER", cause: int = 0) -> sig.Signal:
    return sig.OfferDialled(at=later(seconds), offer_id=OfferId(f"{number:032x}"), status=status, cause=cause, **CALLER)


def leg_hung_up(seconds: float = 0, agent: AgentId = A, cause: int = 16) -> sig.Signal:
    return sig.ChannelHungUp(at=later(seconds), cause=cause, cause_text="", **on_leg(agent))


def hung_up(seconds: float = 0, cause: int = 16) -> sig.Signal:
    return sig.ChannelHungUp(at=later(seconds), cause=cause, cause_text="", **CALLER)


def asked(seconds: float = 0, agent: AgentId | None = None) -> sig.Signal:
    return sig.HangupRequested(at=later(seconds), **(on_leg(agent) if agent else CALLER))


def agent_in(signal: sig.Signal) -> AgentId | None:
    """Whose phone it is, as the desk would say."""
    uniqueid = getattr(signal, "agent_uniqueid", None) or getattr(signal, "uniqueid", None)
    return next((agent for agent, (_, uid) in LEGS.items() if uid == uniqueid), None)


def run(*signals: sig.Signal, track: Track | None = None) -> tuple[Track, list[ev.Event]]:
    track = track or arrived()
    facts: list[ev.Event] = []
    for signal in signals:
        track, more = advance(track, signal, agent_in(signal))
        facts += more
    return track, facts


def names(facts: list[ev.Event]) -> list[str]:
    return [type(f).__name__ for f in facts]


@pytest.mark.parametrize("state", list(CallState))
@pytest.mark.parametrize("step", list(Move))
def test_every_pair_of_state_and_move(state: CallState, step: Move) -> None:
    track = arrived()
    track = replace(track, call=replace(track.call, state=state))
    if step in TABLE[state]:
        assert move(track, step, NOW).call.state is TABLE[state][step]
    else:
        with pytest.raises(IllegalMove) as refused:
            move(track, step, NOW)
        assert (refused.value.event, refused.value.state, refused.value.call_id) == (step, state, CALL)


def test_the_table_has_a_row_for_every_state_and_nothing_leaves_the_end() -> None:
    assert set(TABLE) == set(CallState)
    assert set(TABLE[CallState.ENDED].values()) == {CallState.ENDED}
    for state, row in TABLE.items():
        if state is not CallState.ENDED:
            assert row[Move.END] is row[Move.VANISH] is CallState.ENDED


@pytest.mark.parametrize(
    ("before", "illegal"),
    [
        ((), decided()),  # not waiting
        ((queued(), decided()), decided(number=2, agent=B)),  # one live offer at most
        ((queued(),), sig.MenuBegan(at=NOW, call_id=CALL, menu=MenuId("main"))),
        ((queued(), decided(), rings(), dial_ended()), decided(number=2)),
        ((hung_up(),), queued()),
        ((hung_up(),), hung_up()),
    ],
)
def test_an_illegal_signal_is_refused_and_changes_nothing(before: tuple[sig.Signal, ...], illegal: sig.Signal) -> None:
    track, _ = run(*before)
    kept = replace(track)
    with pytest.raises(IllegalMove):
        advance(track, illegal)
    assert track == kept


@pytest.mark.parametrize(
    ("cause", "status", "rang_s", "outcome"),
    [
        (17, "BUSY", 0.1, OfferOutcome.REJECTED),
        (21, "NOANSWER", 3, OfferOutcome.REJECTED),
        (19, "NOANSWER", 20, OfferOutcome.TIMED_OUT),
        (19, "NOANSWER", 0.1, OfferOutcome.REJECTED),  # do not disturb
        (0, "NOANSWER", 20, OfferOutcome.TIMED_OUT),
        (0, "NOANSWER", 0.1, OfferOutcome.UNREACHABLE),
        (1, "NOANSWER", 0.1, OfferOutcome.UNREACHABLE),
        (34, "CONGESTION", 0.1, OfferOutcome.UNREACHABLE),
        (3, "CHANUNAVAIL", 0.1, OfferOutcome.UNREACHABLE),
        (16, "CANCEL", 3, OfferOutcome.WITHDRAWN),
        (26, "CANCEL", 3, OfferOutcome.WITHDRAWN),
    ],
)
@pytest.mark.parametrize("order", ["hangup_first", "dial_first"])
def test_how_an_offer_ends(cause: int, status: str, rang_s: float, outcome: OfferOutcome, order: str) -> None:
    """Asterisk tells the leg's Hangup and Dial's own end in either order; each alone is enough."""
    told = [leg_hung_up(rang_s, cause=cause), dialled(rang_s, status=status, cause=cause)]
    if order == "dial_first":
        told.reverse()
    track, facts = run(queued(), decided(), rings(), dial_ended(rang_s, status=status), *told)
    ended = [f for f in facts if isinstance(f, ev.OfferEnded)]
    assert [f.outcome for f in ended] == [outcome]
    assert track.call.state is CallState.QUEUED
    assert track.call.offers[0].outcome is outcome
    assert track.legs == ()


def test_an_offer_without_any_ring() -> None:
    track, _facts = run(queued(), decided(), dialled(0.01, status="CHANUNAVAIL", cause=3))
    assert track.call.offers[0].outcome is OfferOutcome.UNREACHABLE
    assert track.call.offers[0].rang_at is None


def test_the_return_to_the_wait_may_be_told_before_the_end_of_the_offer() -> None:
    usual = run(queued(), decided(), rings(), leg_hung_up(1, cause=21), queued(1.1))[1]
    early = run(queued(), decided(), rings(), queued(1), leg_hung_up(1.1, cause=21))[1]
    assert names(usual) == names(early)
    assert names(usual)[-2:] == ["OfferEnded", "CallQueued"]


def test_routing_takes_an_offer_back_and_asterisks_late_word_changes_nothing() -> None:
    back = sig.OfferTakenBack(
        at=later(1), call_id=CALL, offer_id=OfferId(f"{1:032x}"), outcome=OfferOutcome.UNREACHABLE
    )
    track, facts = run(queued(), decided(), back)
    assert [f.outcome for f in facts if isinstance(f, ev.OfferEnded)] == [OfferOutcome.UNREACHABLE]
    track, late = run(dialled(2), rings(2), leg_hung_up(3, cause=0), track=track)
    assert late == []
    assert track.call.state is CallState.QUEUED


def test_an_answer_after_routing_gave_up_still_counts() -> None:
    back = sig.OfferTakenBack(at=later(1), call_id=CALL, offer_id=OfferId(f"{1:032x}"), outcome=OfferOutcome.TIMED_OUT)
    track, facts = run(queued(), decided(), rings(), back, dial_ended(2))
    assert track.call.state is CallState.TALKING
    assert names(facts)[-1] == "CallAnswered"
    assert track.call.offers[0].outcome is OfferOutcome.TIMED_OUT  # one end is enough


def test_hold_is_counted_also_when_the_call_ends_in_it() -> None:
    talk = (queued(), decided(), rings(1), dial_ended(2))
    hold = sig.HoldBegan(at=later(5), **on_leg(A))
    track, facts = run(
        *talk, hold, sig.HoldEnded(at=later(8), **on_leg(A)), replace(hold, at=later(10)), asked(14), hung_up(14)
    )
    assert track.call.held_s == pytest.approx(7)
    assert names(facts)[-6:] == ["CallHeld", "CallResumed", "CallHeld", "CallResumed", "AgentFreed", "CallEnded"]


def test_the_callers_own_hold_is_not_ours() -> None:
    track, facts = run(queued(), decided(), rings(), dial_ended(1), sig.HoldBegan(at=later(2), **CALLER))
    assert track.call.state is CallState.TALKING
    assert "CallHeld" not in names(facts)


TALK = (queued(), decided(), rings(), dial_ended(1))
TREATED = sig.TreatmentDecided(at=later(1), call_id=CALL, treatment="nobody_skilled")
MENU = sig.MenuBegan(at=NOW, call_id=CALL, menu=MenuId("main"))
FELL_BACK = sig.CallerFellBack(at=NOW, **CALLER)
DONE = sig.MenuEnded(at=NOW, call_id=CALL, facts=MenuFacts(menu=MenuId("main"), language="ja"), completed=True)


@pytest.mark.parametrize(
    ("signals", "reason", "by"),
    [
        ((asked(), hung_up()), EndReason.ABANDONED_IN_MENU, EndedBy.CALLER),
        ((MENU, asked(), hung_up()), EndReason.ABANDONED_IN_MENU, EndedBy.CALLER),
        ((MENU, hung_up(cause=38)), EndReason.FAILED, EndedBy.SYSTEM),
        ((MENU, DONE, hung_up()), EndReason.TREATED, EndedBy.SYSTEM),
        ((queued(), asked(), hung_up()), EndReason.ABANDONED_IN_QUEUE, EndedBy.CALLER),
        ((queued(), decided(), rings(), asked(), hung_up()), EndReason.ABANDONED_IN_QUEUE, EndedBy.CALLER),
        ((FELL_BACK, asked(), hung_up()), EndReason.ABANDONED_IN_QUEUE, EndedBy.CALLER),
        ((FELL_BACK, hung_up()), EndReason.TREATED, EndedBy.SYSTEM),
        ((queued(), TREATED, hung_up(9)), EndReason.TREATED, EndedBy.SYSTEM),
        ((queued(), TREATED, asked(2), hung_up(2)), EndReason.TREATED, EndedBy.CALLER),
        ((*TALK, asked(2), hung_up(2)), EndReason.COMPLETED, EndedBy.CALLER),
        ((*TALK, asked(2, A), leg_hung_up(2), hung_up(2)), EndReason.COMPLETED, EndedBy.AGENT),
        ((*TALK, leg_hung_up(2), hung_up(2)), EndReason.COMPLETED, EndedBy.SYSTEM),
        ((*TALK, asked(2, A), leg_hung_up(2), queued(3), asked(5), hung_up(5)), EndReason.COMPLETED, EndedBy.CALLER),
        ((queued(), sig.CallVanished(at=later(9), call_id=CALL)), EndReason.FAILED, EndedBy.UNKNOWN),
        ((*TALK, sig.CallVanished(at=later(9), call_id=CALL)), EndReason.COMPLETED, EndedBy.UNKNOWN),
    ],
)
def test_why_a_call_ended_and_who_ended_it(signals: tuple[sig.Signal, ...], reason: EndReason, by: EndedBy) -> None:
    track, facts = run(*signals)
    assert (track.call.end_reason, track.call.ended_by) == (reason, by)
    assert track.call.state is CallState.ENDED
    assert track.call.inferred is (by is EndedBy.UNKNOWN)
    assert by is not EndedBy.UNKNOWN or track.call.hangup_cause == callend.LOST
    assert names(facts)[-1] == "CallEnded"


def test_the_fallback_is_a_queue_too() -> None:
    """Who never saw our queue waits from here on, and keeps that age."""
    fell = replace(FELL_BACK, at=later(3), queue=QueueId("members"))
    track, facts = run(MENU, fell, queued(9))
    assert names(facts) == ["CallInMenu", "CallFellBack", "CallQueued"]
    assert (track.call.queue, track.call.queued_at, track.call.fallback_at) == ("members", later(3), later(3))


def test_a_fallback_told_again_by_a_snapshot_happens_once() -> None:
    fell = replace(FELL_BACK, at=later(3.7))
    told_again = replace(FELL_BACK, at=later(3))  # the dialplan keeps whole seconds
    track, facts = run(queued(), fell, queued(9), told_again)
    assert names(facts) == ["CallQueued", "CallFellBack", "CallQueued"]
    assert track.call.state is CallState.QUEUED
    assert track.call.fallback_at == later(3.7)


def test_a_treatment_that_a_snapshot_finds_is_how_the_call_ends() -> None:
    seen = sig.TreatmentSeen(at=later(4), treatment="treated", **CALLER)
    over = sig.ChannelHungUp(at=later(9), cause=16, cause_text="", **CALLER)
    track, facts = run(queued(), seen, seen, over)
    assert names(facts) == ["CallQueued", "CallTreated", "CallTreated", "CallEnded"]
    assert track.call.end_reason is EndReason.TREATED


def test_a_fallback_heard_of_after_the_offer_that_ended_it_is_only_noted() -> None:
    track, facts = run(queued(), decided(8), replace(FELL_BACK, at=later(3)))
    assert names(facts) == ["CallQueued", "CallOffered"]
    assert track.call.state is CallState.OFFERED
    assert track.call.fallback_at == later(3)
    # A second one, after that offer, is a new one.
    track, facts = run(replace(FELL_BACK, at=later(20)), track=track)
    assert names(facts) == ["OfferEnded", "CallFellBack"]
    assert (track.call.state, track.call.fallback_at) == (CallState.FALLBACK, later(3))


def test_the_menu_may_report_after_the_end() -> None:
    track, _ = run(MENU, asked(1), hung_up(1))
    track, facts = run(replace(DONE, at=later(1.2)), track=track)
    assert names(facts) == ["CallLeftMenu"]
    assert track.call.menu == DONE.facts
    assert track.call.state is CallState.ENDED


def test_a_second_menu_keeps_the_first_beginning() -> None:
    track, facts = run(MENU, replace(MENU, at=later(5)))
    assert names(facts) == ["CallInMenu"]
    assert track.call.menu_at == NOW


def test_a_call_found_talking_after_a_gap() -> None:
    track, facts = run(rings(1), dial_ended(1))
    assert names(facts) == ["CallAnswered"]
    assert track.call.talks[0].agent == A


def test_what_is_told_twice_happens_once() -> None:
    told = (queued(), queued(), decided(), rings(), rings(), dial_ended(1), dial_ended(1), asked(2, A), leg_hung_up(2))
    _, facts = run(*told)
    assert names(facts) == ["CallQueued", "CallOffered", "CallRinging", "OfferEnded", "CallAnswered", "AgentFreed"]


def test_time_never_goes_back() -> None:
    track, facts = run(queued(5), decided(4), rings(3), dial_ended(2), asked(1), hung_up(0))
    assert [f.at for f in facts] == sorted(f.at for f in facts)
    assert track.call.ended_at == later(5)


def test_a_signal_that_is_not_about_calls_is_refused() -> None:
    with pytest.raises(IllegalMove):
        advance(arrived(), sig.LinkChanged(at=NOW, up=True))


def test_of_two_agents_who_talk_one_leaves() -> None:
    track, facts = run(*TALK, rings(5, B), dial_ended(6, B), leg_hung_up(8, A))
    assert [t.ended_at for t in track.call.talks] == [later(8), None]
    assert track.call.state is CallState.TALKING
    assert [f.agent for f in facts if isinstance(f, ev.AgentFreed)] == [A]


def test_an_offer_rings_on_while_one_of_its_two_phones_does() -> None:
    second = replace(rings(1), agent_uniqueid=UniqueId("1.9"))  # type: ignore[call-arg]
    track, facts = run(queued(), decided(), rings())
    track, more = advance(track, second, A)
    track, last = run(leg_hung_up(2, cause=17), track=track)
    facts += [*more, *last]
    assert track.call.state is CallState.OFFERED
    assert names(facts) == ["CallQueued", "CallOffered", "CallRinging"]


def test_an_agent_who_asks_a_colleague_does_not_pass_the_caller_on() -> None:
    """The agent's own leg dials: the caller is not connected to whoever answers."""
    asks = {**on_leg(A), **leg(B)}
    answered = sig.DialEnded(at=later(6), **asks, status="NOANSWER")
    track, facts = run(*TALK, sig.DialBegan(at=later(5), **asks), answered)
    assert len(track.legs) == 1
    assert len(track.call.talks) == 1
    assert names(facts)[-2:] == ["CallAnswered", "ConsultBegan"]


def test_who_left_an_earlier_talk_did_not_end_the_last() -> None:
    track, _ = run(
        *TALK, asked(2, A), leg_hung_up(2), rings(3, B), dial_ended(4, B), leg_hung_up(5, B, cause=44), hung_up(6)
    )
    assert track.call.ended_by is EndedBy.SYSTEM


def test_a_talk_ended_when_it_did_and_not_when_we_were_told() -> None:
    """Killed at a hand-over: the next agent's leg is known from the snapshot before the end of the first one's."""
    track, facts = run(*TALK, rings(20, B), dial_ended(20, B), leg_hung_up(12, A))
    assert [(one.agent, one.ended_at) for one in track.call.talks] == [(A, later(12)), (B, None)]
    assert facts[-1].at == later(20)  # what is told now is of now
    track, _ = run(*TALK, leg_hung_up(-5, A))
    assert track.call.talks[0].ended_at == track.call.talks[0].answered_at


def test_a_held_caller_who_goes_back_to_wait_is_not_held_any_more() -> None:
    track, facts = run(*TALK, sig.HoldBegan(at=later(2), **on_leg(A)), queued(5))
    assert track.call.held_since is None
    assert track.call.held_s == pytest.approx(3)
    assert names(facts)[-2:] == ["CallResumed", "CallQueued"]


# -- any order ---------------------------------------------------------------------------------------------

agents = st.sampled_from([A, B])
statuses = st.sampled_from(["ANSWER", "NOANSWER", "BUSY", "CANCEL", "CONGESTION", "CHANUNAVAIL", ""])
causes = st.integers(0, 127)
seconds = st.floats(-5, 3600)
numbers = st.integers(1, 3)
signals_ = st.one_of(
    st.builds(queued, seconds, st.sampled_from(["members", "roadside"])),
    st.builds(lambda s, a, n: decided(s, agent=a, number=n), seconds, agents, numbers),
    st.builds(rings, seconds, agents),
    st.builds(dial_ended, seconds, agents, statuses),
    st.builds(dialled, seconds, numbers, statuses, causes),
    st.builds(leg_hung_up, seconds, agents, causes),
    st.builds(hung_up, seconds, causes),
    st.builds(asked, seconds, st.one_of(st.none(), agents)),
    st.builds(lambda s, a: sig.HoldBegan(at=later(s), **on_leg(a)), seconds, agents),
    st.builds(lambda s, a: sig.HoldEnded(at=later(s), **on_leg(a)), seconds, agents),
    st.builds(
        lambda s, a, began, ended: sig.HoldTold(at=later(s), began_at=later(began), ended_at=ended, **on_leg(a)),
        seconds,
        agents,
        seconds,
        st.none() | seconds.map(later),
    ),
    st.builds(lambda s: sig.Transferred(at=later(s), kind="blind", to="x", **CALLER), seconds),
    st.builds(lambda s: sig.CallerFellBack(at=later(s), **CALLER), seconds),
    st.builds(lambda s: sig.CallerPressed(at=later(s), key="5", **CALLER), seconds),
    st.builds(lambda s: replace(MENU, at=later(s)), seconds),
    st.builds(lambda s: replace(DONE, at=later(s)), seconds),
    st.builds(lambda s: replace(TREATED, at=later(s)), seconds),
    st.builds(lambda s: sig.CallVanished(at=later(s), call_id=CALL), seconds),
    st.builds(lambda s: sig.RecordingBegan(at=later(s), file="f", **CALLER), seconds),
    st.builds(
        lambda s, n, o: sig.OfferTakenBack(at=later(s), call_id=CALL, offer_id=OfferId(f"{n:032x}"), outcome=o),
        seconds,
        numbers,
        st.sampled_from(OfferOutcome),
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(signals_, max_size=40))
def test_any_order_of_signals_leaves_the_call_whole(told: list[sig.Signal]) -> None:
    track = arrived()
    facts: list[ev.Event] = []
    for signal in told:
        before = track
        try:
            track, more = advance(track, signal, agent_in(signal))
        except IllegalMove:
            assert track is before
            continue
        facts += more
        check(before, track)
    ended = [f for f in facts if isinstance(f, ev.CallEnded)]
    assert len(ended) == (track.call.state is CallState.ENDED)
    outcomes = [f.offer_id for f in facts if isinstance(f, ev.OfferEnded)]
    assert len(outcomes) == len([o for o in track.call.offers if o.outcome])
    freed = sum(isinstance(f, ev.AgentFreed) for f in facts)
    assert freed == sum(t.ended_at is not None for t in track.call.talks)
    assert [f.at for f in facts] == sorted(f.at for f in facts)


def check(before: Track, track: Track) -> None:
    call = track.call
    assert before.call.state is not CallState.ENDED or call.state is CallState.ENDED
    open_offers = [o for o in call.offers if o.outcome is None]
    assert [o.offer_id for o in open_offers] == [o.offer_id for o in track.offers]
    assert (call.state is CallState.OFFERED) == bool(track.offers)
    assert call.held_s >= before.call.held_s >= 0
    assert (call.state is CallState.HELD) == (call.held_since is not None)
    assert track.last_at >= before.last_at >= call.arrived_at
    if call.state is CallState.ENDED:
        assert call.end_reason is not None
        assert call.ended_by is not None
        assert call.ended_at is not None
        assert all(t.ended_at is not None for t in call.talks)
        assert track.legs == () or all(isinstance(leg_, Leg) and not leg_.answered for leg_ in track.legs)
    moments = [call.arrived_at, call.queued_at, call.ended_at]
    assert [m for m in moments if m] == sorted(m for m in moments if m)


def test_a_message_for_the_desk_ends_the_call_like_any_treatment() -> None:
    """Also when the dialplan took it without us: the caller, not we, hung up."""
    left = sig.VoicemailBegan(at=later(3), **CALLER)
    track, _ = run(FELL_BACK, left, sig.HangupRequested(at=later(9), **CALLER), hung_up(10))
    assert (track.call.voicemail_at, track.call.end_reason) == (later(3), EndReason.TREATED)
    assert advance(run(FELL_BACK, left)[0], replace(left, at=later(5)))[0].call.voicemail_at == later(3)
