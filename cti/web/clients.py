"""Connected pages, as those see them who send to many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cti.domain.access import User

# One loop turn serves this many sockets of a message to all: about a millisecond.
SLICE = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """When a pop began, to measure how long it took until it was written."""

    began_s: float  # monotonic, when the screen pop told us
    rang_at: datetime | None  # Asterisk's DialBegin, for the first message of a ring


class Client(Protocol):
    """A socket."""

    user: User
    token_sha256: bytes

    def send(self, text: str, kind: str, *, told: Told | None = None) -> None:
        """Put a frame in line; drops the client when too many wait. Never blocks, never raises."""

    def ping(self) -> None:
        """Say that the server is there."""

    def refresh(self) -> None:
        """Send a fresh snapshot soon."""

    async def close(self, code: int, reason: str) -> None:
        """Close, politely if the peer reads, at once if not."""


async def in_slices(clients: Iterable[Client], do: Callable[[Client], None]) -> None:
    """Do it for each who was there, and let others run now and then."""
    everyone = tuple(clients)
    for begin in range(0, len(everyone), SLICE):
        for client in everyone[begin : begin + SLICE]:
            do(client)
        await asyncio.sleep(0)
