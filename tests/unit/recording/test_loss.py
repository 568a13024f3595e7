"""Which seconds of a caller are missing: what an agent heard and the caller's file has not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from recording.loss import EDGE_S, LEAST_S, lost_of_caller
from recording.timeline import PlacedTrack, Side, Timeline, Track, plan
from tests.unit.recording.fakes import later

RATE = 8000
Runs = tuple[tuple[float, float], ...]


def track(side: Side, begin: float, end: float, *, silences: Runs = (), echo: Runs | None = None) -> Track:
    return Track(
        file=side,
        side=side,
        agent=None,
        frames=round((end - begin) * RATE),
        rate=RATE,
        anchor_at=later(begin),
        until_at=later(end),
        silences=frames(*silences),
        echo=None if echo is None else frames(*echo),
    )


def frames(*runs: tuple[float, float]) -> tuple[tuple[int, int], ...]:
    return tuple((round(begin * RATE), round(end * RATE)) for begin, end in runs)


def a_talk(silences: Runs, echo: Runs | None, *, zero: float = 20.0) -> tuple[Timeline, PlacedTrack, PlacedTrack]:
    """A minute; an agent from ``zero`` on. Silences of the caller's file, and of what the agent heard."""
    caller = track(Side.CALLER, 0, 60, silences=silences)
    agent = track(Side.AGENT, zero, 60, echo=echo)
    timeline = plan((caller, agent), started_at=later(0), ended_at=later(60))
    return timeline, timeline.tracks[0], timeline.tracks[1]


def lost(silences: Runs, echo: Runs | None, *, apart: Runs = (), talk: tuple[float, float] = (20, 60)) -> Runs:
    timeline, caller, agent = a_talk(silences, echo)
    return lost_of_caller(timeline, caller, [(agent, talk)], apart)


def test_what_the_agent_heard_and_the_file_has_not_is_lost() -> None:
    assert lost(((30, 38),), ((0, 2),)) == ((30, 38),)  # after a change of agent: the numbers were 400 behind


def test_a_caller_who_is_silent_loses_nothing() -> None:
    assert lost(((30, 38),), ((10, 18),)) == ()
    assert lost(((30, 38),), ((9.95, 17.9),)) == ()  # a frame or two apart


def test_nobody_knows_where_nobody_listened() -> None:
    assert lost(((30, 38),), None) == ()
    assert lost(((2, 18),), ()) == ()  # before the agent was there


def test_on_hold_and_beside_a_colleague_the_agent_hears_others() -> None:
    assert lost(((30, 38),), (), apart=((29.8, 38.2),)) == ()
    assert lost(((30, 38),), (), apart=((20, 33),)) == ((33 + EDGE_S, 38),)


def test_only_while_the_agent_had_the_caller() -> None:
    assert lost(((30, 38),), (), talk=(20, 35)) == ((30, 35 - EDGE_S),)


def test_what_was_cut_on_purpose_is_not_lost() -> None:
    timeline, caller, agent = a_talk(((30, 38),), ())
    assert lost_of_caller(replace(timeline, blanks=((29.0, 39.0),)), caller, [(agent, (20, 60))], ()) == ()


spans = st.lists(st.tuples(st.integers(1, 300), st.integers(1, 300)), max_size=12).map(
    lambda steps: tuple(
        (sum(a + b for a, b in steps[:at]) / 10 + gap / 10, sum(a + b for a, b in steps[: at + 1]) / 10)
        for at, (gap, _) in enumerate(steps)
    )
)


@given(silences=spans, echo=spans)
def test_every_second_said_to_be_lost_is_one(silences: Runs, echo: Runs) -> None:
    inside = tuple((begin, min(end, 60.0)) for begin, end in silences if begin < 60)
    heard = tuple((begin, min(end, 40.0)) for begin, end in echo if begin < 40)

    def within(at: float, runs: Runs) -> bool:
        return any(begin <= at < end for begin, end in runs)

    for begin, end in lost(inside, heard):
        assert end - begin >= LEAST_S
        for at in (begin + 0.01, (begin + end) / 2, end - 0.01):
            assert within(at, inside)
            assert not within(at - 20, heard)
