"""`kakehashi asterisk-conf render DIR`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from cti.asteriskconf.files import write
from cti.asteriskconf.render import render
from cti.cli.database_access import connected
from cti.config import Config, load_config
from cti.wiring.asterisk import asterisk_settings, read_desk


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("render", help="write the whole configuration into a folder")
    command.add_argument("directory", type=Path)
    command.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    command.set_defaults(run=_render)


def _render(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    changed = asyncio.run(_write(config, arguments.directory))
    print(f"{arguments.directory}: {', '.join(changed) or 'nothing'} changed; reload Asterisk to use it")
    return 0


async def _write(config: Config, directory: Path) -> tuple[str, ...]:
    async with connected(config) as conn:
        desk = await read_desk(conn)
    return write(render(asterisk_settings(config, desk)), directory)
