"""A file of a phone whose packets were counted: every word is at its second, whatever the file has not."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest

from recording.echo import Heard
from recording.timeline import Growth, PlacedTrack, Side, Track, plan
from tests.unit.recording.fakes import later

RATE = 8000
BUFFER = 16384
ZERO_S = later(0).timestamp()
# What a stretch of time is in the file: the phone speaks; it is silent and the other side speaks; both are silent;
# it speaks, and Asterisk leaves it out.
SAYS, ZEROS, STILL, DROPPED = "says", "zeros", "still", "dropped"

Table = list[tuple[str, float]]


def recorded(table: Table, late: dict[int, float] | None = None) -> Track:
    """The file; ``late``: steps that reach the disk so many seconds after they were full."""
    frames = at = 0  # of the file, of the clock
    stretches: list[tuple[int, int, int]] = []  # written: position, length, instant
    zeros: list[tuple[int, int]] = []
    silences: list[tuple[int, int]] = []
    for kind, seconds in table:
        length = round(seconds * RATE)
        if kind in (ZEROS, STILL):
            began = silences.pop()[0] if silences and silences[-1][1] == at else at
            silences.append((began, at + length))
        if kind in (SAYS, ZEROS):
            if kind == ZEROS:
                began = zeros.pop()[0] if zeros and zeros[-1][1] == frames else frames
                zeros.append((began, frames + length))
            stretches.append((frames, length, at))
            frames += length
        at += length
    full = range(BUFFER, frames + 1, BUFFER)
    written = [
        next(then + step - began for began, length, then in stretches if began + length >= step) for step in full
    ]
    growth = tuple(
        Growth(at=later(then / RATE + (late or {}).get(number, 0.02)), frames=step)
        for number, (step, then) in enumerate(zip(full, written, strict=True))
    )
    watched = Heard(
        from_s=ZERO_S + 0.2, to_s=ZERO_S + at / RATE - 0.2,
        silences=tuple((ZERO_S + begin / RATE, ZERO_S + end / RATE) for begin, end in silences),
    )  # fmt: skip
    return Track(
        file="f", side=Side.AGENT, agent=None, frames=frames, rate=RATE, anchor_at=later(0), until_at=later(at / RATE),
        growth=(*growth, Growth(at=later(at / RATE), frames=frames)), silences=tuple(zeros), quiet=(watched,),
    )  # fmt: skip


def off(table: Table, placed: PlacedTrack, inside_s: float = 0.1) -> list[float]:
    """By how much each word's beginning and end (``inside_s`` within it) is later than it was said, in seconds."""
    frames, at, found = 0, 0.0, []
    for kind, seconds in table:
        length = round(seconds * RATE) if kind in (SAYS, ZEROS) else 0
        if kind == SAYS:
            for within in (round(inside_s * RATE), length - round(inside_s * RATE)):
                piece = next(one for one in placed.pieces if one.source <= frames + within < one.source + one.frames)
                found.append((frames + within - piece.source + piece.at - within) / RATE - at)
        frames, at = frames + length, at + seconds
    return found


def worst(table: Table, late: dict[int, float] | None = None) -> float:
    track = recorded(table, late)
    timeline = plan((track,), started_at=later(0), ended_at=track.until_at)
    (placed,) = timeline.tracks
    assert sum(piece.frames for piece in placed.pieces) == track.frames
    return max(abs(one) for one in off(table, placed))


def test_what_asterisk_left_out_is_not_put_into_the_silence_after_it() -> None:
    """The phone was heard to be silent, the file has all of that silence, and lacks half a second of before."""
    table = [(SAYS, 4.6), (DROPPED, 0.46), (SAYS, 0.3), (SAYS, 0.92), (ZEROS, 0.82), (SAYS, 6.0)]
    track = recorded(table)
    (placed,) = plan((track,), started_at=later(0), ended_at=track.until_at).tracks
    assert max(map(abs, off(table, placed)[-2:])) < 0.03  # what is said after the silence
    gone = [after.at - one.at - one.frames for one, after in itertools.pairwise(placed.pieces)]
    assert gone == [round(0.46 * RATE)]
    assert placed.pieces[1].source <= round(5.82 * RATE)  # before the silence begins


