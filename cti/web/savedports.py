"""What the web side asks about a desk's saved numbers (cti/wiring/savednumbers.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cti.domain.errors import NotFound
from cti.domain.model import AgentId, QueueId, TenantId, UserLogin


@dataclass(frozen=True, kw_only=True, slots=True)
class NewSaved:
    """A number as somebody writes it into the phone book."""

    name: str
    reading: str  # kana; may be empty
    number: str  # in any way of writing one
    queues: tuple[QueueId, ...]  # whose agents may see it
    agents: tuple[AgentId, ...]  # and these; both empty: everybody


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedFact:
    """A number of the phone book."""

    saved: str  # its id
    name: str
    reading: str
    e164: str
    national: str  # as people write it
    queues: tuple[QueueId, ...]
    agents: tuple[AgentId, ...]
    by_file: bool  # the desk file names it
    changed_by: UserLogin | None  # who changed or made it on the page; None: it is as the file says
    changed_at: datetime | None


class SavedNumbers(Protocol):
    """A desk's phone book. All raise Unavailable."""

    async def of_agent(self, tenant: TenantId, agent: AgentId) -> Sequence[SavedFact]:
        """Those that this agent may see, by reading."""

    async def all(self, tenant: TenantId) -> Sequence[SavedFact]:
        """All, by reading."""

    async def readings(self, tenant: TenantId) -> Mapping[AgentId, str]:
        """The names of the desk's agents in kana, those who have one: they are found in the same field."""

    async def add(self, tenant: TenantId, new: NewSaved, *, by: UserLogin, at: datetime) -> SavedFact:
        """Keep it. Raises CallerError with a ``key`` of the catalogue, NotFound (a queue, an agent)."""

    async def change(self, tenant: TenantId, saved: str, new: NewSaved, *, by: UserLogin, at: datetime) -> SavedFact:
        """Write it anew. Raises as ``add``, and NotFound."""

    async def remove(self, tenant: TenantId, saved: str, *, by: UserLogin, at: datetime) -> None:
        """Take it out. Raises NotFound."""


class NoSavedNumbers:
    """A desk without a phone book."""

    async def of_agent(self, tenant: TenantId, agent: AgentId) -> Sequence[SavedFact]:
        """See the port."""
        return ()

    async def all(self, tenant: TenantId) -> Sequence[SavedFact]:
        """See the port."""
        return ()

    async def readings(self, tenant: TenantId) -> Mapping[AgentId, str]:
        """See the port."""
        return {}

    async def add(self, tenant: TenantId, new: NewSaved, *, by: UserLogin, at: datetime) -> SavedFact:
        """See the port."""
        raise NotFound("this desk keeps no numbers")

    async def change(self, tenant: TenantId, saved: str, new: NewSaved, *, by: UserLogin, at: datetime) -> SavedFact:
        """See the port."""
        raise NotFound("this desk keeps no numbers")

    async def remove(self, tenant: TenantId, saved: str, *, by: UserLogin, at: datetime) -> None:
        """See the port."""
        raise NotFound("this desk keeps no numbers")
