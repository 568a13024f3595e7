"""Where a file stood still, told by an agent's leg: where it was is put to the frame, or left alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from recording.echo import Heard, Stop, places
from recording.timeline import Growth, Side, Track, plan
from tests.unit.recording.fakes import later

RATE = 8000
FRAME = 160


def stop(low_s: float, high_s: float, lost_s: float, *, silences: tuple[tuple[float, float], ...] = ()) -> Stop:
    return Stop(
        low=round(low_s * RATE),
        high=round(high_s * RATE),
        length=round(lost_s * RATE),
        zero_s=100.0,
        rate=RATE,
        silences=tuple((round(begin * RATE), round(end * RATE)) for begin, end in silences),
    )


def heard(*silences: tuple[float, float], from_s: float = 0.0, to_s: float = 1000.0) -> Heard:
    return Heard(
        from_s=100 + from_s, to_s=100 + to_s, silences=tuple((100 + begin, 100 + end) for begin, end in silences)
    )


def seconds(found: list[tuple[int, int]]) -> list[tuple[float, float]]:
    return [(round(at / RATE, 3), round(length / RATE, 3)) for at, length in found]


def test_a_silence_that_the_file_has_not_is_where_it_stood_still() -> None:
    assert seconds(places(stop(10, 12, 0.8), [heard((11.3, 12.1))])) == [(11.3, 0.8)]


def test_two_silences_in_one_step_are_two_places() -> None:
    assert seconds(places(stop(10, 12, 1.5), [heard((10.5, 11.5), (12.5, 13.02))])) == [
        (10.5, 0.98),  # the clock knows how much it was; a frame more or less is the longest one's
        (11.5, 0.52),
    ]


def test_what_the_file_holds_as_silence_itself_is_not_missing() -> None:
    one = stop(10, 12, 0.8, silences=((10.4, 10.9),))
    assert seconds(places(one, [heard((10.4, 10.9), (11.3, 12.1))])) == [(11.3, 0.8)]


def test_of_a_silence_that_both_have_only_the_rest_is_missing() -> None:
    one = stop(10, 12, 1.5, silences=((11.0, 13.0),))
    assert seconds(places(one, [heard((11.0, 14.5))])) == [(11.0, 1.5)]


def test_what_does_not_add_up_is_not_believed() -> None:
    assert places(stop(10, 12, 0.8), [heard((11.3, 11.6))]) == []
    assert places(stop(10, 12, 0.8), [heard()]) == []


def test_an_agent_who_was_not_there_all_the_time_tells_nothing() -> None:
    for one in (heard((11.3, 12.1), from_s=11), heard((11.3, 12.1), to_s=12)):
        assert places(stop(10, 12, 0.8), [one]) == []
    assert places(stop(10, 12, 0.8), [heard(to_s=5), heard((11.3, 12.1))]) != []


@given(
    low=st.integers(0, 400),
    waits=st.lists(st.tuples(st.integers(5, 40), st.integers(10, 200)), min_size=1, max_size=4),
)
def test_every_place_is_in_the_step_and_together_they_are_what_was_lost(low: int, waits: list[tuple[int, int]]) -> None:
    """A caller who falls silent some times within one step; in frames."""
    at, talked = low, low
    silences: list[tuple[float, float]] = []
    positions: list[int] = []
    for talk, silence in waits:
        at, talked = at + talk, talked + talk
        positions.append(talked * FRAME)
        silences.append((at * 0.02, (at + silence) * 0.02))
        at += silence
    lost = sum(silence for _, silence in waits) * FRAME
    one = replace(stop(0, 0, 0), low=low * FRAME, high=positions[-1] + FRAME, length=lost)
    found = places(one, [heard(*silences)])
    assert [position for position, _ in found] == positions
    assert sum(length for _, length in found) == lost


def test_the_callers_file_is_put_right_by_what_the_agent_heard() -> None:
    """The caller is silent at 21.0 s for 3 s; their file knows nothing of it, the agent's leg has it as silence."""

    def frames(seconds: float) -> int:
        return round(seconds * RATE)

    buffer = 16384
    looks = tuple(
        Growth(at=later(at / RATE + (3.0 if at / RATE > 21 else 0.0)), frames=at)
        for at in range(buffer, frames(57) + 1, buffer)
    )
    caller = Track(
        file="c", side=Side.CALLER, agent=None, frames=frames(57), rate=RATE, anchor_at=later(0), until_at=later(60),
        growth=looks,
    )  # fmt: skip
    agent = Track(
        file="a", side=Side.AGENT, agent=None, frames=frames(50), rate=RATE, anchor_at=later(10), until_at=later(60),
        echo=((frames(11), frames(14)),),
    )  # fmt: skip
    placed = plan((caller, agent), started_at=later(0), ended_at=later(60)).tracks[0]
    assert [(piece.source, piece.at) for piece in placed.pieces] == [(0, 0), (frames(21), frames(24))]
    alone = plan((caller,), started_at=later(0), ended_at=later(60)).tracks[0]
    assert alone.pieces[1].source != frames(21)  # somewhere in the step


