"""Spool files to one stereo stream, caller left, agents right, in memory that does not grow with the call.

Blocking and busy: run it in a worker process (see encode), never on the event loop.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recording import pcm
from recording.keys import NARROW
from recording.timeline import PlacedTrack, Side, Timeline
from recording.wav import WavInfo, read_frames

# One run of the mix. Long enough that Python's share of the work is small, short enough to stay in the cache.
CHUNK_MS = 1000
# Files are read in runs of this many frames: 128 KiB.
_READ_FRAMES = 65536


@dataclass(frozen=True, kw_only=True, slots=True)
class MixSource:
    """A placed track and the file that holds it."""

    placed: PlacedTrack
    path: Path
    info: WavInfo


class _Tape:
    """A file as one forward-running stream at the mix's rate."""

    def __init__(self, source: MixSource, rate: int) -> None:
        runs = read_frames(source.path, source.info, chunk_frames=_READ_FRAMES)
        self._runs = runs if source.info.rate == rate else _resampled(runs, pcm.Resampler(source.info.rate, rate))
        self._buffer = b""
        self._taken = 0  # bytes of the buffer
        self._at = 0  # frames taken so far, at the mix's rate

    def take(self, position: int, frames: int) -> bytes:
        """``frames`` from ``position`` on (never backwards); less at the end of the file."""
        while self._at < position:
            skipped = self._read(min(position - self._at, _READ_FRAMES))
            if not skipped:
                return b""
        return self._read(frames)

    def _read(self, frames: int) -> bytes:
        wanted = frames * pcm.WIDTH
        if len(self._buffer) - self._taken < wanted:
            self._fill(wanted)
        data = self._buffer[self._taken : self._taken + wanted]
        self._taken += len(data)
        self._at += len(data) // pcm.WIDTH
        return data

    def _fill(self, wanted: int) -> None:
        """Have so many bytes ahead; less at the end of the file."""
        ahead = [self._buffer[self._taken :]]
        left = wanted - len(ahead[0])
        while left > 0 and (run := next(self._runs, None)) is not None:
            ahead.append(run)
            left -= len(run)
        self._buffer, self._taken = b"".join(ahead), 0


def _resampled(runs: Iterator[bytes], resampler: pcm.Resampler) -> Iterator[bytes]:
    for run in runs:
        yield resampler.feed(run)
    yield resampler.rest()


class _Channel:
    """One side of the recording: the sum of its tracks."""

    def __init__(self, sources: tuple[MixSource, ...], rate: int) -> None:
        self._parts = [
            (_Tape(source, rate), [_scaled(piece.source, piece.frames, piece.at, source, rate) for piece in pieces])
            for source in sources
            if (pieces := source.placed.pieces)
        ]

    def run(self, start: int, frames: int) -> bytes:
        """This side from frame ``start`` on."""
        heard = [
            (begin - start, tape.take(source + begin - at, end - begin))
            for tape, pieces in self._parts
            for source, length, at in pieces
            if (begin := max(start, at)) < (end := min(start + frames, at + length))
        ]
        if len(heard) == 1 and len(heard[0][1]) == frames * pcm.WIDTH:
            return heard[0][1]  # as most seconds of most calls are: nothing to add to
        mixed = bytearray(pcm.silence(frames))
        for place, data in heard:
            first = place * pcm.WIDTH
            last = first + len(data)
            mixed[first:last] = pcm.add(bytes(mixed[first:last]), data)
        return bytes(mixed)


def _scaled(source: int, frames: int, at: int, of: MixSource, rate: int) -> tuple[int, int, int]:
    """A piece's source, length and place in frames of the mix's rate."""
    ratio = rate / of.info.rate
    return round(source * ratio), round(frames * ratio), round(at * ratio)


def mix_rate(sources: tuple[MixSource, ...]) -> int:
    """The rate to mix at: the best that any file has."""
    return max((source.info.rate for source in sources), default=NARROW)


def mix(
    timeline: Timeline, sources: tuple[MixSource, ...], *, rate: int, step_frames: int
) -> Iterator[tuple[bytes, bytes]]:
    """Caller's and agents' samples, run by run, from second 0 to the end.

    Every run but the last is a whole number of ``step_frames`` long (the analyser's buckets).
    """
    left = _Channel(tuple(s for s in sources if s.placed.track.side is Side.CALLER), rate)
    right = _Channel(tuple(s for s in sources if s.placed.track.side is Side.AGENT), rate)
    chunk = max(1, rate * CHUNK_MS // 1000 // step_frames) * step_frames
    total = round(timeline.duration_s * rate)
    for start in range(0, total, chunk):
        frames = min(chunk, total - start)
        sides = (left.run(start, frames), right.run(start, frames))
        if timeline.blanks:
            sides = (blanked(sides[0], start, rate, timeline), blanked(sides[1], start, rate, timeline))
        yield sides


def blanked(samples: bytes, start: int, rate: int, timeline: Timeline) -> bytes:
    """The run from frame ``start`` on, with silence wherever nothing may be kept. Rounded outwards."""
    frames = len(samples) // pcm.WIDTH
    kept = bytearray(samples)
    for from_s, to_s in timeline.blanks:
        first = max(0, math.floor(from_s * rate) - start)
        last = min(frames, math.ceil(to_s * rate) - start)
        if first < last:
            kept[first * pcm.WIDTH : last * pcm.WIDTH] = pcm.silence(last - first)
    return bytes(kept)
