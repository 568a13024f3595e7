"""Room for recordings: what stops, what comes back, and what must not switch to and fro."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.diskguard import CALM_LOOKS, MB, Free, Guard, Level, Limits, Look, advance, say

LIMITS = Limits(warn_free=5000 * MB, stop_free=1000 * MB, cut_free=500 * MB, spool_max=10_000 * MB)


def look(free: int | None = 20_000, spool: int | None = 0, problem: str = "") -> Look:
    """Figures in MB."""
    return Look(
        frees=(Free(folder="/spool", free=None if free is None else free * MB),),
        spool=None if spool is None else spool * MB,
        problem=problem,
    )


def after(*looks: Look, guard: Guard | None = None) -> Guard:
    guard = guard or Guard()
    for one in looks:
        guard = advance(guard, one, LIMITS)
    return guard


@pytest.mark.parametrize(
    ("free", "level"),
    [(5000, Level.OK), (4999, Level.LOW), (1000, Level.LOW), (999, Level.STOP), (499, Level.CUT), (0, Level.CUT)],
)
def test_worse_counts_at_once(free: int, level: Level) -> None:
    assert after(look(free)).level is level


@pytest.mark.parametrize(
    ("spool", "level"), [(8000, Level.OK), (8001, Level.LOW), (10_001, Level.STOP), (12_001, Level.CUT)]
)
def test_the_spool_has_a_limit_of_its_own(spool: int, level: Level) -> None:
    assert after(look(spool=spool)).level is level


def test_the_fullest_disk_counts() -> None:
    two = Look(frees=(Free(folder="/a", free=90_000 * MB), Free(folder="/b", free=700 * MB)), spool=0)
    assert after(two).level is Level.STOP


def test_recording_comes_back_by_itself_when_there_has_been_room_for_some_looks() -> None:
    stopped = after(look(900))
    assert after(*[look(1300)] * (CALM_LOOKS - 1), guard=stopped).level is Level.STOP
    assert after(*[look(1300)] * CALM_LOOKS, guard=stopped).level is Level.LOW
    assert after(*[look(20_000)] * CALM_LOOKS, guard=stopped).level is Level.OK


def test_a_little_more_than_the_limit_is_not_enough() -> None:
    assert after(look(900), *[look(1200)] * 100).level is Level.STOP


def test_one_bad_look_begins_the_count_anew() -> None:
    guard = after(look(900), *[look(1300)] * (CALM_LOOKS - 1), look(1100), look(1300))
    assert guard == Guard(level=Level.STOP, calm=1)


def test_what_cannot_be_measured_stops_nothing_and_is_said() -> None:
    unknown = look(None, None, "/spool: Permission denied")
    assert after(unknown).level is Level.OK
    assert say(Level.OK, unknown, LIMITS) == "cannot be measured, recording goes on: /spool: Permission denied"
    assert after(look(100), *[unknown] * CALM_LOOKS).level is Level.OK
    assert after(look(100), unknown).level is Level.CUT, "one look that failed is no room"


def test_the_sentence_names_folder_and_figures() -> None:
    assert say(Level.OK, look(), LIMITS) == ""
    said = say(Level.STOP, look(812, 4000), LIMITS)
    assert said == (
        "no new recordings, there is too little room; calls go on "
        "(/spool has 812 MB free; recordings on disk take 4000 MB of 10000)"
    )


LOOKS = st.builds(look, st.one_of(st.none(), st.integers(0, 20_000)), st.one_of(st.none(), st.integers(0, 20_000)))


@given(st.lists(LOOKS, max_size=40))
def test_it_never_allows_more_than_the_last_look_does(looks: list[Look]) -> None:
    guard = after(*looks)
    if looks:
        assert guard.level >= after(looks[-1]).level


@given(st.lists(LOOKS, max_size=40), LOOKS)
def test_after_enough_equal_looks_only_the_margin_is_left(looks: list[Look], last: Look) -> None:
    """Wherever it came from: it settles at what the look says, or at what the look with its margin says."""
    settled = after(*looks, *[last] * CALM_LOOKS)
    assert after(last).level <= settled.level
    assert after(last, guard=settled).level is settled.level
    roomy = look(20_000, 0)
    assert after(*looks, *[roomy] * CALM_LOOKS).level is Level.OK


@given(st.integers(0, 20_000), st.lists(st.floats(-0.1, 0.1), min_size=10, max_size=60))
def test_figures_that_tremble_switch_at_most_once(around: int, noise: list[float]) -> None:
    """Ten per cent to and fro around any figure: a level may get worse, it never comes back."""
    levels, guard = [], Guard()
    for one in noise:
        guard = advance(guard, look(int(around * (1 + one))), LIMITS)
        levels.append(guard.level)
    assert levels == sorted(levels)


@given(st.lists(LOOKS, max_size=40))
def test_better_takes_several_looks(looks: list[Look]) -> None:
    guard, since_worse = Guard(), CALM_LOOKS
    for one in looks:
        now = advance(guard, one, LIMITS)
        since_worse += 1
        if now.level < guard.level:
            assert since_worse >= CALM_LOOKS
            since_worse = 0
        elif now.level > guard.level or now.calm == 0:
            since_worse = 0
        guard = now
