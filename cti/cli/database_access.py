"""One connection for one command, with errors an operator can act on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from cti.config import Config
from cti.domain.errors import Unavailable

CONNECT_S = 10.0


@asynccontextmanager
async def connected(config: Config) -> AsyncIterator[asyncpg.Connection[Any]]:
    """A connection to the configured database. Raises Unavailable, saying what to do."""
    try:
        conn = await asyncpg.connect(config.database.url.get_secret_value(), timeout=CONNECT_S)
    except (OSError, asyncpg.PostgresError, TimeoutError, ValueError) as error:
        raise Unavailable(f"the database does not answer: {error}; check [database] url") from error
    try:
        yield conn
    except asyncpg.UndefinedTableError as error:
        raise Unavailable("the database has no tables yet; run `kakehashi database migrate` first") from error
    finally:
        await conn.close()