@pytest.mark.parametrize("before_s", [1.0, 1.4, 1.95, 2.0, 2.03, 2.05, 2.1, 3.9])
def test_two_silences_that_fall_into_one_step_or_beside_its_end(before_s: float) -> None:
    table = [(SAYS, before_s), (STILL, 1.5), (SAYS, 1.0), (STILL, 0.8), (SAYS, 7.0)]
    assert worst(table) < 0.04


def test_a_step_that_reaches_the_disk_late_moves_nothing() -> None:
    table = [(SAYS, 3.0), (STILL, 0.8), (SAYS, 3.3), (STILL, 1.5), (SAYS, 9.0), (STILL, 0.8), (SAYS, 5.0)]
    for step in range(7):
        assert worst(table, {step: 0.9}) < 0.06


def test_a_silence_of_which_the_file_has_some_is_one_silence() -> None:
    """The other side speaks, stops and speaks again while this phone is silent, over several steps of the file."""
    silence = [(STILL, 1.3), (ZEROS, 2.4), (STILL, 2.0), (ZEROS, 1.9), (STILL, 0.5)]
    assert worst([(SAYS, 3.1), *silence, (SAYS, 0.5), (STILL, 0.7), (SAYS, 5.0)]) < 0.04


def test_what_is_lost_while_a_phone_speaks_is_put_into_its_step() -> None:
    """No silence explains it: within 2 s nobody knows where, and all that comes after it is right."""
    table = [(SAYS, 2.3), (STILL, 1.0), (SAYS, 8.0), (DROPPED, 1.2), (SAYS, 4.0), (STILL, 0.9), (SAYS, 3.0)]
    track = recorded(table)
    (placed,) = plan((track,), started_at=later(0), ended_at=track.until_at).tracks
    found = off(table, placed)
    assert max(map(abs, (*found[:3], *found[-3:]))) < 0.06
    assert placed.put_back_s == pytest.approx(3.1, abs=0.05)


def test_a_gap_from_before_anybody_counted_stays_where_it_was() -> None:
    table = [(SAYS, 3.0), (STILL, 1.5), (SAYS, 9.0), (STILL, 0.8), (SAYS, 5.0)]
    track = recorded(table)
    whole = track.quiet[0]
    known = Heard(from_s=ZERO_S + 8.0, to_s=whole.to_s, silences=whole.silences[1:])
    (placed,) = plan((replace(track, quiet=(known,)),), started_at=later(0), ended_at=track.until_at).tracks
    found = off(table, placed)
    assert max(map(abs, found[3:])) < 0.04


def test_every_word_of_many_talks_is_at_its_second() -> None:
    """Silences of any length beside the other side's; one step in seven reaches the disk up to half a second late."""
    words, bad = 0, []
    for seed in range(60):
        dice = random.Random(seed)
        table: Table = []
        for _ in range(18):
            table.append((SAYS, round(dice.uniform(0.4, 6.0), 2)))
            table += [
                (dice.choice((ZEROS, STILL)), round(dice.uniform(0.3, 2.5), 2))
                for _ in range(dice.choice((1, 1, 2, 3)))
            ]
        table.append((SAYS, 3.0))
        late = {step: dice.uniform(0.0, 0.5) for step in range(60) if dice.random() < 0.15}
        track = recorded(table, late)
        (placed,) = plan((track,), started_at=later(0), ended_at=track.until_at).tracks
        found = off(table, placed)
        words += len(found)
        bad += [(seed, one) for one in found if abs(one) > 0.1]
    assert words > 2000
    assert bad == []
