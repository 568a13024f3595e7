"""What the tests of queues look at: the spool, what a caller heard, instants of the API."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cti.demo.phones import Baresip
from cti.demo.stack import Stack
from tests.e2e.ivr.test_heard import place, samples


def spool(desk: Stack) -> Path:
    return desk.folders.spool / "monitor"


def likeness(desk: Stack, caller: Baresip, prompt: str) -> float:
    """How well a prompt is found in what the caller heard, 0 to 1."""
    (heard,) = caller.heard()
    spoken = desk.run.path / "sounds" / "kakehashi" / "ja" / f"{prompt}.wav"
    return place(samples(heard), samples(spoken)[:16_000])[0]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
