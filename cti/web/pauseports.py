"""What the pages need to pause a recording (cti/pauses.py)."""

from __future__ import annotations

from typing import Protocol

from cti.domain.errors import Unavailable
from cti.domain.model import Call, CallId, TenantId
from cti.domain.pause import RecordCommand


class Pauses(Protocol):
    """Recordings of live calls."""

    async def ask(self, tenant: TenantId, call_id: CallId, command: RecordCommand, by: str) -> Call:
        """Carry it out; the call when it is proven. Raises CallerError with a ``key``, Unavailable."""


class NoPauses:
    """Nothing can be asked of recordings."""

    async def ask(self, tenant: TenantId, call_id: CallId, command: RecordCommand, by: str) -> Call:
        """See the port."""
        raise Unavailable("recordings cannot be paused here")
