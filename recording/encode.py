"""Mix, measure and encode one call, in a bounded pool of quiet processes.

The stored format is Opus in WebM (docs/decisions/0080-stored-format.md). The sound is mixed run by run and piped
into ffmpeg, so memory stays flat; pydub finds ffmpeg (its AudioSegment would hold the whole call in memory and is not
used).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import hashlib
import json
import os
import shutil
import signal
import subprocess  # ffmpeg is run with a fixed argument list, never through a shell
import tempfile
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

from cti.domain.errors import ConfigError, PeerError, Unavailable
from recording import pcm, webm
from recording.analysis import Analyser, Analysis, TalkWindow
from recording.giveway import give_way
from recording.keys import NARROW
from recording.mix import MixSource, mix, mix_rate
from recording.timeline import Timeline

with warnings.catch_warnings():
    # Its source has escapes that newer compilers warn of, and it warns of a missing ffmpeg, which start() refuses.
    warnings.simplefilter("ignore")
    from pydub.utils import get_encoder_name

CONTENT_TYPE = "audio/webm"
SUFFIX = ".webm"
FORMAT = "webm/opus"
CHANNELS = 2

# Two voices of telephone bandwidth at once: with less, libopus shares bands between left and right and one voice is
# faintly heard on the other side (-50 dB at 32 kbit/s). docs/decisions/0080-stored-format.md has the figures.
BIT_RATE_BIT_S = 40_000
# The same of two voices up to 7 kHz: -47 dB at 32 kbit/s, -65 at 40, -69 from 56 on.
WIDE_BIT_RATE_BIT_S = 56_000
# Of 0 to 10: half the time of 10 and no difference that could be measured.
_EFFORT = 5
# A tenth of the weight of a process that is not nice: behind calls, and yet recordings are stored on a busy machine.
_NICE = 10
# ffmpeg takes about 1 s of one core for 150 s of sound; a machine twenty times slower is stuck, not slow.
_LEAST_DEADLINE_S = 60.0
_DEADLINE_PER_SECOND = 0.2
# Encoded and mixed length may differ by the encoder's last frame (20 ms) and its delay (6.5 ms).
_LENGTH_TOLERANCE_S = 0.1
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodeJob:
    """One call's plan, as it goes to a worker process."""

    name: str  # for messages: the call id
    timeline: Timeline
    sources: tuple[MixSource, ...]
    talks: tuple[TalkWindow, ...]
    audio_path: Path  # where the encoded file goes; replaced atomically
    peaks_path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded:
    """What a worker made."""

    audio_path: Path
    peaks_path: Path
    audio_bytes: int
    audio_sha256: str
    duration_s: float
    rate: int  # of the mix; the file itself always says 48 kHz, as Opus does
    analysis: Analysis


class Encoder(Protocol):
    """What the pipeline needs of an encoder."""

    async def encode(self, job: EncodeJob) -> Encoded:
        """Make the stereo file. Raises PeerError when the files cannot be read, Unavailable to try again."""


class EncoderPool:
    """Worker processes, at most ``workers`` at once."""

    def __init__(self, *, workers: int = 1) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    async def start(self) -> None:
        """Look for ffmpeg and have one worker get ready, without waiting for it. Raises ConfigError without ffmpeg."""
        require_ffmpeg()
        self._pool = self._new_pool()
        self._pool.submit(os.getpid)

    async def stop(self) -> None:
        """Let running jobs end and the workers go."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)

    async def encode(self, job: EncodeJob) -> Encoded:
        """See Encoder."""
        if self._pool is None:
            raise Unavailable("the encoders are not running")
        pool = self._pool
        try:
            return await asyncio.wrap_future(pool.submit(encode, job))
        except BrokenProcessPool as error:
            if self._pool is pool:  # somebody killed a worker; the pool refuses all work from then on
                self._pool = self._new_pool()
                pool.shutdown(wait=False)
            raise Unavailable(f"the encoder of {job.name} died") from error

    def pids(self) -> list[int]:
        """The workers that have been started."""
        processes = self._pool._processes if self._pool is not None else None
        return list(processes or ())

    def _new_pool(self) -> ProcessPoolExecutor:
        # "spawn": a fork would copy the server's sockets and threads' locks into the worker.
        return ProcessPoolExecutor(
            self._workers, mp_context=get_context("spawn"), initializer=_settle_worker, initargs=(os.getpid(),)
        )


def require_ffmpeg() -> str:
    """ffmpeg's name. Raises ConfigError when it cannot be found."""
    name: str = get_encoder_name()
    if shutil.which(name) is None:
        raise ConfigError(["ffmpeg is not on the PATH: install the package ffmpeg"])
    return name


