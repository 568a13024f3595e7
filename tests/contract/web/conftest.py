"""A real PostgreSQL a module, a fresh migrated database a test, with the example's kind of people in it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from cti.demo.folders import PortPool, run_folder
from cti.demo.postgres import RunningPostgres, start_postgres
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from cti.web.passwords import Passwords

PASSWORD = "hanako-no-kagi"


@pytest.fixture(scope="module")
def postgres() -> Iterator[RunningPostgres]:
    # Its own loop: a fixture of a module outlives the loop of any one test.
    with run_folder() as run, PortPool() as ports, asyncio.Runner() as runner:
        running = runner.run(start_postgres(run, ports, durable=False))
        try:
            yield running
        finally:
            runner.run(running.stop())


@pytest.fixture
async def pool(postgres: RunningPostgres) -> AsyncIterator[asyncpg.Pool[Any]]:
    url = await postgres.make_database(f"web_{secrets.token_hex(6)}")
    made = await create_pool(url, max_size=4)
    try:
        await migrate(made)
        await people(made)
        yield made
    finally:
        await made.close()


async def people(pool: asyncpg.Pool[Any]) -> None:
    passwords = Passwords(time_cost=1, memory_kib=64)
    hashed = await passwords.hash(PASSWORD)
    passwords.close()
    for tenant in ("demo", "lease"):
        await pool.execute("INSERT INTO tenants VALUES ($1, $2, 'Asia/Tokyo', 'ja')", tenant, f"{tenant} 様")
    for tenant, login, roles, active in (
        ("demo", "sato", ["agent"], True),
        ("demo", "watanabe", ["qa"], True),
        ("demo", "gone", ["agent"], False),
        ("lease", "sato", ["supervisor"], True),
    ):
        await pool.execute(
            "INSERT INTO users (tenant, login, name, roles, password_hash, active) VALUES ($1, $2, $3, $4, $5, $6)",
            tenant, login, f"{login} 花子", roles, hashed, active,
        )  # fmt: skip
    for agent in ("sato-b", "sato"):
        await pool.execute(
            "INSERT INTO agents (tenant, agent, login, name, endpoint, sip_secret)"
            " VALUES ('demo', $1, 'sato', $2, $3, 'x')",
            agent, "佐藤 花子", f"demo-{agent}",
        )  # fmt: skip
