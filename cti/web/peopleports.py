"""Stands in where nothing is known of people (tests of other parts)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from cti.domain.errors import Unavailable
from cti.domain.model import TenantId
from cti.domain.person import Erasure, Person, PersonLook


class NoPeople:
    """Implements cti.domain.person.People."""

    async def export(self, person: Person, *, by: str, address: str, reference: str) -> AsyncIterator[bytes]:
        """See the port."""
        nothing: tuple[bytes, ...] = ()
        for piece in nothing:
            yield piece

    async def look(self, person: Person) -> PersonLook:
        """See the port."""
        return PersonLook(counts={})

    async def order(self, person: Person, *, by: str, address: str, reference: str) -> Erasure:
        """See the port."""
        raise Unavailable("nothing is known here")

    async def find(self, tenant: TenantId, erasure_id: str) -> Erasure | None:
        """See the port."""
        return None

    async def newest(self, tenant: TenantId, limit: int) -> Sequence[Erasure]:
        """See the port."""
        return ()
