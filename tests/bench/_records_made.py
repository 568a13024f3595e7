"""Ten million contact records for `scripts/bench records`: made once, kept in the cache.

Rows of ``call_search`` and of the ledger, the two tables that a search reads, with the indexes it uses; the tables
behind them would need 20 GB more and are not read. Notes, numbers and cars come from pools, whose terms the database's
own functions made; ``prove`` makes some rows anew with ``search_terms`` and compares. The same numbers give the same
rows.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import asyncpg

from cti.demo.components import cache_folder, find_postgres
from cti.demo.folders import LOOPBACK, PortPool, RunFolder
from cti.demo.postgres import OWNER
from cti.demo.processes import Child, ChildSpec, run_to_end, run_user, start_child
from cti.domain.errors import ConfigError
from cti.store.migrate import migrate
from cti.store.pool import create_pool

TENANT = "demo"
DAYS = 730  # two years: 14,000 calls a day at ten million
CHUNK = 200_000
BYTES_A_ROW = 1_300  # measured: what a row of both tables takes, indexes included
NOTES, NUMBERS, CARS, AGENTS = 40_000, 400_000, 30_000, 300
QUEUES = ("members", "roadside", "billing", "english", "partners", "lease", "swap", "claims", "evening", "recall")
REASONS = tuple(f"{top}.{leaf}" for top in ("unlock", "accident", "billing", "return", "booking", "car", "app", "other")
                for leaf in ("ask", "fix", "late", "wrong", "lost", "again"))  # fmt: skip
# Another way of drawing the pools is another number, so that what is kept is made anew.
POOLS = 1

_WHO = (
    "会員様", "ご家族", "駐車場の管理会社", "警察", "整備業者", "法人のご担当者", "隣に駐車中の方", "ご本人",
)  # fmt: skip
_THING = (
    "アプリ", "ドア", "鍵", "バッテリー", "タイヤ", "ミラー", "エンジン", "給油カード", "ＥＴＣカード", "カーナビ",
    "充電ケーブル", "ステーション", "駐車枠", "予約", "請求書", "車検証", "発煙筒", "ドライブレコーダー",
    "ワイパー", "ライト", "シート", "トランク",
)  # fmt: skip
_WHAT = (
    "が開かない", "が閉まらない", "が見つからない", "が反応しない", "が破損している", "を忘れた", "を延長したい",
    "を取り消したい", "が間に合わない", "が塞がれている", "が汚れている", "を返却できない", "の警告灯が点灯",
    "の使い方がわからない", "が上がった", "がパンクした", "を紛失した", "の金額が違う", "の再発行を希望",
    "の場所がわからない",
)  # fmt: skip
_DID = (
    "遠隔で解錠して解決", "レッカーを手配", "折り返しを約束", "別の車両へ振り替え", "次のお客様へ連絡済み",
    "整備業者へ依頼", "警察へ届け出を案内", "返金を申請", "再起動を案内して解決", "現地へ係員を派遣", "予約を延長",
    "上長へ引き継ぎ", "規約を説明しご了承", "保険会社へ連絡", "写真の送付を依頼",
)  # fmt: skip
_MORE = (
    "", "", "到着まで四十分とお伝え", "お子様連れのため急ぎ", "二回目のお問い合わせ", "雨天のため屋内で待機",
    "英語で対応",
)  # fmt: skip
_PLACES = ("品川", "練馬", "横浜", "大宮", "千葉", "なにわ", "名古屋", "札幌", "福岡", "京都")


def _notes() -> list[tuple[int, str]]:
    chance = Random(1)
    pick = chance.choice
    made = []
    for number in range(NOTES):
        note = f"{pick(_WHO)}より。{pick(_THING)}{pick(_WHAT)}。{pick(_DID)}。{pick(_MORE)}"
        # Some words are in few notes: a street, a case.
        if number % 20 == 0:
            note += f" 案件{number:05d}号"
        made.append((number, note if number % 3 else ""))
    return made


def _numbers() -> list[tuple[int, str, str]]:
    chance = Random(2)
    found = []
    for number in range(NUMBERS):
        digits = f"{chance.choice((70, 80, 90))}{chance.randrange(10**8):08d}"
        found.append((number, f"+81{digits}", f"0{digits[:2]}-{digits[2:6]}-{digits[6:]}"))
    return found


def _cars() -> list[tuple[int, str]]:
    chance = Random(3)
    return [(n, f"{chance.choice(_PLACES)} {chance.choice((300, 500, 530, 580))} わ {chance.randrange(1, 100):02d}-"
             f"{chance.randrange(100):02d}") for n in range(CARS)]  # fmt: skip


_FILL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


def say(what: str) -> None:
    """Progress."""
    print(what, file=sys.stderr, flush=True)


def folder_for(rows: int) -> Path:
    """Where they are kept: another way of making them is another folder."""
    shape = hashlib.sha256(f"{POOLS} {_FILL}".encode()).hexdigest()
    return cache_folder() / "bench" / f"records-{rows}-{shape[:12]}"


@asynccontextmanager
async def records(run: RunFolder, ports: PortPool, rows: int) -> AsyncIterator[asyncpg.Pool[Any]]:
    """A PostgreSQL with so many contact records; makes them when they are not there. Raises SystemExit without room."""
    folder = folder_for(rows)
    filled, done = folder / "filled", folder / "made"
    if not done.exists():
        _check_room(folder, rows)
        if folder.exists() and not filled.exists():
            say(f"an earlier making was broken off: {folder.name} is made anew")
            shutil.rmtree(folder)
        async with _server(folder, run, ports, making=True) as url:
            if not filled.exists():
                await _make(url, rows)
                filled.touch()
            await _finish(url)
        done.touch()
    async with _server(folder, run, ports, making=False) as url:
        pool = await create_pool(f"{url}/kakehashi", max_size=4, command_s=600.0)
        try:
            try:
                await migrate(pool)
            except ConfigError as error:
                done.unlink()
                raise SystemExit(
                    f"the records are of another program and will be made anew next time: {error}"
                ) from error
            yield pool
        finally:
            await pool.close()


def _check_room(folder: Path, rows: int) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Half as much again while the indexes are made.
    needed, free = int(rows * BYTES_A_ROW * 1.5), shutil.disk_usage(folder.parent).free
    kept = rows * BYTES_A_ROW / 1e9
    say(f"{rows:,} records need some {kept:.1f} GB in {folder}, {needed / 1e9:.1f} GB while they are made")
    if needed > free - 5e9:
        raise SystemExit(f"{free / 1e9:.1f} GB are free: write fewer --rows, or name another KAKEHASHI_CACHE")


@asynccontextmanager
async def _server(folder: Path, run: RunFolder, ports: PortPool, *, making: bool) -> AsyncIterator[str]:
    """PostgreSQL on the kept folder, with the demo's settings; while it makes, without care for a crash."""
    programs, user = find_postgres(), run_user()
    data, secret = folder / "data", folder / "password"
    if not data.exists():
        folder.mkdir(parents=True, mode=0o711)
        data.mkdir(mode=0o700)
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(24))
        for path in (data, secret):
            if user is not None:
                os.chown(path, user.uid, user.gid)
        argv = [str(programs.bin / "initdb"), "--no-sync", "-U", OWNER, "-D", str(data), "-E", "UTF8", "--no-locale",
                "--auth=scram-sha-256", f"--pwfile={secret}"]  # fmt: skip
        await run_to_end(ChildSpec(name="initdb", argv=argv, log=run.log("postgres"), user=user, cwd=run.path), 60.0)
    port = ports.tcp()
    settings = {"listen_addresses": LOOPBACK, "port": str(port), "unix_socket_directories": "", "timezone": "UTC"}
    if making:
        settings |= {"fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0",
                     "max_wal_size": "4GB", "autovacuum": "off", "maintenance_work_mem": "1GB"}  # fmt: skip
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    child = await start_child(
        ChildSpec(
            name="PostgreSQL",
            argv=[str(programs.bin / "postgres"), "-D", str(data), *options],
            log=run.log("postgres"),
            user=user,
            cwd=run.path,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
        )
    )
    url = f"postgresql://{OWNER}:{secret.read_text()}@{LOOPBACK}:{port}"
    try:
        await _ready(child, f"{url}/postgres")
        yield url
    finally:
        await child.stop(120.0)


