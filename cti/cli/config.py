"""`kakehashi config check FILE` and `kakehashi config apply FILE`."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from cti.cli.database_access import connected
from cti.cli.notes import desk_notes
from cti.config import Config, load_config
from cti.desk.apply import apply_desk
from cti.desk.load import check_desk
from cti.desk.schema import Desk
from cti.desk.summary import Summary
from cti.domain.errors import ConfigError
from cti.domain.model import QueueId, TenantId
from cti.tomlfile import TomlFile
from cti.web.passwords import Passwords
from cti.wiring.asterisk import lacking
from cti.wiring.queuetexts import queue_texts, unspoken
from ivr.menus import check_menu
from routing.calendar import problems_in
from routing.plans import left_behind


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="say what is wrong with a desk file, change nothing")
    check.add_argument("file", type=Path)
    check.add_argument("--config", type=Path, help="the server's configuration, to be looked at as well")
    check.set_defaults(run=_check)
    apply = commands.add_parser("apply", help="make the database say what a desk file says")
    apply.add_argument("file", type=Path)
    apply.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    apply.add_argument("--json", action="store_true", help="print the summary as JSON")
    apply.set_defaults(run=_apply)


def _read(path: Path) -> Desk:
    """The desk of a file, with what may not be meant printed. Raises ConfigError with every problem."""
    file = TomlFile.read(path)
    desk = check_desk(file, check_menu, problems_in)
    for note in desk_notes(desk, file, datetime.now(UTC).date()):
        print(f"note: {note}", file=sys.stderr)
    return desk


def _check(arguments: argparse.Namespace) -> int:
    desk = _read(arguments.file)
    print(f"{arguments.file}: {_described(desk)}; nothing is wrong with it")
    if arguments.config is not None:
        config = load_config(arguments.config)
        if (problem := lacking(config)) is not None:
            raise ConfigError([f"{arguments.config}: {problem}"])
        print(f"{arguments.config}: nothing is wrong with it")
    return 0


def _apply(arguments: argparse.Namespace) -> int:
    desk = _read(arguments.file)
    config = load_config(arguments.config)
    summary = asyncio.run(_load(config, desk, arguments.file.name))
    if arguments.json:
        print(json.dumps({"revision": summary.revision, **summary.as_json()}, ensure_ascii=False))
        return 0
    print(f"revision {summary.revision}: {_described(desk)}")
    for word, rows in (
        ("added", summary.added),
        ("changed", summary.changed),
        ("switched off", summary.removed),
        ("left as a supervisor set it", summary.kept),
    ):
        for table, names in rows.items():
            print(f"  {word}: {table}: {', '.join(names)}")
    return 0


async def _load(config: Config, desk: Desk, source: str) -> Summary:
    async with connected(config) as conn:
        summary = await apply_desk(conn, desk, source=source, by=getpass.getuser(), hash_password=Passwords().hash)
        for name, tenant in desk.tenants.items():
            for queue in tenant.queues:
                for problem in await left_behind(conn, TenantId(name), QueueId(queue.id)):
                    sentence = (
                        f"the plan of the queue {queue.id!r}: {problem}; until another is published that is nobody"
                    )
                    print(f"note: {sentence}", file=sys.stderr)
        said = unspoken(config.asterisk.sounds_dir, await queue_texts(conn))
        if said:
            print(f"note: {said}", file=sys.stderr)
    return summary


def _described(desk: Desk) -> str:
    tenants = desk.tenants.values()
    counts = {
        kind: sum(len(getattr(tenant, kind)) for tenant in tenants)
        for kind in ("users", "agents", "calendars", "queues", "numbers", "menus")
    }
    return f"{len(desk.tenants)} tenant(s), " + ", ".join(f"{count} {kind}" for kind, count in counts.items())