def _settle_worker(parent: int) -> None:
    give_way(_NICE)
    # Ctrl-C in a terminal reaches the whole group; the server decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        # A killed parent must not leave idle workers behind. Linux only; elsewhere they stay.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # killed before we could ask to be told; nobody would ever send us work, or an end
        os._exit(1)


def encode(job: EncodeJob) -> Encoded:
    """Mix, measure and encode. Blocking; for a worker process or a test."""
    rate = mix_rate(job.sources)
    analyser = Analyser(rate=rate, duration_s=job.timeline.duration_s, talks=job.talks)
    part = job.audio_path.with_suffix(job.audio_path.suffix + ".part")
    with _ffmpeg(part, rate=rate, deadline_s=_deadline_s(job.timeline.duration_s), name=job.name) as write:
        for caller, agent in mix(job.timeline, job.sources, rate=rate, step_frames=analyser.bucket_frames):
            analyser.feed(caller, agent)
            write(pcm.interleave(caller, agent))
    _check(part, job)
    analysis = analyser.result()
    write_durably(job.peaks_path, json.dumps(analysis.peaks_json(), separators=(",", ":")).encode())
    sha256, size = hash_file(part, sync=True)
    part.replace(job.audio_path)
    sync_folder(job.audio_path.parent)
    return Encoded(
        audio_path=job.audio_path,
        peaks_path=job.peaks_path,
        audio_bytes=size,
        audio_sha256=sha256,
        duration_s=job.timeline.duration_s,
        rate=rate,
        analysis=analysis,
    )


def _deadline_s(duration_s: float) -> float:
    return max(_LEAST_DEADLINE_S, duration_s * _DEADLINE_PER_SECOND)


def ffmpeg_arguments(output: Path, *, rate: int) -> list[str]:
    """The command that reads interleaved samples from its standard input."""
    return [
        get_encoder_name(), "-nostdin", "-v", "error", "-y", "-threads", "1",
        "-f", "s16le", "-ar", str(rate), "-ac", str(CHANNELS), "-i", "pipe:0",
        "-c:a", "libopus", "-b:a", str(BIT_RATE_BIT_S if rate <= NARROW else WIDE_BIT_RATE_BIT_S),
        "-application", "audio",
        "-vbr", "constrained", "-compression_level", str(_EFFORT),
        # A seek lands on a cue, one per cluster; 2 s is 10 KB to read again. Cues in front: a player needs one
        # request less before it can seek.
        "-cluster_time_limit", "2000", "-cues_to_front", "1", "-map_metadata", "-1", "-fflags", "+bitexact",
        "-f", "webm", str(output),
    ]  # fmt: skip


@contextlib.contextmanager
def _ffmpeg(output: Path, *, rate: int, deadline_s: float, name: str) -> Iterator[Writer]:
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603
            ffmpeg_arguments(output, rate=rate), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=complaints
        )
        watchdog = threading.Timer(deadline_s, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            assert process.stdin is not None  # noqa: S101 - asked for above
            with contextlib.suppress(BrokenPipeError):  # ffmpeg ended early; its own words follow below
                yield process.stdin.write
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            status = process.wait()
        finally:
            watchdog.cancel()
            if process.poll() is None:
                process.kill()
                process.wait()
        if status != 0:
            complaints.seek(0)
            said = complaints.read(500).decode(errors="replace").strip()
            raise Unavailable(f"ffmpeg gave up on {name} with status {status}: {said}")


class Writer(Protocol):
    """Takes samples."""

    def __call__(self, data: bytes, /) -> object:
        """Write them all."""


def _check(path: Path, job: EncodeJob) -> None:
    """Is the file what it should be, and whole? Raises PeerError otherwise."""
    info = webm.read_info(path)
    if info.channels != (CHANNELS,) or abs(info.duration_s - job.timeline.duration_s) > _LENGTH_TOLERANCE_S:
        raise PeerError(
            f"the encoded file of {job.name} has channels {list(info.channels)} and {info.duration_s:.2f} s "
            f"instead of [{CHANNELS}] and {job.timeline.duration_s:.2f} s"
        )


def hash_file(path: Path, *, sync: bool = False) -> tuple[str, int]:
    """SHA-256 and length of a file; with ``sync`` its bytes are on the disk before this returns."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
        if sync:
            os.fsync(file.fileno())
    return digest.hexdigest(), size


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that after a crash there is the old one or the new one, never a half."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names made or changed in a folder survive a crash."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
