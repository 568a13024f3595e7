"""`kakehashi prompts render`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from cti.asteriskconf.files import write
from cti.asteriskconf.music import music_files, tone_files
from cti.cli.database_access import connected
from cti.config import Config, load_config
from cti.wiring.menus import menu_texts
from cti.wiring.queuetexts import queue_texts
from ivr.prompts import render_all


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("render", help="speak every text, in both languages, and write the music on hold")
    command.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    command.add_argument("--cache", type=Path, help="where spoken texts are kept (default: in data_dir)")
    command.set_defaults(run=_render)


def _render(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    texts = asyncio.run(_texts(config))
    sounds = config.asterisk.sounds_dir
    report = render_all(sounds, arguments.cache or config.data_dir / "prompts", texts=texts)
    write(music_files(), sounds / "kakehashi" / "moh")
    write(tone_files(), sounds / "kakehashi")
    spoken = sum(not prompt.reused for prompt in report.prompts)
    print(f"{sounds}: {len(report.prompts)} prompts ({spoken} newly spoken, English by {report.english_voice})")
    return 0


async def _texts(config: Config) -> dict[str, dict[str, str]]:
    async with connected(config) as conn:
        return await menu_texts(conn) | await queue_texts(conn)
