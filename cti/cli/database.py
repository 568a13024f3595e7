"""`kakehashi database migrate` and `search`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from cti.config import load_config
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from cti.store.searchfill import SearchFiller


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("migrate", help="apply the migrations that are missing")
    command.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    command.set_defaults(run=_migrate)
    search = commands.add_parser("search", help="make the rows that contact records are searched by anew, newest first")
    search.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    search.set_defaults(run=_search)


def _migrate(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    applied = asyncio.run(_apply(config.database.url.get_secret_value()))
    print(f"applied: {', '.join(applied)}" if applied else "nothing to apply")
    return 0


def _search(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    many = asyncio.run(_make_search(config.database.url.get_secret_value()))
    print(f"{many:,} records can be searched")
    return 0


async def _make_search(url: str) -> int:
    pool = await create_pool(url, max_size=2)
    try:
        filler = SearchFiller(pool, pause_s=0.0)
        await filler.begin_anew()
        return await filler.run(lambda hour, done: print(f"{done:,} records, back to {hour:%Y-%m-%d}", flush=True))
    finally:
        await pool.close()


async def _apply(url: str) -> list[str]:
    pool = await create_pool(url)
    try:
        return [str(name) for name in await migrate(pool)]
    finally:
        await pool.close()
