"""One place that turns what asyncpg raises when PostgreSQL is away, slow or stopping into ``Unavailable``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from cti.domain.errors import Unavailable

# A page is drawn in well under a second; a person who waits longer than this has pressed reload.
DEADLINE_S = 5.0

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,  # pool closed or closing, connection lost in the middle
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.TransactionRollbackError,  # two waited for each other, and this one gave way
)


@asynccontextmanager
async def deadline(seconds: float = DEADLINE_S) -> AsyncIterator[None]:
    """Give the database ``seconds``; raises Unavailable when it needs longer or is away."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except _AWAY as error:
        raise Unavailable(f"the database does not answer ({type(error).__name__})") from error