async def _ready(child: Child, url: str) -> None:
    async def probe() -> bool:
        try:
            connection = await asyncpg.connect(url, timeout=2.0)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

    await child.until_ready(probe, 120.0)


async def _make(url: str, rows: int) -> None:
    connection = await asyncpg.connect(f"{url}/postgres")
    await connection.execute("CREATE DATABASE kakehashi TEMPLATE template0")
    await connection.close()
    pool = await create_pool(f"{url}/kakehashi", max_size=1, command_s=7200.0)
    try:
        await migrate(pool)
        async with pool.acquire() as made:
            await _fill(made, rows)
    finally:
        await pool.close()


async def _fill(made: Any, rows: int) -> None:
    await made.execute("SET session_replication_role = replica; SET synchronous_commit = off")
    await made.execute("INSERT INTO tenants VALUES ('demo', 'demo', 'Asia/Tokyo', 'ja')")
    await _pools(made)
    later = await _without_indexes(made)
    for first in range(1, rows + 1, CHUNK):
        last = min(first + CHUNK - 1, rows)
        arguments = (list(QUEUES), AGENTS, list(REASONS), NOTES, NUMBERS, CARS)
        await made.execute(_FILL, first, last, rows, *arguments)
        say(f"{last:,} of {rows:,} records")
    # Written down: a making that is broken off at the indexes goes on with them.
    await made.execute("CREATE TABLE bench_later (statement text)")
    await made.executemany("INSERT INTO bench_later VALUES ($1)", [(statement,) for statement in later])
    await made.execute("CHECKPOINT")


