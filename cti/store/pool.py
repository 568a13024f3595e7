"""The connection pool to PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg

from cti.domain.errors import ConfigError, Unavailable

# Statements of ours take milliseconds; one that needs longer waits for a lock or a dying disk.
COMMAND_S = 10.0
CONNECT_S = 5.0
# A frozen server keeps the locks of the transaction it was frozen in; whoever took over would wait for it to thaw.
IDLE_S = 15

Pool = asyncpg.Pool


async def create_pool(
    url: str, *, min_size: int = 1, max_size: int = 10, connect_s: float = CONNECT_S, command_s: float = COMMAND_S
) -> asyncpg.Pool[asyncpg.Record]:
    """A pool whose connections speak jsonb as Python values.

    Raises ConfigError for an address, a database or a password that is wrong, Unavailable when PostgreSQL is away.
    """
    try:
        async with asyncio.timeout(connect_s):
            pool: asyncpg.Pool[asyncpg.Record] = await asyncpg.create_pool(
                url, min_size=min_size, max_size=max_size, command_timeout=command_s, init=prepare, reset=_keep
            )
    except (ValueError, asyncpg.ClientConfigurationError) as error:
        raise ConfigError([f"database.url is not an address of PostgreSQL: {error}"]) from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise ConfigError(["database.url: PostgreSQL refuses this user and password"]) from error
    except asyncpg.InvalidCatalogNameError as error:
        raise ConfigError(["database.url names a database that does not exist: create it first"]) from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable(f"PostgreSQL cannot be reached ({type(error).__name__})") from error
    return pool


async def prepare(connection: Any) -> None:
    """Per connection: jsonb as Python values, and no locks kept by a process that stands still."""
    await connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_S}s'")
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=_to_json, decoder=json.loads, schema="pg_catalog")


async def _keep(_connection: Any) -> None:
    """Nothing to undo when a connection goes back: no code of ours changes a session's settings, listens or takes a
    lock beyond its transaction. asyncpg's own way is one more round trip, four statements, for each use.
    """


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
