"""Migrations on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cti.demo.postgres import RunningPostgres
from cti.domain.errors import ConfigError, Unavailable
from cti.store.migrate import migrate, migrations
from cti.store.pool import create_pool


@pytest.fixture
async def empty(postgres: RunningPostgres, database_url: str) -> AsyncIterator[asyncpg.Pool[Any]]:
    """A pool on a database without any table."""
    pool = await create_pool(await postgres.make_database(database_url.rsplit("/", 1)[1] + "_empty"), max_size=3)
    yield pool
    await pool.close()


def write(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        (folder / f"{name}.sql").write_text(sql)
    return folder


async def test_our_own_migrations_apply_once(empty: asyncpg.Pool[Any]) -> None:
    names = [m.name for m in migrations()]
    assert names[:2] == ["0001_desk.sql", "0002_calls.sql"]
    assert await migrate(empty) == names
    assert await migrate(empty) == []


async def test_two_processes_take_turns(empty: asyncpg.Pool[Any], tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "CREATE TABLE a (); SELECT pg_sleep(0.2);"})
    done = await asyncio.gather(migrate(empty, tmp_path), migrate(empty, tmp_path))
    assert sorted(done) == [[], ["0001_a.sql"]]


async def test_a_changed_migration_is_named(empty: asyncpg.Pool[Any], tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "CREATE TABLE a ();", "0002_b": "CREATE TABLE b ();"})
    await migrate(empty, tmp_path)
    write(tmp_path, **{"0002_b": "CREATE TABLE b (x int);", "0003_c": "CREATE TABLE c ();"})
    with pytest.raises(ConfigError, match=r"0002_b\.sql was changed after it was applied"):
        await migrate(empty, tmp_path)
    assert await empty.fetchval("SELECT to_regclass('c')") is None


async def test_a_database_newer_than_the_program_is_refused(empty: asyncpg.Pool[Any], tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "SELECT 1", "0002_b": "SELECT 1"})
    await migrate(empty, tmp_path)
    (tmp_path / "0002_b.sql").unlink()
    with pytest.raises(ConfigError, match="newer than this program"):
        await migrate(empty, tmp_path)


async def test_one_that_fails_leaves_nothing_behind(empty: asyncpg.Pool[Any], tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "CREATE TABLE a ();", "0002_b": "CREATE TABLE b (); SELECT nonsense;"})
    with pytest.raises(ConfigError, match=r"0002_b\.sql failed"):
        await migrate(empty, tmp_path)
    assert await empty.fetchval("SELECT to_regclass('a')") is not None
    assert await empty.fetchval("SELECT to_regclass('b')") is None
    write(tmp_path, **{"0002_b": "CREATE TABLE b ();"})
    assert await migrate(empty, tmp_path) == ["0002_b.sql"]


def test_names_that_do_not_fit_and_numbers_taken_twice_are_named(tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "", "0001_b": "", "two": ""})
    with pytest.raises(ConfigError) as refused:
        migrations(tmp_path)
    assert refused.value.problems == [
        "0001_b.sql: number 1 is taken by 0001_a.sql",
        "two.sql: a migration is called NNNN_what_it_does.sql",
    ]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda url: url.replace("kakehashi:", "kakehashi:x", 1), ConfigError, "refuses this user"),
        (lambda url: url.rsplit("/", 1)[0] + "/nothing", ConfigError, "does not exist"),
        (lambda _: "postgresql://u:p@127.0.0.1:1/x", Unavailable, "cannot be reached"),
        (lambda _: "nonsense://", ConfigError, "not an address"),
    ],
)
async def test_a_wrong_address_says_what_is_wrong(database_url: str, change: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        await create_pool(change(database_url))


async def test_a_table_in_use_holds_up_nobody_for_long(
    empty: asyncpg.Pool[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long report reads a table that is to be changed: the migration gives up, and writers behind it go on."""
    monkeypatch.setattr("cti.store.migrate.LOCK_WAIT_S", 1)
    write(tmp_path, **{"0001_a": "CREATE TABLE a ();"})
    await migrate(empty, tmp_path)
    write(tmp_path, **{"0002_b": "ALTER TABLE a ADD COLUMN x int;"})
    async with empty.acquire() as report, report.transaction():
        await report.fetch("SELECT * FROM a")
        with pytest.raises(ConfigError, match=r"0002_b\.sql: a table was in use for 1 s; .*try again later"):
            await migrate(empty, tmp_path)
    assert await migrate(empty, tmp_path) == ["0002_b.sql"]
