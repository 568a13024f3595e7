"""Frames between the server and its recording worker: a length in four bytes, then a pickle.

Both ends are this program, started by this program, on a pipe that nobody else holds: pickling is safe here, and
carries events as they are.
"""

from __future__ import annotations

import asyncio
import pickle  # see above
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cti.config import Config
from cti.domain.events import Event
from cti.domain.model import CallId

# A closed call with all its talks is some 5 KB; a hundred thousand live calls are 6 MB.
MOST_BYTES = 16 << 20
_LENGTH_BYTES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Hello:
    """Server → worker, first."""

    config: Config
    live: frozenset[CallId]  # calls that go on now


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """Server → worker: facts were lost on the way; these calls go on now."""

    calls: frozenset[CallId]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """Worker → server: from now on facts are taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """Worker → server: it cannot work until the operator changes this."""

    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """Worker → server, every few seconds."""

    gauges: Mapping[str, float]  # RecordingPipeline.gauges
    store_problem: str | None  # why the object store is not there


Frame = Hello | Live | Ready | Refused | Status | Event


def encode(frame: Frame) -> bytes:
    """A frame as bytes."""
    body = pickle.dumps(frame, protocol=pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


async def read(reader: asyncio.StreamReader) -> Frame | None:
    """The next frame; None when the other end is gone. Raises ValueError for bytes that are no frame."""
    try:
        size = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
        if size > MOST_BYTES:
            raise ValueError(f"a frame of {size} bytes on the worker's pipe")
        body = await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    frame: Any = pickle.loads(body)  # noqa: S301 - see the module's words
    if not isinstance(frame, Hello | Live | Ready | Refused | Status | Event):
        raise ValueError(f"a {type(frame).__name__} on the worker's pipe")
    return frame
