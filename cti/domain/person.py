"""A person as others ask about them: which calls are theirs, and the parts of the server that know something of them.

Frozen records and one interface; PURE. Whoever stores something about callers adds a ``PersonSource`` to the list in
``cti.wiring.people``: from then on it is disclosed and erased with the rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from cti.domain.keeping import Hold
from cti.domain.model import CallId, TenantId


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who is asked about. At least one of the two is known."""

    tenant: TenantId
    numbers: tuple[str, ...] = ()  # E.164
    member_id: str | None = None  # as the look-up service names them


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonCalls:
    """A person with the calls that are theirs, at most a batch of them."""

    person: Person
    calls: tuple[CallId, ...]


class PersonSource(Protocol):
    """One kind of thing that is known of people. Every method may raise Unavailable, and can then be repeated."""

    @property
    def name(self) -> str:
        """A slug: "notes". People's words for it are in the catalogue, "person.notes"."""

    def export(self, known: PersonCalls) -> AsyncIterator[Mapping[str, Any]]:
        """What is known, JSON-able. For each batch of calls once, and once with none for what hangs on no call."""

    async def erase(self, known: PersonCalls, at: datetime) -> int:
        """Make it nobody's; what reports count stays. Returns how many things were changed: none at the second time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonLook:
    """What an erasure would find now. Nothing is changed by looking."""

    counts: Mapping[str, int]  # by source; "calls", "live" and "held" too
    held: tuple[Hold, ...] = ()  # what counts on their calls: those would be left whole
    live: tuple[CallId, ...] = ()  # calls that go on: left whole too


class ErasureState(StrEnum):
    """How far an erasure is."""

    ORDERED = "ordered"  # stored; it goes on after a crash
    DONE = "done"  # all that may be erased is


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    """An order to erase a person, and what became of it. Who it was about is forgotten when it is done."""

    erasure_id: str  # UUID
    tenant: TenantId
    state: ErasureState
    reference: str  # the desk's own number of the request
    asked_by: str
    asked_at: datetime
    done_at: datetime | None
    calls: int  # calls of this person, those that are held left out
    counts: Mapping[str, int]  # source → things made nobody's
    held: Mapping[str, str]  # call → by whom until when: nothing of these was touched
    waiting: int  # recordings that are ordered to be deleted and are not gone yet


class People(Protocol):
    """What pages and commands ask for."""

    def export(self, person: Person, *, by: str, address: str, reference: str) -> AsyncIterator[bytes]:
        """A ZIP of everything known, in pieces. In the trail before the first piece."""

    async def look(self, person: Person) -> PersonLook:
        """How much is known, and what an erasure would leave. Nothing is changed."""

    async def order(self, person: Person, *, by: str, address: str, reference: str) -> Erasure:
        """Order an erasure; on disk when this returns."""

    async def find(self, tenant: TenantId, erasure_id: str) -> Erasure | None:
        """An erasure and how far it is."""

    async def newest(self, tenant: TenantId, limit: int) -> Sequence[Erasure]:
        """Erasures, newest first."""
