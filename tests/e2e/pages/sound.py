"""A recording to hear: two people taking turns, left and right, as the pipeline stores it (Opus in WebM)."""

from __future__ import annotations

import hashlib
import math
import random
import subprocess
import wave
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cti.demo.components import find_program

RATE_HZ = 8000
STEP_MS = 100


@dataclass(frozen=True, kw_only=True)
class Sound:
    """The bytes and what is known of them."""

    data: bytes
    duration_s: float
    left: Sequence[int]  # loudest sample a step, 0 to 100
    right: Sequence[int]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def conversation(folder: Path, seconds: int) -> Sound:
    """Turns of some seconds: the caller hums at 440 Hz on the left, the agent at 220 Hz on the right."""
    chance = random.Random(5)  # the same conversation each time
    frames = seconds * RATE_HZ
    loud = ([0.0] * frames, [0.0] * frames)
    at, side = RATE_HZ // 2, 1
    while at < frames:
        length = min(frames - at, int(chance.uniform(0.8, 4.0) * RATE_HZ))
        for word in range(at, at + length, RATE_HZ // 4):
            level = chance.uniform(0.1, 0.7)
            for frame in range(word, min(word + RATE_HZ // 5, at + length)):
                loud[side][frame] = level * math.sin(math.pi * (frame - word) / (RATE_HZ / 5))
        at, side = at + length + int(chance.uniform(0.1, 0.6) * RATE_HZ), 1 - side
    samples = array("h")
    for frame in range(frames):
        for level, hertz in ((loud[0][frame], 440), (loud[1][frame], 220)):
            samples.append(int(32000 * level * math.sin(2 * math.pi * hertz * frame / RATE_HZ)))
    source, target = folder / "conversation.wav", folder / "conversation.webm"
    with wave.open(str(source), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    options = ["-c:a", "libopus", "-b:a", "40k", "-cluster_time_limit", "2000", "-cues_to_front", "1"]
    command = [find_program("ffmpeg"), "-loglevel", "error", "-y", "-i", str(source), *options, str(target)]
    subprocess.run([str(part) for part in command], check=True)
    step = RATE_HZ * STEP_MS // 1000
    peaks = [
        [round(100 * max(abs(s) for s in samples[2 * b + side : 2 * (b + step) : 2]) / 32768) for b in starts]
        for side, starts in ((0, range(0, frames, step)), (1, range(0, frames, step)))
    ]
    return Sound(data=target.read_bytes(), duration_s=float(seconds), left=peaks[0], right=peaks[1])
