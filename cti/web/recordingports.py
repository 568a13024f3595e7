"""What the pages ask of recordings: found, counted, played. Implemented in cti.wiring."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cti.domain.model import (
    AgentId,
    CallerNumber,
    CallId,
    EndReason,
    QueueId,
    TenantId,
)
from cti.web.ports import PageKey


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingFilter:
    """Which recordings; None: any."""

    since: datetime | None = None
    until: datetime | None = None
    queue: str | None = None
    agent: str | None = None
    status: str | None = None  # one of bodies.RecordingStatus
    number_part: str | None = None
    min_duration_s: float | None = None
    max_duration_s: float | None = None
    recorded: bool | None = None  # whether there is something to hear
    caller: str | None = None  # one of cti.domain.callsearch.CallerGroup
    direction: str | None = None  # inbound, callback, outbound
    reasons: tuple[str, ...] = ()  # any of these
    reservation: str | None = None
    ticket: str | None = None
    end_reason: EndReason | None = None
    text: str | None = None  # words of notes
    plate: str | None = None
    min_silence: float | None = None  # share of the length
    max_silence: float | None = None
    min_transfers: int | None = None
    max_transfers: int | None = None
    limit: int = 50
    after: PageKey | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingFacts:
    """A call's recording and what became of it."""

    call_id: CallId
    arrived_at: datetime
    caller: CallerNumber
    status: str  # one of bodies.RecordingStatus
    queue: QueueId | None = None
    agents: tuple[AgentId, ...] = ()
    end_reason: EndReason | None = None
    why: str | None = None  # slug
    voicemail_s: float | None = None  # second at which a message for the desk begins; None: it holds none
    duration_s: float | None = None
    size: int | None = None  # bytes; None: there is nothing to hear
    sha256: str | None = None  # hex
    content_type: str | None = None
    began_at: datetime | None = None  # second 0 of the sound
    stored_at: datetime | None = None
    lost: tuple[LostSound, ...] = ()  # what is missing in it; of one recording, not in lists
    found: FoundBy | None = None  # what a search knows besides


@dataclass(frozen=True, kw_only=True, slots=True)
class LostSound:
    """Something that was said and Asterisk left out of the recording."""

    side: str  # "caller" or "agent"
    agent: str | None  # whose; None: the caller's, or nobody knows
    at_s: float  # second of the recording; it is no earlier, and up to a second later
    seconds: float  # at most


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundBy:
    """What a contact record can be found by, beside what every recording has."""

    direction: str  # inbound, callback, outbound
    caller: str  # CallerGroup
    reasons: tuple[str, ...] = ()
    reservations: tuple[str, ...] = ()
    tickets: tuple[str, ...] = ()
    plates: tuple[str, ...] = ()  # without blanks and hyphens
    silence: float | None = None  # share of the length; None: not known
    transfers: int = 0
    note: str | None = None  # the words around what was looked for


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingCount:
    """How many records a search finds."""

    count: int
    more: bool  # counted no further
    filled_to: datetime | None = None  # older records are still being put into the search; None: all are there


@dataclass(frozen=True, kw_only=True, slots=True)
class PeaksFacts:
    """The wave to draw: loudest sample per step, 0 to 100, a list a side."""

    step_ms: int
    duration_s: float
    left: Sequence[int] = field(default_factory=tuple)
    right: Sequence[int] = field(default_factory=tuple)
    silences: Sequence[tuple[float, float]] = field(default_factory=tuple)  # neither side speaks: from, to, seconds


class Recordings(Protocol):
    """Recordings in the object store and their ledger."""

    async def page(self, tenant: TenantId, wanted: RecordingFilter) -> Sequence[RecordingFacts]:
        """At most ``limit``, newest call first, by (arrived_at, call_id) descending. Raises SearchTooSlow."""

    async def count(self, tenant: TenantId, wanted: RecordingFilter) -> RecordingCount:
        """How many there are, whatever the page. Raises SearchTooSlow."""

    async def missing(self, tenant: TenantId, since: datetime, limit: int) -> Sequence[RecordingFacts]:
        """Calls that ended since and have no recording though they should, newest end first."""

    async def get(self, tenant: TenantId, call_id: CallId) -> RecordingFacts | None:
        """One, or None when the call is not known."""

    def read(self, tenant: TenantId, call_id: CallId, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Bytes ``start`` to ``stop`` (not included) of the recording, in pieces of at most 256 KiB."""

    async def seconds(self, tenant: TenantId, call_id: CallId, start: int, stop: int) -> tuple[float, float]:
        """Which seconds these bytes are. Raises NotFound, PeerError, Unavailable."""

    async def address(self, tenant: TenantId, call_id: CallId, seconds: int) -> str:
        """Where the recording can be read for so long by whoever has the address. Raises NotFound, PeerError."""

    async def peaks(self, tenant: TenantId, call_id: CallId) -> PeaksFacts | None:
        """The wave, or None when there is none."""
