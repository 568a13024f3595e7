"""A screen pop: what an agent sees about the call at their phone, and how it changes. Frozen records only.

``cti.screenpop`` makes them, the web side (or an integrator's CRM) shows them through ``PopSink``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from cti.domain.model import (
    AgentId,
    Call,
    CallerNumber,
    CallId,
    Link,
    MenuFacts,
    OfferId,
    OfferOutcome,
    QueueId,
    TenantId,
)


class PopPhase(StrEnum):
    """Where the call is, seen from this agent."""

    RINGING = "ringing"
    TALKING = "talking"
    HELD = "held"
    ENDED = "ended"  # the agent's part is over; shown during after-call work


class PartStatus(StrEnum):
    """How fresh a part of the caller card is."""

    PENDING = "pending"  # asked, not answered yet
    LIVE = "live"
    STALE = "stale"  # an earlier answer; the look-up service is away
    UNAVAILABLE = "unavailable"


class Reach(StrEnum):
    """How far a call that an agent dialled has come."""

    CALLING = "calling"  # the agent's own phone rings, then the person's
    REACHED = "reached"  # they talk
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    OWN_PHONE = "own_phone"  # the agent's own phone was not answered: nobody was called
    FAILED = "failed"  # the network refused


def reach_of(status: str | None) -> Reach:
    """``status`` as in signals.CallbackReported; None: not told yet."""
    if status is None or status == "ANSWER":
        return Reach.CALLING if status is None else Reach.REACHED
    if status.startswith("AGENT-"):
        return Reach.OWN_PHONE
    return {"BUSY": Reach.BUSY, "NOANSWER": Reach.NO_ANSWER, "CANCEL": Reach.NO_ANSWER}.get(status, Reach.FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class CardPart:
    """One part of the caller card."""

    status: PartStatus = PartStatus.PENDING
    as_of: datetime | None = None  # when the look-up service said so
    items: tuple[Mapping[str, Any], ...] = ()  # records as docs/linking.md has them, best first


@dataclass(frozen=True, kw_only=True, slots=True)
class CallerCard:
    """Who is probably calling. ``CallLinked.card`` carries the parts (docs/linking.md)."""

    link: Link | None = None
    link_status: PartStatus = PartStatus.PENDING
    chosen: Mapping[str, Any] | None = None  # the member was chosen by a person: {"by": name, "at": RFC 3339}
    members: CardPart = field(default_factory=CardPart)
    reservations: CardPart = field(default_factory=CardPart)
    tickets: CardPart = field(default_factory=CardPart)
    calls: CardPart = field(default_factory=CardPart)  # earlier ones of the member, or of the number
    verification: CardPart = field(default_factory=CardPart)  # one record where the queue has a policy, else none


# No slots: copied with each change, see cti.domain.copies.
@dataclass(frozen=True, kw_only=True)
class Pop:
    """Everything known about the call at one agent's phone."""

    tenant: TenantId
    agent: AgentId
    call_id: CallId
    offer_id: OfferId | None  # none: the call came to this agent without an offer of ours
    revision: int  # counts this agent's pops and their changes, from 1
    phase: PopPhase
    caller: CallerNumber
    number_called: str
    queue: QueueId | None
    reason: str  # why this agent
    menu: MenuFacts | None
    arrived_at: datetime
    queued_at: datetime | None
    wait_s: float  # until the phone rang (or was answered, when no ring was seen)
    attempt: int
    rang_at: datetime | None
    answered_at: datetime | None = None
    card: CallerCard = field(default_factory=CallerCard)
    callback: bool = False  # we call this person back: they are dialled when the agent answers
    reach: Reach | None = None  # the agent dialled this number; None: they did not


@dataclass(frozen=True, kw_only=True, slots=True)
class PopChange:
    """Something changed on an agent's screen. ``pop`` is the state after it."""

    at: datetime
    pop: Pop


@dataclass(frozen=True, kw_only=True, slots=True)
class PopOffered(PopChange):
    """Show this; nothing of what was shown before may remain."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PopUpdated(PopChange):
    """More is known. ``parts`` names what changed: "link", "members", "reservations", "tickets",
    "calls", "verification", "phase"."""

    parts: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class PopWithdrawn(PopChange):
    """Remove it: the phone does not ring for this call any more."""

    outcome: OfferOutcome


@dataclass(frozen=True, kw_only=True, slots=True)
class PopAnswered(PopChange):
    """Agent and caller are connected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PopEnded(PopChange):
    """The agent's part is over. Comes a second time, with ``call``, when the call itself is closed later."""

    call: Call | None  # the contact record; none while the caller goes on elsewhere
    talk_s: float | None


class PopSink(Protocol):
    """Whoever shows pops."""

    def pop_changed(self, change: PopChange) -> None:
        """Show a change. Never blocks, never raises."""
