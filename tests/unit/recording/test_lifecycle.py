from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.errors import IllegalMove
from recording.lifecycle import REPLAYABLE, SETTLED, TABLE, RecordingState, Step, advance

GOOD_WAY = [
    (Step.FILE_ANNOUNCED, RecordingState.RECORDING),
    (Step.CALL_ENDED, RecordingState.ENDED),
    (Step.ENCODED, RecordingState.ENCODED),
    (Step.UPLOADED, RecordingState.UPLOADED),
    (Step.VERIFIED, RecordingState.VERIFIED),
    (Step.STORED, RecordingState.STORED),
]


def test_the_good_way_goes_from_expected_to_stored() -> None:
    state = RecordingState.EXPECTED
    for step, after in GOOD_WAY:
        state = advance(state, step, call_id="c")
        assert state is after


def test_the_table_names_every_state() -> None:
    assert set(TABLE) == set(RecordingState)


@pytest.mark.parametrize(("state", "step"), list(itertools.product(RecordingState, Step)))
def test_every_pair_moves_as_the_table_says_or_is_refused(state: RecordingState, step: Step) -> None:
    allowed = TABLE[state].get(step)
    if allowed is not None:
        assert advance(state, step, call_id="c") is allowed
        return
    with pytest.raises(IllegalMove) as refused:
        advance(state, step, call_id="0f3a")
    assert (refused.value.event, refused.value.state, refused.value.call_id) == (step.value, state.value, "0f3a")


def test_nothing_is_stored_without_having_been_verified() -> None:
    before = {state for state, moves in TABLE.items() if REPLAYABLE & set(moves.values())}
    assert before == {RecordingState.VERIFIED}
    assert {s for s, moves in TABLE.items() if RecordingState.VERIFIED in moves.values()} == {RecordingState.UPLOADED}


def test_what_is_stored_stays_as_it_is_until_its_object_is_lost_or_deleted() -> None:
    leads = {Step.LOST: RecordingState.FAILED, Step.DELETED: RecordingState.DELETED}
    assert all(TABLE[state] == leads for state in REPLAYABLE)
    assert TABLE[RecordingState.DELETED] == {}


@given(st.lists(st.sampled_from(list(Step)), max_size=30))
def test_whatever_happens_every_unsettled_recording_can_still_be_settled(steps: list[Step]) -> None:
    state = RecordingState.EXPECTED
    for step in steps:
        state = TABLE[state].get(step, state)
    reached, edge = {state}, [state]
    while edge:
        for after in TABLE[edge.pop()].values():
            if after not in reached:
                reached.add(after)
                edge.append(after)
    assert reached & SETTLED
