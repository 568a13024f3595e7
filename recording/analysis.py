"""What is measured while a recording is mixed: peaks for the waveform, silence, and each side's energy. PURE.

Memory grows by a few bytes per second of the call and stops growing after an hour of it (see ``MAX_BUCKETS``).
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import Any

from cti.domain.model import AgentId
from recording import pcm

BUCKET_MS = 50  # a waveform 1,000 pixels wide shows 50 s without one pixel sharing two buckets
MAX_BUCKETS = 72_000  # an hour at 50 ms; longer calls get coarser buckets, so that the JSON stays below 1.5 MB

# Telephone speech lies between -35 and -15 dBFS; line noise and comfort noise below -55.
SILENT_DB = -50.0
# Shorter pauses belong to speech.
MIN_SILENCE_S = 1.0
# A part of a call shorter than this may well hear one party only.
MIN_TALK_S = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TalkWindow:
    """One agent's part of the call, on the recording's timeline."""

    agent: AgentId
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TalkEnergy:
    """How loud both sides were in one agent's part."""

    agent: AgentId
    start_s: float
    end_s: float
    caller_db: float  # mean power, dB below full scale; -96 is digital silence
    agent_db: float
    caller_loudest_db: float  # of the loudest 50 ms
    agent_loudest_db: float

    @property
    def silent_sides(self) -> tuple[str, ...]:
        """Sides that were never heard in a part long enough to expect both."""
        if self.end_s - self.start_s < MIN_TALK_S:
            return ()
        sides = (("caller", self.caller_loudest_db), ("agent", self.agent_loudest_db))
        return tuple(side for side, loudest_db in sides if loudest_db < SILENT_DB)

    def to_json(self) -> dict[str, Any]:
        """For the ledger and the manifest."""
        return {
            "agent": self.agent,
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "caller_db": round(self.caller_db, 1),
            "agent_db": round(self.agent_db, 1),
            "caller_loudest_db": round(self.caller_loudest_db, 1),
            "agent_loudest_db": round(self.agent_loudest_db, 1),
            "silent": list(self.silent_sides),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """Everything measured in one recording."""

    bucket_ms: int
    caller_peaks: bytes  # int8 pairs (least, greatest), one pair per bucket
    agent_peaks: bytes
    silences: tuple[tuple[float, float], ...]  # both sides silent: start and end in seconds
    caller_db: float  # whole recording
    agent_db: float
    talks: tuple[TalkEnergy, ...]

    def peaks_json(self) -> dict[str, Any]:
        """The object beside the recording: what a player draws before it has any sound."""
        return {
            "version": 1,
            "bucket_ms": self.bucket_ms,
            "bits": 8,
            "channels": ["caller", "agent"],
            "peaks": [array("b", self.caller_peaks).tolist(), array("b", self.agent_peaks).tolist()],
            "silences": [[round(start, 2), round(end, 2)] for start, end in self.silences],
        }


def decibels(power: float) -> float:
    """Mean square of samples as dB below full scale, never below digital silence."""
    if power <= 0:
        return pcm.SILENCE_DB
    return max(pcm.SILENCE_DB, 10 * math.log10(power / pcm.FULL_SCALE**2))


def bucket_ms_for(duration_s: float) -> int:
    """Width of a bucket, so that a recording of any length has at most MAX_BUCKETS."""
    needed = math.ceil(duration_s * 1000 / BUCKET_MS / MAX_BUCKETS)
    return BUCKET_MS * max(1, needed)


class _Power:
    """Mean and loudest power of a run of buckets."""

    __slots__ = ("buckets", "loudest", "total")

    def __init__(self) -> None:
        self.total = 0.0
        self.loudest = 0.0
        self.buckets = 0

    def add(self, power: float) -> None:
        self.total += power
        self.loudest = max(self.loudest, power)
        self.buckets += 1

    @property
    def mean_db(self) -> float:
        return decibels(self.total / self.buckets) if self.buckets else pcm.SILENCE_DB

    @property
    def loudest_db(self) -> float:
        return decibels(self.loudest)


class Analyser:
    """Fed with both sides, run by run; says at the end what it heard."""

    def __init__(self, *, rate: int, duration_s: float, talks: tuple[TalkWindow, ...]) -> None:
        """``talks`` must be in order of time."""
        self._bucket_ms = bucket_ms_for(duration_s)
        self.bucket_frames = rate * self._bucket_ms // 1000
        self._bucket_s = self.bucket_frames / rate
        self._talks = talks
        self._at = 0  # buckets done
        self._peaks = (bytearray(), bytearray())
        self._whole = (_Power(), _Power())
        self._parts = tuple((_Power(), _Power()) for _ in talks)
        self._silences: list[tuple[float, float]] = []
        self._silent_since: float | None = None

    def feed(self, caller: bytes, agent: bytes) -> None:
        """The next run of both sides, equally long; only the last one may end inside a bucket."""
        step = self.bucket_frames * pcm.WIDTH
        for start in range(0, len(caller), step):
            self._bucket(caller[start : start + step], agent[start : start + step])

    def _bucket(self, caller: bytes, agent: bytes) -> None:
        at_s = self._at * self._bucket_s
        self._at += 1
        powers = []
        for samples, peaks, whole in zip((caller, agent), self._peaks, self._whole, strict=True):
            low, high = pcm.low_high(samples)
            peaks += bytes(((low >> 8) & 0xFF, (high >> 8) & 0xFF))
            power = float(pcm.rms(samples)) ** 2
            whole.add(power)
            powers.append(power)
        for talk, part in zip(self._talks, self._parts, strict=True):
            if talk.start_s <= at_s < talk.end_s:
                part[0].add(powers[0])
                part[1].add(powers[1])
        self._note_silence(at_s, max(decibels(power) for power in powers) < SILENT_DB)

    def _note_silence(self, at_s: float, silent: bool) -> None:
        if silent and self._silent_since is None:
            self._silent_since = at_s
        elif not silent and self._silent_since is not None:
            if at_s - self._silent_since >= MIN_SILENCE_S:
                self._silences.append((self._silent_since, at_s))
            self._silent_since = None

    def result(self) -> Analysis:
        """What was heard."""
        self._note_silence(self._at * self._bucket_s, silent=False)
        talks = tuple(
            TalkEnergy(
                agent=talk.agent,
                start_s=talk.start_s,
                end_s=talk.end_s,
                caller_db=caller.mean_db,
                agent_db=agent.mean_db,
                caller_loudest_db=caller.loudest_db,
                agent_loudest_db=agent.loudest_db,
            )
            for talk, (caller, agent) in zip(self._talks, self._parts, strict=True)
        )
        return Analysis(
            bucket_ms=self._bucket_ms,
            caller_peaks=bytes(self._peaks[0]),
            agent_peaks=bytes(self._peaks[1]),
            silences=tuple(self._silences),
            caller_db=self._whole[0].mean_db,
            agent_db=self._whole[1].mean_db,
            talks=talks,
        )
