"""The real web server on a real PostgreSQL, seen through a real Chromium: one browser a module, one database a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from cti.demo.folders import PortPool
from cti.demo.postgres import RunningPostgres
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from cti.web.passwords import Passwords
from tests.e2e.pages.browser import Window, chromium, window
from tests.e2e.pages.site import PASSWORD, Site, running_site
from tests.e2e.pages.sound import Sound, conversation

STATIC = Path(__file__).resolve().parents[3] / "cti/web/static/index.html"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of a module share its loop, because they share its browser."""
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return conversation(tmp_path_factory.mktemp("sound"), 12)


@pytest.fixture(scope="session")
def ports() -> Iterator[PortPool]:
    with PortPool() as pool:
        yield pool


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    if not STATIC.is_file():
        pytest.fail("the pages are not built: scripts/bring/web")
    async with chromium() as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template(postgres: RunningPostgres, database_names: Iterator[str]) -> str:
    """A database to copy: migrated, and with those who log in."""
    name = next(database_names)
    made = await create_pool(await postgres.make_database(name), max_size=1)
    await migrate(made)
    await people(made)
    await made.close()
    return name


@pytest_asyncio.fixture(loop_scope="module")
async def pool(
    postgres: RunningPostgres, template: str, database_names: Iterator[str]
) -> AsyncIterator[asyncpg.Pool[Any]]:
    url = await postgres.make_database(next(database_names), template=template)
    made = await create_pool(url, max_size=4)
    try:
        yield made
    finally:
        await made.close()
        await postgres.drop_database(url)


async def people(pool: asyncpg.Pool[Any]) -> None:
    passwords = Passwords(time_cost=1, memory_kib=64)
    hashed = await passwords.hash(PASSWORD)
    passwords.close()
    await pool.execute("INSERT INTO tenants VALUES ('demo', '架け橋カーシェア', 'Asia/Tokyo', 'ja')")
    for login, name, roles, must_change in (
        ("sato", "佐藤 花子", ["agent"], False),
        ("suzuki", "鈴木 一郎", ["agent"], False),
        ("shinjin", "新人 一郎", ["agent"], True),
        ("tanaka", "田中 美咲", ["supervisor"], False),
        ("watanabe", "渡辺 健", ["qa"], False),
        ("hogo", "保科 恵", ["qa", "privacy"], False),
        ("kansa", "神崎 司", ["privacy"], False),
    ):
        await pool.execute(
            "INSERT INTO users (tenant, login, name, roles, password_hash, must_change)"
            " VALUES ('demo', $1, $2, $3, $4, $5)",
            login, name, roles, hashed, must_change,
        )  # fmt: skip
        if "agent" in roles:
            await pool.execute(
                "INSERT INTO agents (tenant, agent, login, name, endpoint, sip_secret)"
                " VALUES ('demo', $1, $1, $2, $3, 'x')",
                login, name, f"demo-{login}",
            )  # fmt: skip
    for queue, name in (("members", "会員"), ("roadside", "車両トラブル")):
        await pool.execute(
            "INSERT INTO queues (tenant, queue, name_ja, name_en) VALUES ('demo', $1, $2, $1)", queue, name
        )


@pytest_asyncio.fixture(loop_scope="module")
async def site(pool: asyncpg.Pool[Any], ports: PortPool, sound: Sound) -> AsyncIterator[Site]:
    async with running_site(ports.tcp(), sound, pool) as made:
        yield made


Opener = Callable[..., Awaitable[Window]]


@pytest_asyncio.fixture(loop_scope="module")
async def opened(browser: Browser) -> AsyncIterator[Opener]:
    """Opens windows, each a person's own browser; at the end none of them may have complained."""
    async with AsyncExitStack() as stack:
        windows: list[Window] = []

        async def open_one(**how: Any) -> Window:
            made = await stack.enter_async_context(window(browser, **how))
            windows.append(made)
            return made

        yield open_one
        for one in windows:
            assert one.unexpected() == []
