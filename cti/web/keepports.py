"""What the pages need of those who keep and delete recordings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from cti.domain.errors import NotFound, Unavailable
from cti.domain.keeping import Actor, Hold
from cti.domain.model import CallId, TenantId


class Keeping(Protocol):
    """Holds and deletion. All methods raise Unavailable when the database is away, and leave their trace themselves."""

    async def order_deletion(self, tenant: TenantId, call_id: CallId, by: Actor, why: str) -> None:
        """Have a recording deleted; the order is on disk when this returns. Raises NotFound, UnderHold."""

    async def hold(self, tenant: TenantId, call_id: CallId, by: Actor, reason: str, until: datetime | None) -> Hold:
        """Keep a recording from being deleted. Raises NotFound, BeingDeleted."""

    async def release(self, tenant: TenantId, hold_id: int, by: Actor, reason: str) -> Hold:
        """End a hold. Raises NotFound."""

    async def holds(
        self, tenant: TenantId, *, call_id: CallId | None, counting: bool, before: int | None, limit: int
    ) -> Sequence[Hold]:
        """Holds, newest first, older than hold ``before``; ``counting``: those that keep something now."""


class NoKeeping:
    """Nothing is kept."""

    async def order_deletion(self, tenant: TenantId, call_id: CallId, by: Actor, why: str) -> None:
        """See the port."""
        raise NotFound("there are no recordings")

    async def hold(self, tenant: TenantId, call_id: CallId, by: Actor, reason: str, until: datetime | None) -> Hold:
        """See the port."""
        raise NotFound("there are no recordings")

    async def release(self, tenant: TenantId, hold_id: int, by: Actor, reason: str) -> Hold:
        """See the port."""
        raise NotFound("there are no recordings")

    async def holds(
        self, tenant: TenantId, *, call_id: CallId | None, counting: bool, before: int | None, limit: int
    ) -> Sequence[Hold]:
        """See the port."""
        raise Unavailable("there are no recordings")
