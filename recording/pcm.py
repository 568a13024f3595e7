"""Sixteen-bit samples: the few functions of ``audioop`` that recording needs, imported in one place.

Python 3.13 has no ``audioop``; there the distribution ``audioop-lts`` brings the same module.
"""

from __future__ import annotations

import math
import warnings
from array import array
from typing import Any

with warnings.catch_warnings():
    # Python 3.11 and 3.12 announce that 3.13 will not have it; audioop-lts is already a dependency there.
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

WIDTH = 2  # bytes per sample
FULL_SCALE = 32768  # of a 16-bit sample
SILENCE_DB = -96.0  # what 16 bits can say at best; digital silence is written as this

# State of a running resampler; opaque, made by audioop.
ResamplerState = Any


def silence(frames: int) -> bytes:
    """So many samples of digital silence."""
    return bytes(frames * WIDTH)


def add(one: bytes, other: bytes) -> bytes:
    """The sum of two equally long runs, limited to full scale."""
    return audioop.add(one, other, WIDTH)


def interleave(left: bytes, right: bytes) -> bytes:
    """Two mono runs as one stereo run."""
    both = array("h", bytes(2 * len(left)))
    both[0::2], both[1::2] = array("h", left), array("h", right)
    return both.tobytes()


def to_mono(stereo: bytes) -> bytes:
    """The middle of a stereo run."""
    return audioop.tomono(stereo, WIDTH, 0.5, 0.5)


def low_high(samples: bytes) -> tuple[int, int]:
    """Least and greatest sample; (0, 0) for none."""
    return audioop.minmax(samples, WIDTH) if samples else (0, 0)


def rms(samples: bytes) -> int:
    """Root of the mean square, 0 to 32768; 0 for none."""
    return audioop.rms(samples, WIDTH) if samples else 0


class Resampler:
    """A stream at a higher rate, run by run; its first sample stays its first sample.

    Twice the rate, which is what an 8 kHz leg beside a 16 kHz caller needs, is interpolated so that nothing of a
    telephone's 300 to 3,400 Hz appears again above 4 kHz. Other ratios (no file of Asterisk's has them) are drawn with
    straight lines.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._rates = (from_rate, to_rate)
        self._state: ResamplerState = None
        self._double = Doubler() if to_rate == 2 * from_rate else None

    def feed(self, samples: bytes) -> bytes:
        """The next run."""
        if self._double is not None:
            return self._double.feed(samples)
        out, self._state = audioop.ratecv(samples, WIDTH, 1, *self._rates, self._state)
        return bytes(out)

    def rest(self) -> bytes:
        """What is left when the stream has ended."""
        return self._double.feed(silence(_TAPS)) if self._double is not None else b""


# Neighbours on each side that a sample in between is made of: with 16 what is mirrored from 3,400 Hz to 4,600 Hz lies
# 80 dB below it (tests/unit/recording/test_pcm.py).
_TAPS = 16
_KAISER = 5.7  # shape of the window for that: Kaiser's formula, 0.1102 * (60 - 8.7)
_HEADROOM = 4  # the sum of two neighbours, and what the window adds at an edge, must not reach full scale on the way


def _bessel(x: float) -> float:
    """The modified Bessel function of order 0, as its power series."""
    return sum(((x / 2) ** k / math.factorial(k)) ** 2 for k in range(25))


def _half_band() -> tuple[float, ...]:
    """The windowed sinc's weights of the two neighbours at distance k + 1/2."""
    weights = []
    for k in range(_TAPS):
        away = k + 0.5
        window = _bessel(_KAISER * math.sqrt(1 - (away / _TAPS) ** 2)) / _bessel(_KAISER)
        weights.append(math.sin(math.pi * away) / (math.pi * away) * window)
    total = 2 * sum(weights)  # a level stays a level
    return tuple(weight / total for weight in weights)


_WEIGHTS = _half_band()


class Doubler:
    """A stream at twice its rate: each sample as it was, and one in between (a half-band filter).

    Needs ``_TAPS`` samples ahead, so that so many come with the next run.
    """

    def __init__(self) -> None:
        self._held = silence(_TAPS)  # before the first sample there was nothing

    def feed(self, samples: bytes) -> bytes:
        """The samples that are complete now, twice as many."""
        held = self._held + samples
        ready = len(held) // WIDTH - 2 * _TAPS
        if ready <= 0:
            self._held = held
            return b""
        wide = audioop.mul(audioop.lin2lin(held, WIDTH, 4), 4, 1 / _HEADROOM)
        between = bytes(4 * ready)
        for k, weight in enumerate(_WEIGHTS):
            # The sample at index i (of ``held``, from _TAPS on) and the next one are neighbours at distance 1/2.
            left, right = _TAPS - k, _TAPS + 1 + k
            pair = audioop.add(wide[4 * left : 4 * (left + ready)], wide[4 * right : 4 * (right + ready)], 4)
            between = audioop.add(between, audioop.mul(pair, 4, weight), 4)
        made = array("h", bytes(2 * WIDTH * ready))
        made[0::2] = array("h", held[_TAPS * WIDTH : (_TAPS + ready) * WIDTH])
        made[1::2] = array("h", audioop.lin2lin(audioop.mul(between, 4, _HEADROOM), 4, WIDTH))
        self._held = held[ready * WIDTH :]
        return made.tobytes()
