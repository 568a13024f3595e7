from __future__ import annotations

import itertools
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from recording.timeline import GROWTH_NOISE_S, LONGEST_END_S, Growth, Side, Track, plan
from tests.unit.recording.fakes import later

RATE = 8000
BUFFER = 16384  # frames of one 32 KiB buffer


def track(
    seconds: float,
    *,
    at: float = 0.0,
    until: float | None = None,
    growth: tuple[Growth, ...] = (),
    side: Side = Side.CALLER,
) -> Track:
    return Track(
        file="f.wav",
        side=side,
        agent=None,
        frames=round(seconds * RATE),
        rate=RATE,
        anchor_at=later(at),
        until_at=later(at + seconds if until is None else until),
        growth=growth,
    )


def watched(seconds: float, gap_at: float, gap_s: float, *, delay_s: float = 0.1) -> tuple[Growth, ...]:
    """Looks at a file of ``seconds`` of sound whose time stood still for ``gap_s`` after ``gap_at``."""
    frames = range(BUFFER, round(seconds * RATE) + 1, BUFFER)
    return tuple(Growth(at=later(f / RATE + (gap_s if f / RATE > gap_at else 0.0) + delay_s), frames=f) for f in frames)


def test_a_whole_file_is_one_piece_at_its_anchor() -> None:
    timeline = plan((track(30), track(10, at=12.5, side=Side.AGENT)), started_at=later(0), ended_at=later(30))
    assert timeline.duration_s == 30.0
    assert [[(p.source, p.frames, p.at) for p in t.pieces] for t in timeline.tracks] == [
        [(0, 240_000, 0)],
        [(0, 80_000, 100_000)],
    ]
    assert not timeline.truncated


def test_a_few_frames_less_than_the_clock_lost_nothing() -> None:
    timeline = plan((track(29.95, until=30.0),), started_at=later(0), ended_at=later(30))
    assert timeline.tracks[0].put_back_s == 0
    assert len(timeline.tracks[0].pieces) == 1


def test_lost_time_is_put_back_where_the_file_stood_still() -> None:
    growth = watched(60, gap_at=21.0, gap_s=8.0)
    timeline = plan((track(60, until=68, growth=growth),), started_at=later(0), ended_at=later(68))
    placed = timeline.tracks[0]
    assert len(placed.pieces) == 2
    cut_s = placed.pieces[1].source / RATE
    assert abs(cut_s - 21.0) <= BUFFER / RATE  # within one buffer of where it was
    assert abs(placed.put_back_s - 8.0) < GROWTH_NOISE_S
    assert abs((placed.pieces[1].at - placed.pieces[0].frames) / RATE - placed.put_back_s) < 0.001
    assert not timeline.truncated
    assert not placed.guessed


def test_a_late_look_at_a_file_is_not_taken_for_a_gap() -> None:
    looks = list(watched(60, gap_at=99, gap_s=0))
    looks[10] = Growth(at=later(looks[10].frames / RATE + 1.5), frames=looks[10].frames)
    timeline = plan((track(60, until=61, growth=tuple(looks)),), started_at=later(0), ended_at=later(61))
    assert len(timeline.tracks[0].pieces) == 1


def test_without_any_look_lost_time_can_only_be_at_the_end_and_it_is_said() -> None:
    placed = plan((track(20, until=30),), started_at=later(0), ended_at=later(30)).tracks[0]
    assert (len(placed.pieces), placed.missing_at_end_s, placed.guessed) == (1, 10.0, True)


