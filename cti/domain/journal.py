"""Where records wait on disk while the database is away: the protocol, and the absence of it. No I/O here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

# One record as JSON; made in the journal's own thread, so that no burst holds up the event loop.
Body = Callable[[], Mapping[str, Any]]


class Journal(Protocol):
    """Belongs to one writer, who keeps what waits in memory and asks for a copy on disk.

    While the database is well nothing is written. ``begin`` writes down everything that waits; from then on each
    ``put`` is on disk within 50 ms or so, until ``settle``. Nothing here raises but ``recover``.
    """

    @property
    def active(self) -> bool:
        """Whether what waits is (being) written to disk."""

    @property
    def problem(self) -> str | None:
        """Why it cannot be: then it is kept in memory only. None: all is well."""

    def attach(self, waiting: Callable[[], Iterable[Body]]) -> None:
        """Say who knows what waits, oldest first. Once, before anything else."""

    def put(self, body: Body) -> None:
        """A record that waits from now on. Forgotten at once while the journal is not active."""

    def begin(self) -> None:
        """The database is away or slow: write down what waits."""

    def writing(self) -> Any:
        """A context around each write to the database: when it takes long, ``begin`` without waiting for its end."""

    async def synced(self) -> None:
        """Wait until everything put is on disk; returns at once when the journal is not active or has a problem."""

    async def settle(self) -> None:
        """All that waited when the last write began is in the database: forget the copy.

        Unless that write was slow, and more waits: that is not young, and the next write decides.
        """

    async def recover(self, take: Callable[[Mapping[str, Any]], None]) -> int:
        """Hand over what an earlier process left, in order; it stays on disk until ``settle``.

        Returns how many records. Raises Unavailable when the disk cannot be read.
        """

    async def close(self) -> None:
        """Put on disk what waits to be, and end. What is on disk stays for the next start."""


class NoJournal:
    """Implements Journal without a disk: what waits is lost with the process."""

    active = False
    problem: str | None = None

    def attach(self, waiting: Callable[[], Iterable[Body]]) -> None:
        """See the protocol."""

    def put(self, body: Body) -> None:
        """See the protocol."""

    def begin(self) -> None:
        """See the protocol."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See the protocol."""
        yield

    async def synced(self) -> None:
        """See the protocol."""

    async def settle(self) -> None:
        """See the protocol."""

    async def recover(self, take: Callable[[Mapping[str, Any]], None]) -> int:
        """See the protocol."""
        return 0

    async def close(self) -> None:
        """See the protocol."""
