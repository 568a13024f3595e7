"""Tones: made for a phone to say, and found again in what was recorded. Pure but for writing one file."""

from __future__ import annotations

import math
import wave
from array import array
from collections.abc import Sequence
from pathlib import Path

RATE_HZ = 8_000  # telephony: what an ordinary trunk carries
AMPLITUDE = 9_000  # of 32767: loud, and far from where µ-law distorts


def tone(hz: int, length_s: float) -> array[int]:
    """A sine of a whole number of Hz as 16-bit samples at RATE_HZ."""
    second = array("h", (round(AMPLITUDE * math.sin(2 * math.pi * hz * n / RATE_HZ)) for n in range(RATE_HZ)))
    whole, rest = divmod(round(length_s * RATE_HZ), RATE_HZ)
    return second * whole + second[:rest]  # a whole number of Hz: one second joins on to the next


def write_wav(path: Path, samples: array[int]) -> None:
    """Writes mono 16-bit at RATE_HZ."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(samples.tobytes())


def strength(samples: Sequence[int], hz: float, rate_hz: int = RATE_HZ) -> float:
    """How much of the sound's energy is at `hz`: 0.0 (none, or silence) to 1.0 (a pure tone). Goertzel's way."""
    energy = float(sum(sample * sample for sample in samples))
    if energy == 0.0:
        return 0.0
    factor = 2.0 * math.cos(2.0 * math.pi * hz / rate_hz)
    last, before = 0.0, 0.0
    for sample in samples:
        last, before = sample + factor * last - before, last
    power = last * last + before * before - factor * last * before
    return min(1.0, 2.0 * power / (len(samples) * energy))


def tone_seconds(samples: Sequence[int], hz: float, rate_hz: int = RATE_HZ, *, share: float = 0.5) -> float:
    """For how many seconds the tone is more than `share` of the sound's energy, looked at every 0.1 s.

    0.5 on a side of its own; 0.25 where two parties of the same loudness are mixed.
    """
    size = rate_hz // 10
    windows = (samples[start : start + size] for start in range(0, len(samples) - size + 1, size))
    return sum(0.1 for window in windows if strength(window, hz, rate_hz) > share)


def read_wav(path: Path) -> tuple[list[array[int]], int]:
    """Each channel's 16-bit samples, and the rate in Hz. Raises wave.Error on anything else than such a file."""
    with wave.open(str(path), "rb") as source:
        if source.getsampwidth() != 2:
            raise wave.Error(f"{path.name} has {source.getsampwidth() * 8} bits a sample, not 16")
        samples = array("h", source.readframes(source.getnframes()))
        count = source.getnchannels()
        return [samples[channel::count] for channel in range(count)], source.getframerate()
