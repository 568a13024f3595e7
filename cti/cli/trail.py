"""`kakehashi trail`: who heard, took, changed and deleted what."""

from __future__ import annotations

import argparse
import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from datetime import UTC
from pathlib import Path

from cti.cli.keeping import instant, one_tenant, open_pool
from cti.config import Config, load_config
from cti.domain.access import AuditEntry, AuditWanted
from cti.domain.errors import CallerError
from cti.store.audit import AuditStore

# Rows a question asks for at once; a page of the terminal is less.
_PAGE = 200
_MOST = 100_000


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command."""
    parser.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    parser.add_argument("--tenant", help="the tenant; may be left out when there is only one")
    parser.add_argument("--of", metavar="ID", help="of one thing: a call's id, a log-in name")
    parser.add_argument("--who", metavar="LOGIN", help="what somebody did")
    parser.add_argument("--what", metavar="BEGINNING", help='"recording." is all about recordings')
    parser.add_argument("--since", type=instant, metavar="DATE", help="from this day on (UTC)")
    parser.add_argument("--until", type=instant, metavar="DATE", help="before this day (UTC)")
    parser.add_argument("--most", type=int, default=100, help="so many entries, newest first (100)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, with everything")
    parser.set_defaults(run=lambda arguments: asyncio.run(_trail(load_config(arguments.config), arguments)))


async def _trail(config: Config, arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.most <= _MOST:
        raise CallerError(f"--most is a number from 1 to {_MOST:,}")
    wanted = AuditWanted(
        which=arguments.of, who=arguments.who, what=arguments.what, since=arguments.since, until=arguments.until
    )
    async with AsyncExitStack() as cleanup:
        pool = await open_pool(config, cleanup)
        tenant, store, left = await one_tenant(pool, arguments.tenant), AuditStore(pool), arguments.most
        while left > 0:
            found = await store.page(tenant, replace(wanted, limit=min(left, _PAGE)))
            for _, entry in found:
                print(as_json(entry) if arguments.json else line(entry))
            left -= _PAGE
            if len(found) < _PAGE:
                break
            wanted = replace(wanted, before=found[-1][0])
    return 0


def line(entry: AuditEntry) -> str:
    """An entry for people; of a listen the seconds instead of all that is known of it."""
    seconds = entry.detail.get("seconds")
    more = f"{seconds[0]:g}-{seconds[1]:g} s" if seconds else json.dumps(dict(entry.detail), ensure_ascii=False)
    at = entry.at.astimezone(UTC)
    words = [
        f"{at:%Y-%m-%d %H:%M:%S}Z",
        entry.who,
        entry.what,
        entry.which,
        more if entry.detail else "",
        entry.address,
    ]
    # Who failed to log in chose the name that stands here: it must not be able to steer a terminal.
    return "".join(sign if sign.isprintable() else "?" for sign in "  ".join(word for word in words if word))


def as_json(entry: AuditEntry) -> str:
    """An entry for programs."""
    return json.dumps({**asdict(entry), "at": entry.at.isoformat()})
