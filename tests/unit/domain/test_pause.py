from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.model import Pause
from cti.domain.pause import MOST, RecordCommand, from_mark, may, merged, to_mark
from tests.unit.web.fakes import closed_call

START = datetime(2026, 11, 22, tzinfo=UTC)
instants = st.integers(0, 10**9).map(lambda ms: START + timedelta(milliseconds=ms))
pauses = st.builds(
    Pause, began_at=instants, why=st.sampled_from(["asked", "queue", "on_demand"]), until=st.none() | instants
)


@given(st.lists(pauses, max_size=8))
def test_what_the_channel_keeps_is_what_was_open(known: list[Pause]) -> None:
    found = from_mark(to_mark(known))
    assert found == tuple(sorted(known, key=lambda pause: pause.why != "asked"))
    assert to_mark(known).startswith("asked:") == any(pause.why == "asked" for pause in known)


@pytest.mark.parametrize("text", ["x", "asked", "asked:1", "asked:-1:", "asked:1:2:3", "asked:٣:", ":" * 9])
def test_what_is_no_mark_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_mark(text)


@given(st.lists(pauses, max_size=6), st.lists(pauses, max_size=6))
def test_of_two_accounts_no_pause_is_lost(known: list[Pause], told: list[Pause]) -> None:
    both = merged(known, told)
    assert {(p.began_at, p.why) for p in both} == {(p.began_at, p.why) for p in (*known, *told)}
    assert [p.began_at for p in both] == sorted(p.began_at for p in both)


def test_where_both_accounts_know_a_pause_the_one_that_is_told_is_right() -> None:
    open_one = Pause(began_at=START, why="asked")
    ended = replace(open_one, ended_at=START + timedelta(seconds=9))
    assert merged([open_one], [ended]) == (ended,)
    assert merged([ended], [open_one]) == (open_one,)


def test_so_many_pauses_may_be_asked_for_and_no_more() -> None:
    over = tuple(Pause(began_at=START, why="asked", ended_at=START) for _ in range(MOST))
    assert may(replace(closed_call(1), pauses=over[1:])) == (RecordCommand.PAUSE,)
    assert may(replace(closed_call(1), pauses=over)) == ()
