"""`kakehashi asterisk-conf render DIR` and `kakehashi asterisk-conf check`."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from cti.ami.client import AmiClient
from cti.ami.errors import AmiRefused
from cti.asteriskconf.files import write
from cti.asteriskconf.prove import Finding, Verdict
from cti.asteriskconf.render import render
from cti.cli.database_access import connected
from cti.config import Config, load_config
from cti.domain.errors import ConfigError
from cti.wiring import core, proof
from cti.wiring.asterisk import asterisk_settings, lacking, read_desk

CONNECT_S = 5.0


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("render", help="write the whole configuration into a folder")
    command.add_argument("directory", type=Path)
    command.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    command.set_defaults(run=_render)
    command = commands.add_parser("check", help="prove that the running Asterisk is what is declared")
    command.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    command.add_argument("--json", action="store_true", help="for programs: {proved, findings}")
    command.set_defaults(run=_check)


def _render(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    if (problem := lacking(config)) is not None:
        raise ConfigError([problem])  # Asterisk would not start with it
    changed = asyncio.run(_write(config, arguments.directory))
    print(f"{arguments.directory}: {', '.join(changed) or 'nothing'} changed; reload Asterisk to use it")
    return 0


async def _write(config: Config, directory: Path) -> tuple[str, ...]:
    async with connected(config) as conn:
        desk = await read_desk(conn)
    return write(render(asterisk_settings(config, desk)), directory)


def _check(arguments: argparse.Namespace) -> int:
    findings = asyncio.run(_look(load_config(arguments.config)))
    proved = all(one.verdict is not Verdict.REFUSED for one in findings)
    if arguments.json:
        said = [{"part": one.part, "verdict": one.verdict.value, "sentence": one.sentence} for one in findings]
        print(json.dumps({"proved": proved, "findings": said}, ensure_ascii=False, indent=2))
    else:
        for one in findings:
            print(f"{one.verdict.value:8} {one.part:9} {one.sentence}")
    return 0 if proved else 1


async def _look(config: Config) -> Sequence[Finding]:
    """Raises Unavailable when Asterisk or the database is away."""
    async with connected(config) as conn:
        settings = asterisk_settings(config, await read_desk(conn))
    client = AmiClient(core.ami_settings(config), wanted=(), on_frame=lambda _: None)
    await client.start()
    try:
        await client.wait_up(CONNECT_S)
        return await proof.check(client, config, settings)
    except AmiRefused as error:
        return [Finding(part="log-in", verdict=Verdict.REFUSED, sentence=str(error))]
    finally:
        await client.stop()