def test_both_sides_are_cut_at_the_same_instant() -> None:
    """Two files, begun 1.3 s apart, whose time stood still together at 21.0 s of the clock."""
    caller = track(60, until=68, growth=watched(60, gap_at=21.0, gap_s=8.0))
    looks = watched(50, gap_at=19.7, gap_s=8.0, delay_s=0.0)
    shifted = tuple(Growth(at=look.at + timedelta(seconds=1.3), frames=look.frames) for look in looks)
    agent = track(50, at=1.3, until=59.3, growth=shifted, side=Side.AGENT)
    alone = plan((caller,), started_at=later(0), ended_at=later(68)).tracks[0]
    both = plan((caller, agent), started_at=later(0), ended_at=later(68)).tracks
    ends = [(item.pieces[0].at + item.pieces[0].frames) / RATE for item in both]
    assert abs(ends[0] - ends[1]) < 0.001
    error, error_alone = abs(ends[0] - 21.0), abs(alone.pieces[0].frames / RATE - 21.0)
    assert error <= error_alone
    assert error < 0.7


def test_a_gap_from_before_a_restart_is_placed_but_called_a_guess() -> None:
    growth = watched(60, gap_at=10.0, gap_s=8.0)[15:]
    placed = plan((track(60, until=68, growth=growth),), started_at=later(0), ended_at=later(68)).tracks[0]
    assert abs(placed.put_back_s - 8.0) < GROWTH_NOISE_S
    assert placed.guessed


def test_a_file_that_stopped_growing_while_its_channel_went_on_is_truncated() -> None:
    growth = watched(16.384, gap_at=99, gap_s=0)
    timeline = plan((track(16.384, until=120, growth=growth),), started_at=later(0), ended_at=later(120))
    assert timeline.truncated
    assert timeline.duration_s == 120


def test_a_few_seconds_missing_are_a_loss_only_where_somebody_watched() -> None:
    growth = watched(16.384, gap_at=99, gap_s=0)
    for looks, truncated in ((growth, True), ((), False)):
        one = track(16.384, until=20, growth=looks)
        assert plan((one,), started_at=later(0), ended_at=later(20)).truncated is truncated


def test_what_came_before_second_zero_is_cut_off() -> None:
    timeline = plan((track(10, at=-2),), started_at=later(0), ended_at=later(8))
    assert [(p.source, p.frames, p.at) for p in timeline.tracks[0].pieces] == [(16_000, 64_000, 0)]


def test_sound_after_the_end_lengthens_the_recording() -> None:
    assert plan((track(10),), started_at=later(0), ended_at=later(9)).duration_s == 10


def test_an_end_days_after_the_last_sound_is_not_believed() -> None:
    timeline = plan((track(10, until=10),), started_at=later(0), ended_at=later(86_400 * 3))
    assert timeline.duration_s == 10 + LONGEST_END_S


def test_a_call_that_ended_before_it_began_has_no_length() -> None:
    assert plan((), started_at=later(5), ended_at=later(0)).duration_s == 0


@given(
    seconds=st.floats(1, 300),
    gaps=st.lists(st.tuples(st.floats(0, 300), st.floats(0, 30)), max_size=4),
    delay_s=st.floats(0, 0.25),
    start=st.floats(0, 20),
)
def test_no_frame_is_lost_doubled_or_moved_back(
    seconds: float, gaps: list[tuple[float, float]], delay_s: float, start: float
) -> None:
    def clock(sound_s: float) -> float:
        return start + sound_s + sum(gap for at, gap in gaps if at < sound_s)

    frames = round(seconds * RATE)
    growth = tuple(Growth(at=later(clock(f / RATE) + delay_s), frames=f) for f in range(BUFFER, frames + 1, BUFFER))
    until = clock(seconds)
    timeline = plan((track(seconds, at=start, until=until, growth=growth),), started_at=later(0), ended_at=later(until))
    pieces = timeline.tracks[0].pieces
    assert sum(piece.frames for piece in pieces) == frames
    for one, two in itertools.pairwise(pieces):
        assert two.source == one.source + one.frames
        assert two.at >= one.at + one.frames
    # Sound is never placed later than it can have been, nor past the end.
    assert pieces[-1].at + pieces[-1].frames <= round(until * RATE) + 2
    assert pieces[0].at == round(start * RATE)
