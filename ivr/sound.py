"""Measure and write sound files: the ears of somebody who has none."""

from __future__ import annotations

import array
import math
import os
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

FULL_SCALE = 32768
# Frames of 20 ms, as a telephone sends them.
FRAMES_PER_S = 50
# Frames that are quieter than the loudest by more than this are pauses, not speech.
ACTIVE_WITHIN_DB = 30.0
SILENT_DBFS = -96.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What can be said of a mono 16-bit file without listening."""

    duration_s: float
    sample_rate: int
    active_dbfs: float  # RMS of the frames in which somebody speaks
    peak_dbfs: float
    clipped: int  # samples at full scale


def measure(path: Path) -> Measured:
    """Measure a mono 16-bit WAV. Raises ValueError for any other."""
    with wave.open(str(path), "rb") as source:
        if source.getnchannels() != 1 or source.getsampwidth() != 2:
            raise ValueError(f"{path.name}: not mono 16-bit")
        rate = source.getframerate()
        samples = array.array("h", source.readframes(source.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    peak = max((abs(sample) for sample in samples), default=0)
    return Measured(
        duration_s=len(samples) / rate,
        sample_rate=rate,
        active_dbfs=_active_dbfs(samples, rate // FRAMES_PER_S),
        peak_dbfs=_dbfs(peak),
        clipped=sum(1 for sample in samples if sample in (-FULL_SCALE, FULL_SCALE - 1)),
    )


def duration_of(path: Path) -> float:
    """Seconds of sound in a WAV, read from its header alone."""
    with wave.open(str(path), "rb") as source:
        return source.getnframes() / source.getframerate()


def _active_dbfs(samples: array.array[int], frame: int) -> float:
    powers = [
        sum(sample * sample for sample in samples[start : start + frame]) / frame
        for start in range(0, len(samples) - frame + 1, frame)
    ]
    loudest = max(powers, default=0.0)
    active = [power for power in powers if power > 0 and power >= loudest / 10 ** (ACTIVE_WITHIN_DB / 10)]
    return _dbfs(math.sqrt(sum(active) / len(active))) if active else SILENT_DBFS


def _dbfs(amplitude: float) -> float:
    return max(20 * math.log10(amplitude / FULL_SCALE), SILENT_DBFS) if amplitude > 0 else SILENT_DBFS


def write_atomic(path: Path, content: bytes) -> None:
    """Write so that a reader sees the old file or the new one: Asterisk may be playing it."""
    new = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    new.write_bytes(content)
    # Asterisk runs as somebody else.
    new.chmod(0o644)
    new.replace(path)
