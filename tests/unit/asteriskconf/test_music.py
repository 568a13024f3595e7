"""Music on hold: there is sound, it does not clip, and it joins on to itself."""

from __future__ import annotations

import io
import itertools
import wave
from array import array

import pytest

from cti.asteriskconf.music import PEAK, RATE_HZ, compose, music_files, ulaw


@pytest.fixture(scope="module")
def samples() -> array[int]:
    return compose()


def expand(byte: int) -> int:
    """µ-law back to linear, straight from G.711's definition."""
    byte = ~byte & 0xFF
    magnitude = (((byte & 0x0F) << 3) + 132 << (byte >> 4 & 7)) - 132
    return -magnitude if byte & 0x80 else magnitude


def test_it_is_never_silent_and_never_loud(samples: array[int]) -> None:
    assert len(samples) == 32 * RATE_HZ
    assert max(abs(sample) for sample in samples) == PEAK
    for start in range(0, len(samples), RATE_HZ // 2):
        assert max(abs(sample) for sample in samples[start : start + RATE_HZ // 2]) > 500


def test_the_loop_has_no_seam(samples: array[int]) -> None:
    steps = [abs(after - before) for before, after in itertools.pairwise(samples)]
    assert abs(samples[0] - samples[-1]) <= max(steps)


@pytest.mark.parametrize("sample", [0, 1, -1, 100, -100, 1000, 9000, -9000, 32767, -32768])
def test_ulaw_is_near_the_sample(sample: int) -> None:
    assert abs(expand(ulaw(sample)) - sample) <= max(8, abs(sample) // 16)


def test_known_ulaw_values() -> None:
    """G.711's corners: silence, and both ends."""
    assert (ulaw(0), ulaw(32767), ulaw(-32768)) == (0xFF, 0x80, 0x00)


def test_both_files_hold_the_same_piece() -> None:
    files = music_files()
    with wave.open(io.BytesIO(files["kakehashi.wav"])) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE_HZ)
        assert file.getnframes() == len(files["kakehashi.ulaw"])
