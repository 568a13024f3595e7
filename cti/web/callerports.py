"""What the web side asks for what agents say of callers (cti/wiring/callers.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cti.domain.errors import Unavailable
from cti.domain.model import CallId, Link, TenantId
from cti.domain.verification import Person, StepMark, StepResult, VerificationState


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkStep:
    """One finding or decision of a call's history."""

    at: datetime
    made_by: str  # "system", or a log-in
    status: str  # "live", "stale", "unavailable" by the system; "decided", "undecided" by a person
    link: Link


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkStep:
    """A step that was marked, and how far the caller was verified with it."""

    mark: StepMark
    state: VerificationState


class Callers(Protocol):
    """Every method may raise ``Unavailable``, and NotSaid with a key for what cannot be said (now)."""

    async def choose(self, tenant: TenantId, call_id: CallId, member_id: str | None, by: Person) -> None:
        """This member is calling; None: what the look-up found counts again. Returns when it is stored and shown."""

    async def mark(self, tenant: TenantId, call_id: CallId, step: str, result: StepResult, by: Person) -> None:
        """A step showed this of the member who is linked now. Returns when it is stored and shown."""

    async def links(self, tenant: TenantId, call_id: CallId) -> Sequence[LinkStep]:
        """All that was found and decided, oldest first."""

    async def marks(self, tenant: TenantId, call_id: CallId) -> Sequence[MarkStep]:
        """All that was marked, oldest first."""


class NoCallers:
    """Nobody is looked up."""

    async def choose(self, tenant: TenantId, call_id: CallId, member_id: str | None, by: Person) -> None:
        """See the port."""
        raise Unavailable("nobody looks callers up here")

    async def mark(self, tenant: TenantId, call_id: CallId, step: str, result: StepResult, by: Person) -> None:
        """See the port."""
        raise Unavailable("nobody looks callers up here")

    async def links(self, tenant: TenantId, call_id: CallId) -> Sequence[LinkStep]:
        """See the port."""
        return ()

    async def marks(self, tenant: TenantId, call_id: CallId) -> Sequence[MarkStep]:
        """See the port."""
        return ()
