"""Migrations on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cti.demo.postgres import RunningPostgres
from cti.domain.aftercall import CallNote
from cti.domain.errors import ConfigError, Unavailable
from cti.domain.model import AgentId, CallId, TenantId
from cti.store.aftercall import AftercallStore
from cti.store.effects import EffectStore
from cti.store.migrate import migrate, migrations
from cti.store.pool import create_pool
from cti.store.retention import RetentionStore
from tests.e2e.store.test_desk_apply import EXAMPLE, apply


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


# A desk as it stood before the phone in the browser learned more: one row of what the later migrations touch.
_OF_0015 = """
INSERT INTO tenants (tenant, name, time_zone, language) VALUES ('demo', '架け橋カーシェア', 'Asia/Tokyo', 'ja');
INSERT INTO users (tenant, login, name, roles, password_hash) VALUES ('demo', 'sato', '佐藤', '{agent}', 'x');
INSERT INTO agents (tenant, agent, login, name, endpoint, sip_secret, phone)
VALUES ('demo', 'sato', 'sato', '佐藤', 'demo-sato', 's', 'browser');
INSERT INTO queues (tenant, queue, name_ja, name_en) VALUES ('demo', 'members', '会員', 'Members');
INSERT INTO routing_rules (tenant, wrap_up_s) VALUES ('demo', 45);
INSERT INTO calls (tenant, call_id, state, channel, uniqueid, number_called, caller_kind, arrived_at)
VALUES ('demo', '6f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c11', 'ended', 'PJSIP/t-1', '1.1', '+81501234500', 'number', now());
INSERT INTO effects (tenant, effect_id, kind, state, version, created_at, changed_at, body)
VALUES ('demo', repeat('a', 32), 'callback', 'done', 3, now(), now(), '{"number": "+819012345678"}'),
       ('demo', repeat('b', 32), 'callback', 'unknown', 2, now(), now(), '{"number": "+819012345679"}');
"""


async def test_a_desk_of_version_0015_keeps_its_rows_and_goes_on(empty: asyncpg.Pool[Any], tmp_path: Path) -> None:
    """Every later migration, on tables that are not empty; then what a server does at its start, on what came out."""
    before = [one for one in migrations() if one.number <= 15]
    later = [one for one in migrations() if one.number > 15]
    write(tmp_path, **{one.name.removesuffix(".sql"): one.sql for one in before})
    await migrate(empty, tmp_path)
    await empty.execute(_OF_0015)
    assert await migrate(empty) == [one.name for one in later]
    assert later[0].name == "0016_phone_bar.sql"

    agents = await empty.fetch("SELECT phone, auto_answer FROM agents")
    queues = await empty.fetch("SELECT queue, auto_answer_s, reason_required FROM queues")
    rules = await empty.fetch("SELECT wrap_up_s, same_agent_s FROM routing_rules")
    assert [tuple(row) for row in (*agents, *queues, *rules)] == [
        ("browser", "queue"),
        ("members", None, False),
        (45, 10),
    ]
    assert await empty.fetchval("SELECT outbound FROM tenants") is None
    _, unsettled = await EffectStore(empty).load()
    assert [(one.effect_id, one.body["number"]) for one in unsettled] == [("b" * 32, "+819012345679")]

    demo, call = TenantId("demo"), CallId("6f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c11")
    assert await EffectStore(empty).tickets(demo, call) == []
    store, now = AftercallStore(empty), datetime.now(UTC)
    assert await store.tree() == ({}, frozenset())
    note = CallNote(tenant=demo, call_id=call, agent=AgentId("sato"), version=0, note="再起動を案内", changed_at=now)
    assert (await store.save(note, now)).version == 1
    forgotten = await RetentionStore(empty).forget(
        now + timedelta(days=31), numbers_days=30, notes_days=30, outgoing_days=30
    )
    assert (forgotten["effects"], forgotten["notes"]) == (1, 1)
    async with empty.acquire() as connection:
        await apply(connection, EXAMPLE)
    assert await empty.fetchval("SELECT count(*) FROM reasons WHERE tenant = 'demo'") > 0
    assert await empty.fetchval("SELECT active FROM agents WHERE agent = 'sato'") is True


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
