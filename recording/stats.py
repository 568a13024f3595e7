"""Figures of the pipeline, for /metrics and for the queue page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from recording.lifecycle import REPLAYABLE
from recording.model import Job


@dataclass(kw_only=True)
class PipelineStats:
    """Counters since the start, and the last rescan's findings."""

    states: Counter[str] = field(default_factory=Counter)  # settled recordings by state
    reasons: Counter[str] = field(default_factory=Counter)  # not recorded, by reason
    flags: Counter[str] = field(default_factory=Counter)  # one_sided_agent, time_put_back, …
    failures: int = 0  # steps that went wrong and are tried again
    store_waits: int = 0  # times an upload or commit found the other side away
    stored_bytes: int = 0
    stored_s: float = 0.0  # seconds of sound
    last_delay_s: float = 0.0  # hang-up to replayable, of the last one
    strangers: int = 0  # calls in the spool that nobody knows
    spool_bytes: int = 0
    oldest_waiting_at: datetime | None = None

    def settled(self, job: Job, *, now: datetime) -> None:
        """Count one more."""
        self.states[job.state.value] += 1
        if job.state not in REPLAYABLE or job.audio is None:
            self.reasons[job.reason.partition(":")[0]] += 1
            return
        self.flags.update(job.audio.flags)
        self.stored_bytes += job.audio.size
        self.stored_s += job.audio.duration_s
        if job.ended_at is not None:
            self.last_delay_s = (now - job.ended_at).total_seconds()

    def gauges(self, *, now: datetime) -> dict[str, float]:
        """By name; labelled counters are read from ``states``, ``reasons`` and ``flags``."""
        waiting = self.oldest_waiting_at
        return {
            "failures": self.failures,
            "store_waits": self.store_waits,
            "stored_bytes": self.stored_bytes,
            "stored_seconds": self.stored_s,
            "last_delay_seconds": self.last_delay_s,
            "strangers": self.strangers,
            "spool_bytes": self.spool_bytes,
            "oldest_waiting_seconds": (now - waiting).total_seconds() if waiting else 0.0,
        }
