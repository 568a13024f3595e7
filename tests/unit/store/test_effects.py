"""The outbox when the database answers, and says no."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from cti.domain.effects import Effect, EffectId
from cti.domain.errors import Unavailable
from cti.domain.model import TenantId
from cti.store.effects import EffectStore

T0 = datetime(2026, 11, 22, tzinfo=UTC)
EFFECT = Effect(
    effect_id=EffectId("e" * 32), tenant=TenantId("demo"), kind="callback", created_at=T0, changed_at=T0, body={}
)


class RefusingPool:
    """A database that is there and takes nothing."""

    @asynccontextmanager
    async def acquire(self, *, timeout: float) -> AsyncIterator[Any]:
        yield self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield

    async def execute(self, *_: Any, timeout: float) -> None:
        raise asyncpg.CheckViolationError("no such state")


async def test_what_the_database_refuses_is_not_stored_and_told_so() -> None:
    """Callers of ``save`` hold a caller or an agent meanwhile, and are prepared for one answer."""
    store = EffectStore(RefusingPool())  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match="refuses the record"):
        await store.save(EFFECT)
    assert store.waiting == 0
    assert store.degraded is None
