"""Music on hold of our own: a quiet piece for a plucked string and a soft pad, computed, so nobody's licence applies.

Pure arithmetic, no randomness: the same bytes at every run. Written for a telephone line: nothing below 200 Hz or
above 1.4 kHz that it would lose, and long decays, because a line's compression makes short clicks harsh.
"""

from __future__ import annotations

import math
import struct
from array import array

RATE_HZ = 8_000
BEAT_S = 0.5  # 120 quavers a minute: calm
# Half of what would clip: callers hold a receiver to their ear for minutes.
PEAK = 9_000

# Degrees above A3 (220 Hz) in semitones. A Japanese pentatonic without semitone steps (yo) over four chords, so that
# any two notes that ring together are consonant.
_CHORDS = ((0, 7, 12), (-3, 4, 12), (5, 9, 12), (-2, 5, 10))
_MELODY = (
    (12, None, 14, 17, None, 19, 17, None),
    (19, None, 21, 19, 17, None, 14, None),
    (17, None, 21, 24, None, 21, 19, None),
    (17, 14, None, 17, 10, None, 12, None),
    (24, None, 21, 19, None, 17, 19, None),
    (16, None, 19, 21, 16, None, 12, None),
    (21, None, 24, 21, None, 17, 14, None),
    (17, None, 14, 10, 12, None, None, None),
)


def _frequency(semitones: int) -> float:
    return 220.0 * math.exp2(semitones / 12.0)


def _pluck(semitones: int, length_s: float, loudness: float) -> list[float]:
    """A string: three partials, the higher the sooner gone, with a 6 ms rise instead of a click."""
    step = 2.0 * math.pi * _frequency(semitones) / RATE_HZ
    samples: list[float] = []
    for n in range(int(length_s * RATE_HZ)):
        t = n / RATE_HZ
        envelope = loudness * math.exp(-2.2 * t) * min(1.0, t / 0.006)
        brightness = math.exp(-3.0 * t)
        angle = step * n
        samples.append(
            envelope
            * (math.sin(angle) + 0.35 * brightness * math.sin(2 * angle) + 0.12 * brightness**2 * math.sin(3 * angle))
        )
    return samples


def _pad(semitones: int, length_s: float, loudness: float) -> list[float]:
    """A soft tone that swells and fades over its whole length."""
    step = 2.0 * math.pi * _frequency(semitones) / RATE_HZ
    count = int(length_s * RATE_HZ)
    return [loudness * math.sin(math.pi * n / count) * math.sin(step * n) for n in range(count)]


def _add(track: list[float], start: int, notes: list[float]) -> None:
    # A note that rings past the end goes on at the beginning: the loop has no seam.
    length = len(track)
    for n, value in enumerate(notes):
        track[(start + n) % length] += value


def compose() -> array[int]:
    """The piece: 32 s, mono, 16-bit samples at RATE_HZ, made to be looped."""
    bar_s = len(_MELODY[0]) * BEAT_S
    track = [0.0] * int(len(_MELODY) * bar_s * RATE_HZ)
    pads = {
        (tone, loudness): _pad(tone, bar_s, loudness) for chord in _CHORDS for tone in chord for loudness in (0.16,)
    }
    plucks = {tone: _pluck(tone, 2.0, 0.5) for bar in _MELODY for tone in bar if tone is not None}
    for position, bar in enumerate(_MELODY):
        start_s = position * bar_s
        for tone in _CHORDS[position % len(_CHORDS)]:
            _add(track, int(start_s * RATE_HZ), pads[(tone, 0.16)])
        for beat, note in enumerate(bar):
            if note is not None:
                _add(track, int((start_s + beat * BEAT_S) * RATE_HZ), plucks[note])
    loudest = max(abs(value) for value in track)
    return array("h", (round(PEAK * value / loudest) for value in track))


def ulaw(sample: int) -> int:
    """One 16-bit sample as a µ-law byte (ITU-T G.711)."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


def _wav(samples: array[int]) -> bytes:
    data = struct.pack(f"<{len(samples)}h", *samples)
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(data),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        RATE_HZ,
        2 * RATE_HZ,
        2,
        16,
        b"data",
        len(data),
    )
    return header + data


def tone_files() -> dict[str, bytes]:
    """File name → content for ``<sounds>/kakehashi``: the tone after which a message is spoken, 1 kHz for 0.4 s."""
    count = int(0.4 * RATE_HZ)
    step = 2.0 * math.pi * 1000.0 / RATE_HZ
    # 10 ms of rise and fall instead of clicks.
    edge = 0.01 * RATE_HZ
    samples = (PEAK * min(1.0, n / edge, (count - n) / edge) * math.sin(step * n) for n in range(count))
    return {"beep.wav": _wav(array("h", (round(sample) for sample in samples)))}


def music_files() -> dict[str, bytes]:
    """File name → content for ``<sounds>/kakehashi/moh``.

    The same piece twice: µ-law goes to an ordinary trunk as it is (music is what waiting callers cost), WAV serves
    every other codec. About 0.5 s of computing.
    """
    samples = compose()
    table = {sample: ulaw(sample) for sample in set(samples)}
    return {"kakehashi.ulaw": bytes(table[sample] for sample in samples), "kakehashi.wav": _wav(samples)}
