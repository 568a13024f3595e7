"""A real PostgreSQL, a fresh migrated database a test, with the example's kind of people in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from cti.store.pool import create_pool
from cti.web.passwords import Passwords

PASSWORD = "hanako-no-kagi"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool[Any]]:
    made = await create_pool(database_url, max_size=4)
    try:
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
