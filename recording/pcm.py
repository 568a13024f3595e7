"""Sixteen-bit samples: the few functions of ``audioop`` that recording needs, imported in one place.

Python 3.13 has no ``audioop``; there the distribution ``audioop-lts`` brings the same module.
"""

from __future__ import annotations

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


def resample(samples: bytes, from_rate: int, to_rate: int, state: ResamplerState) -> tuple[bytes, ResamplerState]:
    """The next run of a stream at another rate. Start with ``state=None``, then hand back what came out."""
    return audioop.ratecv(samples, WIDTH, 1, from_rate, to_rate, state)
