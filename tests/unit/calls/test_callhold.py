"""A hold that only the agent's page saw."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.domain import signals as sig
from cti.domain.model import CallState, Hold
from tests.unit.calls.test_callfsm import (
    TALK,
    A,
    B,
    decided,
    hung_up,
    later,
    leg_hung_up,
    names,
    on_leg,
    queued,
    rings,
    run,
)


def hold_told(began_s: float, ended_s: float | None, at_s: float = 10) -> sig.HoldTold:
    ended_at = None if ended_s is None else later(ended_s)
    return sig.HoldTold(at=later(at_s), began_at=later(began_s), ended_at=ended_at, **on_leg(A))


@pytest.mark.parametrize(
    ("told", "holds", "held_s", "state"),
    [
        ((3, 5), [(3, 5)], 2, CallState.TALKING),
        ((3, None), [(3, None)], 0, CallState.HELD),
        ((-60, 5), [(1, 5)], 4, CallState.TALKING),  # the agent was not on the line before
        ((3, 99), [(3, 10)], 7, CallState.TALKING),  # nor is anybody told of what is to come
        ((5, 5), [], 0, CallState.TALKING),
        ((12, 14), [], 0, CallState.TALKING),
    ],
)
def test_a_hold_that_only_the_page_saw(
    told: tuple[int, int | None], holds: list[tuple[int, int | None]], held_s: float, state: CallState
) -> None:
    signal = hold_told(*told)
    for signals in ((signal,), (signal, replace(signal, at=later(11)))):  # told twice it is one
        track, _ = run(*TALK, *signals)
        assert [(one.began_at, one.ended_at) for one in track.call.holds] == [
            (later(began), None if ended is None else later(ended)) for began, ended in holds
        ]
        assert (track.call.held_s, track.call.state) == (held_s, state)


def test_a_hold_that_goes_on_ends_by_asterisks_word() -> None:
    track, facts = run(*TALK, hold_told(3, None), sig.HoldEnded(at=later(14), **on_leg(A)))
    assert (track.call.held_s, track.call.state) == (11, CallState.TALKING)
    assert names(facts)[-2:] == ["CallHeld", "CallResumed"]


def test_what_asterisk_told_of_a_hold_counts_and_its_end_is_believed_only_where_nobody_heard_it() -> None:
    hold, resume = sig.HoldBegan(at=later(3), **on_leg(A)), sig.HoldEnded(at=later(6), **on_leg(A))
    track, _ = run(*TALK, hold, resume, hold_told(2, 7))
    assert track.call.held_s == pytest.approx(3)
    track, _ = run(*TALK, hold, hold_told(2, 7))  # killed while the caller was on hold
    assert (track.call.held_s, track.call.state) == (4, CallState.TALKING)
    track, _ = run(*TALK, hold, hold_told(2, None))
    assert (track.call.holds, track.call.state) == ((Hold(began_at=later(3)),), CallState.HELD)


@pytest.mark.parametrize(
    "before",
    [
        (queued(), decided(), rings()),  # nobody has answered
        (*TALK, leg_hung_up(4)),  # nor is there anymore
    ],
)
def test_a_hold_of_nobody_who_talks_is_nothing(before: tuple[sig.Signal, ...]) -> None:
    track, facts = run(*before, hold_told(1, 3))
    assert (track.call.holds, "CallHeld" in names(facts)) == ((), False)


def test_a_hold_of_another_leg_is_nothing() -> None:
    track, _ = run(*TALK, replace(hold_told(3, 5), **on_leg(B)))
    assert track.call.holds == ()


SECONDS = st.integers(min_value=-5, max_value=30)


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.builds(lambda at: sig.HoldBegan(at=later(at), **on_leg(A)), SECONDS),
            st.builds(lambda at: sig.HoldEnded(at=later(at), **on_leg(A)), SECONDS),
            st.builds(hold_told, SECONDS, st.none() | SECONDS, SECONDS),
        ),
        max_size=12,
    )
)
def test_in_any_order_holds_are_apart_and_counted_once(signals: list[sig.Signal]) -> None:
    track, facts = run(*TALK, *signals, hung_up(60))
    holds = track.call.holds
    spans = [(one.began_at, one.ended_at) for one in holds]
    assert all(ended is not None and began <= ended for began, ended in spans)
    assert all(before[1] is not None and before[1] <= after[0] for before, after in pairwise(spans))
    assert track.call.held_s == pytest.approx(sum((end - begin).total_seconds() for begin, end in spans if end))
    assert names(facts).count("CallHeld") == names(facts).count("CallResumed")