def test_a_silence_in_which_the_agents_file_stood_still_too_is_one_silence() -> None:
    """The caller is silent from 21 s to 26 s, the agent as well from 23 s on: their file lost 3 s, the caller's 5."""

    def looks(lost_s: float, at_s: float, length_s: float, zero_s: float) -> tuple[Growth, ...]:
        return tuple(
            Growth(at=later(zero_s + at / RATE + (lost_s if at / RATE > at_s else 0.0)), frames=at)
            for at in range(16384, round(length_s * RATE) + 1, 16384)
        )

    caller = Track(
        file="c", side=Side.CALLER, agent=None, frames=55 * RATE, rate=RATE, anchor_at=later(0), until_at=later(60),
        growth=looks(5.0, 21.0, 55.0, 0.0),
    )  # fmt: skip
    agent = Track(
        file="a", side=Side.AGENT, agent=None, frames=47 * RATE, rate=RATE, anchor_at=later(10), until_at=later(60),
        growth=looks(3.0, 13.0, 47.0, 10.0), echo=((11 * RATE, 13 * RATE),),
    )  # fmt: skip
    placed = plan((caller, agent), started_at=later(0), ended_at=later(60)).tracks[0]
    assert [(piece.source, piece.at) for piece in placed.pieces] == [(0, 0), (21 * RATE, 26 * RATE)]


def test_a_late_packet_is_not_the_silence_in_which_a_file_stood_still() -> None:
    """Both are silent at once, and 60 ms of the caller came late a second before: nothing says where the 3 s were."""

    def looks(at_s: float, length_s: float, zero_s: float) -> tuple[Growth, ...]:
        return tuple(
            Growth(at=later(zero_s + at / RATE + (3.0 if at / RATE > at_s else 0.0)), frames=at)
            for at in range(16384, round(length_s * RATE) + 1, 16384)
        )

    caller = Track(
        file="c", side=Side.CALLER, agent=None, frames=57 * RATE, rate=RATE, anchor_at=later(0), until_at=later(60),
        growth=looks(21.0, 57.0, 0.0),
    )  # fmt: skip
    agent = Track(
        file="a", side=Side.AGENT, agent=None, frames=47 * RATE, rate=RATE, anchor_at=later(10), until_at=later(60),
        growth=looks(11.0, 47.0, 10.0), echo=((84_000, 84_480),),
    )  # fmt: skip
    both = plan((caller, agent), started_at=later(0), ended_at=later(60)).tracks
    without = plan((caller, replace(agent, echo=None)), started_at=later(0), ended_at=later(60)).tracks
    assert [placed.pieces for placed in both] == [placed.pieces for placed in without]


def test_a_silence_in_the_last_step_is_known_of_a_phone_that_was_watched_nearly_to_the_end() -> None:
    """The leg is silent at 6.4 s for 0.8 s and ends at 7.7 s; who looks saw it last 0.2 s before."""
    looks = (
        *(Growth(at=later(at / RATE), frames=at) for at in (16384, 32768, 49152)),
        Growth(at=later(7.7), frames=55_200),
    )
    agent = Track(
        file="a", side=Side.AGENT, agent=None, frames=55_200, rate=RATE, anchor_at=later(0), until_at=later(7.7),
        growth=looks, quiet=(quiet(0.15, 7.5, (6.4, 7.2)),),
    )  # fmt: skip
    placed = plan((agent,), started_at=later(0), ended_at=later(7.7)).tracks[0]
    assert [(piece.source, piece.at) for piece in placed.pieces] == [(0, 0), (51_200, 57_600)]
    unseen = plan((replace(agent, quiet=(quiet(0.15, 6.9, (6.4, 7.2)),)),), started_at=later(0), ended_at=later(7.7))
    assert unseen.tracks[0].pieces[1].source != 51_200


def test_a_silence_in_the_first_step_is_known_of_a_phone_that_was_watched_nearly_from_the_beginning() -> None:
    looks = tuple(Growth(at=later(0.8 + at / RATE), frames=at) for at in (16384, 32768))
    agent = Track(
        file="a", side=Side.AGENT, agent=None, frames=40_000, rate=RATE, anchor_at=later(0), until_at=later(5.8),
        growth=looks, quiet=(quiet(0.3, 5.7, (1.9, 2.7)),),
    )  # fmt: skip
    placed = plan((agent,), started_at=later(0), ended_at=later(5.8)).tracks[0]
    assert [(piece.source, piece.at) for piece in placed.pieces] == [(0, 0), (15_200, 21_600)]


def quiet(from_s: float, to_s: float, *silences: tuple[float, float]) -> Heard:
    zero_s = later(0).timestamp()
    return Heard(
        from_s=zero_s + from_s,
        to_s=zero_s + to_s,
        silences=tuple((zero_s + one, zero_s + two) for one, two in silences),
    )
