"""WAV files as Asterisk writes them, also while they are open and after a crash.

Asterisk writes a 44-byte header with lengths of zero, then samples, and fills the lengths in when it closes the
file (format_wav.c). After a crash the lengths stay zero and all samples are there: ``wave`` of the standard library
reads such a file as empty, so this reader goes by the file's size wherever the header claims less than there is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cti.domain.errors import PeerError
from recording import pcm
from recording.keys import NARROW, RATES

ASTERISK_HEADER_BYTES = 44
# Phones and codecs end at 48 kHz; anything above is a header of noise.
_MAX_RATE = 48000
# A header with more chunks than this before the samples was not written by Asterisk.
_MAX_CHUNKS = 16
_PCM, _EXTENSIBLE = 1, 0xFFFE


@dataclass(frozen=True, kw_only=True, slots=True)
class WavInfo:
    """What a file holds."""

    rate: int  # frames per second
    channels: int  # 1 or 2
    data_at: int  # offset of the first sample, bytes
    frames: int  # by the file's size where the header is wrong
    closed: bool  # the header's lengths are those of the file: its writer is done
    salvaged: bool  # the header was unusable or too short, and the file's size was taken instead

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.frames / self.rate


def read_info(path: Path) -> WavInfo:
    """Look at a file. Raises PeerError for sound that is no 16-bit PCM of one or two channels.

    Its header says the rate; where there is no header, the name's extension does (keys.RATES).
    """
    named = RATES.get(path.suffix.removeprefix("."), NARROW)
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4096)
    if size <= ASTERISK_HEADER_BYTES:
        return WavInfo(rate=named, channels=1, data_at=ASTERISK_HEADER_BYTES, frames=0, closed=False, salvaged=False)
    parsed = _parse(head)
    if parsed is None:
        # No header at all: the disk was full at the wrong moment, or pages never reached it.
        frames = (size - ASTERISK_HEADER_BYTES) // pcm.WIDTH
        return WavInfo(
            rate=named, channels=1, data_at=ASTERISK_HEADER_BYTES, frames=frames, closed=False, salvaged=True
        )
    coding, channels, rate, bits, riff_bytes, data_at, data_bytes = parsed
    if (
        coding not in (_PCM, _EXTENSIBLE)
        or bits != 8 * pcm.WIDTH
        or channels not in (1, 2)
        or not 0 < rate <= _MAX_RATE
    ):
        raise PeerError(
            f"{path.name} is not 16-bit PCM of one or two channels (coding {coding}, {bits} bits, "
            f"{channels} channels, {rate} Hz): let MixMonitor write .wav"
        )
    there = size - data_at
    closed = data_bytes in (there, there - 1) and riff_bytes + 8 in (size, size - 1)
    short = data_bytes < there - 1 or data_bytes > there
    frame_bytes = channels * pcm.WIDTH
    return WavInfo(
        rate=rate,
        channels=channels,
        data_at=data_at,
        frames=there // frame_bytes,
        closed=closed,
        salvaged=short,
    )


def _parse(head: bytes) -> tuple[int, int, int, int, int, int, int] | None:
    """Coding, channels, rate, bits, RIFF length, offset and length of the samples; None when it is no WAV header."""
    if len(head) < ASTERISK_HEADER_BYTES or head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    riff_bytes = struct.unpack_from("<I", head, 4)[0]
    at, shape = 12, None
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(head):
            return None
        name, length = head[at : at + 4], struct.unpack_from("<I", head, at + 4)[0]
        if name == b"fmt " and length >= 16 and at + 24 <= len(head):
            coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head, at + 8)
            shape = (coding, channels, rate, bits)
        if name == b"data":
            return None if shape is None else (*shape, riff_bytes, at + 8, length)
        at += 8 + length + (length & 1)
    return None


def read_frames(path: Path, info: WavInfo, *, chunk_frames: int) -> Iterator[bytes]:
    """The file's frames as mono runs of at most ``chunk_frames``; a file that is shorter than it was ends early."""
    frame_bytes = info.channels * pcm.WIDTH
    left = info.frames * frame_bytes
    with path.open("rb") as file:
        file.seek(info.data_at)
        while left > 0:
            data = file.read(min(left, chunk_frames * frame_bytes))
            data = data[: len(data) - len(data) % frame_bytes]
            if not data:
                return
            left -= len(data)
            yield pcm.to_mono(data) if info.channels == 2 else data


# What MixMonitor writes at once, and so the least that it fills with silence, at any rate (app_mixmonitor.c): 20 ms of
# 8 kHz, 10 ms of 16 kHz.
_STEP = 160
# Shorter runs are packets that came late.
_LEAST_S = 0.06


def silent_runs(path: Path, info: WavInfo) -> tuple[tuple[int, int], ...]:
    """Where every sample is zero for 60 ms or more, as no microphone's are: (from, to) in frames, in steps.

    Asterisk fills a side with zeros where that side sent nothing while the other did.
    """
    step = min(_STEP, max(1, info.rate // 50))  # a header may name any rate
    nothing = pcm.silence(step)
    runs: list[tuple[int, int]] = []
    since: int | None = None
    at = 0
    for run in read_frames(path, info, chunk_frames=step * 1024):
        for start in range(0, len(run), len(nothing)):
            if run[start : start + len(nothing)] == nothing:
                since = at if since is None else since
            elif since is not None:
                runs.append((since, at))
                since = None
            at += step
    if since is not None:
        runs.append((since, min(at, info.frames)))
    return tuple((begin, end) for begin, end in runs if end - begin >= _LEAST_S * info.rate)
