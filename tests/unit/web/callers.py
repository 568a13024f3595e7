"""A fake of what agents say of callers."""

from __future__ import annotations

from typing import Any

from cti.domain.model import CallId, TenantId
from cti.domain.verification import NotSaid, Person, StepResult
from cti.web.callerports import NoCallers


class FakeCallers(NoCallers):
    """Remembers what was said, or refuses it."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.refuse: NotSaid | None = None

    async def choose(self, tenant: TenantId, call_id: CallId, member_id: str | None, by: Person) -> None:
        """See the port."""
        self._check()
        self.said.append((member_id, by.login))

    async def mark(self, tenant: TenantId, call_id: CallId, step: str, result: StepResult, by: Person) -> None:
        """See the port."""
        self._check()
        self.said.append((step, result.value, by.login))

    def _check(self) -> None:
        if self.refuse is not None:
            raise self.refuse