async def _finish(url: str) -> None:
    """The indexes, and what the database knows of its rows."""
    pool = await create_pool(f"{url}/kakehashi", max_size=1, command_s=7200.0)
    try:
        async with pool.acquire() as made:
            await _index(made)
    finally:
        await pool.close()


async def _index(made: Any) -> None:
    for row in await made.fetch("SELECT statement FROM bench_later"):
        say(row["statement"][:110])
        async with made.transaction():
            await made.execute(row["statement"])
            await made.execute("DELETE FROM bench_later WHERE statement = $1", row["statement"])
    await made.execute("UPDATE call_search_filled SET arrived_at = '-infinity'")
    await prove(made)
    await made.execute("DROP TABLE IF EXISTS pool_notes, pool_numbers, pool_cars")
    say("VACUUM")
    await made.execute("VACUUM (ANALYZE) call_search")
    await made.execute("VACUUM (ANALYZE) recordings")
    await made.execute("CHECKPOINT")


async def _pools(made: Any) -> None:
    await made.execute(
        "CREATE TABLE pool_notes (id integer PRIMARY KEY, note text, words text, hashes integer[]);"
        "CREATE TABLE pool_numbers (id integer PRIMARY KEY, e164 text, national text, digits text, hashes integer[]);"
        "CREATE TABLE pool_cars (id integer PRIMARY KEY, written text, plate text, hashes integer[])"
    )
    await made.copy_records_to_table("pool_notes", records=_notes(), columns=("id", "note"))
    await made.copy_records_to_table("pool_numbers", records=_numbers(), columns=("id", "e164", "national"))
    await made.copy_records_to_table("pool_cars", records=_cars(), columns=("id", "written"))
    terms = "search_hashes('demo', ARRAY(SELECT '{}:' || one FROM unnest(search_grams({}, {})) AS one))"
    await made.execute("UPDATE pool_notes SET words = search_text(note)")
    await made.execute(f"UPDATE pool_notes SET hashes = {terms.format('w', 'words', 2)}")
    await made.execute("UPDATE pool_numbers SET digits = substr(e164, 2)")
    await made.execute(f"UPDATE pool_numbers SET hashes = {terms.format('n', 'digits', 3)}")
    await made.execute("UPDATE pool_cars SET plate = search_plate(written)")
    await made.execute(f"UPDATE pool_cars SET hashes = {terms.format('p', 'plate', 2)}")
    await made.execute("ANALYZE pool_notes, pool_numbers, pool_cars")
    say("notes, numbers and cars are there")


async def _without_indexes(made: Any) -> list[str]:
    """Indexes are made at the end, which is ten times as quick. Returns what makes them."""
    rows = await made.fetch(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE tablename IN ('call_search', 'recordings') AND indexname NOT LIKE '%pkey'"
    )
    for row in rows:
        await made.execute(f"DROP INDEX {row['indexname']}")
    for table in ("recording_moves", "recordings", "call_search"):
        await made.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey CASCADE")
    keys = [f"ALTER TABLE {table} ADD PRIMARY KEY (tenant, call_id)" for table in ("call_search", "recordings")]
    return [*keys, *(row["indexdef"] for row in rows)]


async def prove(made: Any) -> None:
    """Rows from the pools are those that the triggers would have made. Raises SystemExit for one that is not."""
    wrong = await made.fetchval(
        "SELECT count(*) FROM (SELECT * FROM call_search ORDER BY arrived_at DESC LIMIT 2000) AS s WHERE NOT ("
        " s.tokens @> search_tokens(search_hashes('demo', search_terms(s::call_search)), search_week(arrived_at))"
        " AND s.tokens <@ search_tokens(search_hashes('demo', search_terms(s::call_search)), search_week(arrived_at)))"
    )
    if wrong:
        raise SystemExit(f"{wrong} of 2,000 made rows have other tokens than the server would give them")


async def main() -> None:
    """Make them, and nothing else."""
    from cti.demo.folders import run_folder

    rows = int(sys.argv[1])
    with run_folder() as run, PortPool() as ports:
        async with records(run, ports, rows) as pool:
            for table in ("call_search", "recordings"):
                size = await pool.fetchval("SELECT pg_total_relation_size($1::regclass)", table)
                say(f"{table}: {size / 1e9:.2f} GB")


if __name__ == "__main__":
    asyncio.run(main())
