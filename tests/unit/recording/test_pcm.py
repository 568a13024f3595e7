"""Sound at twice its rate: the same tone, at its second, and nothing beside it."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.pcm import Resampler
from tests.unit.recording.fakes import tone


def doubled(samples: bytes, *sizes: int) -> array[int]:
    """``samples`` fed in runs of so many samples, the last size again and again."""
    resampler, out, at = Resampler(8000, 16000), b"", 0
    left = list(sizes) or [len(samples)]
    while at < len(samples):
        size = 2 * (left.pop(0) if len(left) > 1 else left[0])
        out += resampler.feed(samples[at : at + size])
        at += size
    return array("h", out + resampler.rest())


def level_db(samples: array[int], hz: float) -> float:
    """How loud a tone is, below the 9,000 of tones.tone; of a whole number of its waves."""
    step = 2 * math.pi * hz / 16000
    real = sum(value * math.cos(step * at) for at, value in enumerate(samples))
    imaginary = sum(value * math.sin(step * at) for at, value in enumerate(samples))
    return 20 * math.log10(max(1e-9, 2 * math.hypot(real, imaginary) / len(samples)) / 9000)


@pytest.mark.parametrize("hz", [300, 440, 1000, 2000, 3000, 3400])
def test_a_tone_stays_where_it_is_and_is_mirrored_nowhere(hz: int) -> None:
    made = doubled(tone(hz, 1.0), 4000)
    assert len(made) == 16000
    expected = array("h", tone(hz, 1.0, rate=16000))
    inside = range(200, 15800)  # at the ends the tone is cut off, and a cut has every frequency
    assert max(abs(made[at] - expected[at]) for at in inside) <= 9  # not one sample late: a sample's step is 3,000
    assert abs(level_db(made[800:15200], hz)) < 0.1
    assert level_db(made[800:15200], 8000 - hz) < -65


def test_every_sample_of_before_is_still_there() -> None:
    samples = tone(1234, 0.5)
    assert doubled(samples, 777)[0::2] == array("h", samples)


def test_silence_stays_silence_and_full_scale_stays_below_it() -> None:
    assert set(doubled(bytes(2000))) == {0}
    square = array("h", ([32767] * 40 + [-32768] * 40) * 20)
    made = doubled(square.tobytes())
    assert (max(made), min(made)) == (32767, -32768)
    assert min(made[4:70]) > 25_000  # the edge swings, and does not go round to the other sign


@given(st.lists(st.integers(1, 500), min_size=1, max_size=6), st.integers(0, 700))
def test_how_it_is_cut_into_runs_makes_no_difference(sizes: list[int], count: int) -> None:
    samples = tone(700, count / 8000)
    assert doubled(samples, *sizes) == doubled(samples)
    assert len(doubled(samples, *sizes)) == 2 * count


def test_other_rates_are_drawn_with_straight_lines() -> None:
    resampler = Resampler(8000, 48000)
    made = array("h", resampler.feed(tone(440, 1.0)) + resampler.rest())
    assert abs(len(made) - 48000) <= 6
    assert max(made) > 8500
