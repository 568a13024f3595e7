"""`kakehashi database migrate`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from cti.config import load_config
from cti.store.migrate import migrate
from cti.store.pool import create_pool


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("migrate", help="apply the migrations that are missing")
    command.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    command.set_defaults(run=_migrate)


def _migrate(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    applied = asyncio.run(_apply(config.database.url.get_secret_value()))
    print(f"applied: {', '.join(applied)}" if applied else "nothing to apply")
    return 0


async def _apply(url: str) -> list[str]:
    pool = await create_pool(url)
    try:
        return [str(name) for name in await migrate(pool)]
    finally:
        await pool.close()
