"""The journals of those who write facts to PostgreSQL, in ``data_dir/journal``, and how they do."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Protocol

from cti.config import Config
from cti.store.journal import DiskJournal, hold_folder

NAMES = ("calls", "links", "routing", "effects")


class Writer(Protocol):
    """Somebody who writes behind: CallRecorder, LinkRecorder, RoutingStore."""

    @property
    def waiting(self) -> int: ...
    @property
    def degraded(self) -> str | None: ...


@dataclass(kw_only=True)
class Journals:
    """One journal a writer. Those who make a writer put it into ``writers``."""

    calls: DiskJournal
    links: DiskJournal
    routing: DiskJournal
    effects: DiskJournal
    writers: list[Writer] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        """How many records of all writers wait for the database."""
        return sum(writer.waiting for writer in self.writers)

    @property
    def all(self) -> tuple[DiskJournal, ...]:
        """Each of them."""
        return (self.calls, self.links, self.routing, self.effects)

    def why(self) -> str | None:
        """Why something waits, or is not safe on disk; None: all is well."""
        sentences = [writer.degraded for writer in self.writers] + [journal.problem for journal in self.all]
        return "; ".join(dict.fromkeys(s for s in sentences if s)) or None


def open_journals(config: Config, cleanup: AsyncExitStack) -> Journals:
    """Take a folder that no other server uses. Raises ConfigError."""
    folder, held = hold_folder(config.data_dir / "journal", NAMES)
    cleanup.callback(os.close, held)
    calls, links, routing, effects = (DiskJournal(folder / name) for name in NAMES)
    return Journals(calls=calls, links=links, routing=routing, effects=effects)
