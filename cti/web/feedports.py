"""What the feed of messages for other systems reads. PURE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cti.domain.model import TenantId
from cti.domain.outgoing import Message


class Feed(Protocol):
    """Messages in order. Everything raises Unavailable."""

    async def after(self, tenant: TenantId, after: int, limit: int) -> Sequence[Message]:
        """Those with a number above ``after``, in order; none is ever added below one that was seen."""

    async def head(self, tenant: TenantId) -> int:
        """The last number given; 0: none yet."""


class NoFeed:
    """A server that keeps none."""

    async def after(self, _tenant: TenantId, _after: int, _limit: int) -> Sequence[Message]:
        """Nothing."""
        return ()

    async def head(self, _tenant: TenantId) -> int:
        """None yet."""
        return 0
