"""A connection out of a pool, as what it stands for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg


@asynccontextmanager
async def lent(pool: asyncpg.Pool[Any]) -> AsyncIterator[asyncpg.Connection[Any]]:
    """One connection, given back afterwards. The proxy that a pool lends forwards everything to it."""
    async with pool.acquire() as proxy:
        yield cast("asyncpg.Connection[Any]", proxy)
