"""Shared fixtures: one PostgreSQL a session, one database a test. They start only for tests that ask for them."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import hypothesis
import pytest
import pytest_asyncio

from cti.demo.folders import PortPool, run_folder
from cti.demo.postgres import RunningPostgres, start_postgres
from cti.store.migrate import migrate
from cti.store.pool import create_pool

pytest_plugins = ("tests.schedule",)

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile(
    "kakehashi", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("kakehashi")

# Other runs may use the same server at the same time.
PREFIX = f"kakehashi_test_{secrets.token_hex(4)}"
TEMPLATE = f"{PREFIX}_template"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[RunningPostgres]:
    """A server with a migrated database to copy. Needs about a second."""
    with run_folder() as run, PortPool() as ports:
        server = await start_postgres(run, ports, durable=False)
        try:
            pool = await create_pool(await server.make_database(TEMPLATE))
            await migrate(pool)
            await pool.close()
            yield server
            if server.child is None:
                await _drop_ours(server)
        finally:
            await server.stop()


async def _drop_ours(server: RunningPostgres) -> None:
    """An outside server is left as it was."""
    connection = await asyncpg.connect(server.url)
    try:
        for row in await connection.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", PREFIX):
            await connection.execute(f'DROP DATABASE "{row["datname"]}" WITH (FORCE)')
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def database_names() -> Iterator[str]:
    """Names that no other run on the same server takes."""
    return (f"{PREFIX}_{number}" for number in itertools.count(1))


@pytest_asyncio.fixture(loop_scope="function")
async def database_url(postgres: RunningPostgres, database_names: Iterator[str]) -> AsyncIterator[str]:
    """The address of a migrated, empty database of this test's own."""
    url = await postgres.make_database(next(database_names), template=TEMPLATE)
    yield url
    await postgres.drop_database(url)


@pytest_asyncio.fixture(loop_scope="function")
async def database(database_url: str) -> AsyncIterator[asyncpg.Pool[Any]]:
    """A pool on a migrated, empty database of this test's own."""
    pool = await create_pool(database_url, max_size=4)
    try:
        yield pool
    finally:
        await pool.close()
