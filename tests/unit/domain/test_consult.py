"""Hold, consultation and conference: the tables, and what pictures of three legs mean."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from cti.domain import consult
from cti.domain.callend import ANSWERED, CALLBACK, STATUS
from cti.domain.consult import NOWHERE, ON_HOLD, PICTURES, TABLE, TOGETHER, Command, Place
from cti.domain.model import (
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    TalkPhase,
    TenantId,
    UniqueId,
)

places = st.one_of(st.sampled_from([NOWHERE, *Place]), st.sampled_from(["bridge-1", "bridge-2", "bridge-3"]))


def test_every_phase_has_a_row_and_leads_to_a_phase_that_events_can_show() -> None:
    assert set(TABLE) == set(TalkPhase) == set(PICTURES.values())
    for row in TABLE.values():
        assert row
        assert {phase for phase in row.values() if phase is not None} <= set(PICTURES.values())


def test_from_every_phase_the_caller_can_be_taken_back_or_passed_on() -> None:
    for phase, row in TABLE.items():
        if phase is not TalkPhase.TALKING:
            assert TalkPhase.TALKING in row.values(), phase
    completed = (TalkPhase.CONSULTING, TalkPhase.SWAPPED, TalkPhase.CONFERENCE)
    assert all(Command.COMPLETE in TABLE[phase] for phase in completed)


def test_a_phase_is_on_hold_when_its_pictures_say_that_the_caller_hears_music() -> None:
    for (caller, _, _), phase in PICTURES.items():
        assert (caller == Place.HOLD) == (phase in ON_HOLD)


@given(places, places, places)
def test_together_is_only_who_shares_a_bridge(caller: str, first: str, second: str) -> None:
    pictured = consult.picture(caller, first, second)
    named = (caller, first, second)
    for place, seen in zip(named, pictured, strict=True):
        shared = named.count(place) > 1 and place.startswith("bridge")
        assert (seen == TOGETHER) == shared
    if consult.is_handed_over(pictured):
        assert caller == second != first
    # Nobody counts as talking with the caller who is in another bridge than they.
    if PICTURES.get(pictured) in (TalkPhase.TALKING, TalkPhase.SWAPPED, TalkPhase.CONFERENCE):
        assert caller == first


def test_the_colleague_commands_nothing() -> None:
    assert consult.allowed(a_call(TalkPhase.CONSULTING), is_first=False) == ()
    assert consult.allowed(a_call(None), is_first=True) == ()
    assert Command.SWAP in consult.allowed(a_call(TalkPhase.CONSULTING), is_first=True)


def test_a_person_who_is_called_back_counts_as_a_caller_once_they_are_there() -> None:
    """Until then the agent hears their phone ring: whoever answered would hear music, or a stranger."""
    for phase in TalkPhase:
        rings = a_call(phase, **{CALLBACK: "c" * 32})
        assert consult.allowed(rings, is_first=True) == ()
        there = a_call(phase, **{CALLBACK: "c" * 32, STATUS: ANSWERED})
        assert set(consult.allowed(there, is_first=True)) == set(TABLE[phase])


def a_call(phase: TalkPhase | None, **extra: str) -> Call:
    return Call(
        call_id=CallId("call-1"),
        tenant=TenantId("demo"),
        state=CallState.TALKING,
        channel=ChannelName("PJSIP/trunk-1"),
        uniqueid=UniqueId("1.0"),
        number_called="",
        caller=CallerNumber(kind=CallerKind.UNKNOWN),
        arrived_at=datetime(2026, 11, 22, tzinfo=UTC),
        phase=phase,
        extra=extra,
    )
