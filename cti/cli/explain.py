"""`kakehashi route explain CALL`: every stored decision of a call, in words."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cti.config import Config, load_config
from cti.domain.errors import CallerError
from cti.domain.model import CallId, TenantId
from cti.store.pool import create_pool
from cti.wiring.directory import DeskDirectory
from routing.desk import DecisionRow
from routing.explain import explain
from routing.reasons import LANGUAGES
from routing.store import RoutingStore

CALL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LAST = "last"


def add(commands: Any) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "explain",
        help="why a call was routed as it was: every decision, in words",
        description="Every stored decision of a call in words, oldest first, in the desk's time. "
        "Decisions are kept for 90 days.",
    )
    command.add_argument(
        "call", type=_call, metavar="CALL", help="the call's id, as in its record, or last: the newest"
    )
    command.add_argument("--language", choices=LANGUAGES, help="of the words (else: the desk's)")
    command.add_argument("--tenant", help="whose call (else: whoever has it)")
    command.add_argument("--json", action="store_true", help="one JSON object a decision, in both languages")
    command.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    command.set_defaults(run=_explain)


def _call(text: str) -> CallId:
    if text.lower() != LAST and not CALL.fullmatch(text.lower()):
        raise argparse.ArgumentTypeError(f"{text!r} is no call; write its id, 3f2a…-…, or last.")
    return CallId(text.lower())


def _explain(arguments: argparse.Namespace) -> int:
    lines = asyncio.run(_lines(load_config(arguments.config), arguments))
    print("\n".join(lines))
    return 0


async def _lines(config: Config, arguments: argparse.Namespace) -> list[str]:
    """What to print. Raises CallerError when nothing is known of the call, Unavailable."""
    pool = await create_pool(config.database.url.get_secret_value(), max_size=1)
    try:
        directory, store = DeskDirectory(pool), RoutingStore(pool)
        await directory.reload()
        zones = directory.zones()
        wanted = list(zones) if arguments.tenant is None else [TenantId(arguments.tenant)]
        for tenant in wanted:
            call = await store.newest_call(tenant) if arguments.call == LAST else arguments.call
            rows = await store.decisions_of(tenant, call) if call is not None else []
            if rows:
                zone = ZoneInfo(zones.get(tenant, "UTC"))
                language = arguments.language or directory.language(tenant)
                return [
                    _json(directory, row) if arguments.json else _line(directory, row, language, zone) for row in rows
                ]
    finally:
        await pool.close()
    raise CallerError(
        f"nothing was decided about call {arguments.call}: it never waited, is older than 90 days, or is not"
        f" of {', '.join(wanted) or 'any tenant'}"
    )


def _both(directory: DeskDirectory, row: DecisionRow) -> tuple[str, str]:
    return directory.both(row.tenant, lambda language, names: explain(row, language, names))


def _line(directory: DeskDirectory, row: DecisionRow, language: str, zone: ZoneInfo) -> str:
    at = row.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    return f"{at}  {row.queue or '-'}  {_both(directory, row)[LANGUAGES.index(language)]}"


def _json(directory: DeskDirectory, row: DecisionRow) -> str:
    japanese, english = _both(directory, row)
    said = {
        "at": row.at.isoformat(), "kind": row.kind, "queue": row.queue, "agent": row.agent, "result": row.result,
        "by": row.by, "slug": row.slug, "params": row.params, "words_ja": japanese, "words_en": english,
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False)
