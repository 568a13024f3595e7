"""`kakehashi recordings holds|retention|bucket`: how recordings are kept, held and locked."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import re
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from cti.config import Config, load_config
from cti.domain.errors import CallerError
from cti.domain.keeping import Actor, Hold
from cti.domain.model import CallId, TenantId
from cti.store.pool import create_pool
from cti.wiring import core, objectstores
from cti.wiring.keeping import make_sweep
from recording.buckets import Setting, State, look
from recording.keeping import Keeping, Ruled

AGREES, DIFFERS = 0, 1
_CALL_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def add(commands: Any) -> None:
    """Declare the commands beside `recordings reconcile`."""
    holds = _group(commands, "holds", "legal holds: nothing deletes a recording while one counts")
    listing = _command(holds, "list", "those that count now", _list_holds)
    listing.add_argument("--all", action="store_true", help="those that are over as well")
    hold = _command(holds, "set", "keep a recording", _hold)
    hold.add_argument("call", help="the call's id")
    hold.add_argument("--reason", required=True, help="why, for the audit trail")
    hold.add_argument("--until", type=instant, metavar="DATE", help="a date; without: until it is released")
    release = _command(holds, "release", "end a hold", _release)
    release.add_argument("hold", type=int, help="its number, as `list` says")
    release.add_argument("--reason", required=True, help="why, for the audit trail")

    retention = _group(commands, "retention", "how long recordings are kept")
    _command(retention, "status", "how many are kept, over, being deleted", _status)
    again = _command(retention, "apply", "judge all stored recordings by the desk file's rules of today", _apply)
    again.add_argument("--dry-run", action="store_true", help="only say what would change")
    sweep = _command(retention, "sweep", "delete now what is over, as the server does by itself", _sweep)
    sweep.add_argument("--dry-run", action="store_true", help="only say how many there are")

    bucket = _group(commands, "bucket", "the settings of the buckets")
    _command(bucket, "check", "compare them with the configuration; exit status 1: something differs", _check)
    _command(bucket, "apply", "set them: versions, unfinished uploads, encryption", _set)


def _group(commands: Any, name: str, sentence: str) -> Any:
    return commands.add_parser(name, help=sentence, description=sentence).add_subparsers(
        required=True, metavar="COMMAND"
    )


def _command(group: Any, name: str, sentence: str, run: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = group.add_parser(name, help=sentence, description=sentence)
    command.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    command.add_argument("--tenant", help="the tenant; may be left out when there is only one")
    command.set_defaults(run=lambda arguments: asyncio.run(run(load_config(arguments.config), arguments)))
    return command


def instant(text: str) -> datetime:
    """A date or an instant as somebody types it; without a zone it is UTC's."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2027-03-31") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def actor() -> Actor:
    """Whoever types the command."""
    return Actor(who=f"command:{os.environ.get('SUDO_USER') or getpass.getuser()}")


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


async def open_pool(config: Config, cleanup: AsyncExitStack) -> asyncpg.Pool[Any]:
    """A pool for one command. Raises ConfigError for tables that are not those of today."""
    pool = await create_pool(config.database.url.get_secret_value(), max_size=4, command_s=60.0)
    cleanup.push_async_callback(core.close_pool, pool)
    await core.require_tables(pool)
    return pool


async def tenants_of(pool: asyncpg.Pool[Any], wanted: str | None) -> list[TenantId]:
    """The tenant that is named, or all. Raises CallerError naming those that there are."""
    known = [row["tenant"] for row in await pool.fetch("SELECT tenant FROM tenants ORDER BY tenant")]
    if wanted is not None and wanted not in known:
        raise CallerError(f"no tenant {wanted!r}; there are: {', '.join(known)}")
    return [TenantId(tenant) for tenant in known if wanted in (None, tenant)]


async def one_tenant(pool: asyncpg.Pool[Any], wanted: str | None) -> TenantId:
    """The tenant that is named, or the only one. Raises CallerError."""
    tenants = await tenants_of(pool, wanted)
    if len(tenants) != 1:
        raise CallerError(f"say --tenant; there are: {', '.join(tenants)}")
    return tenants[0]


# --- Holds ---


def _line(hold: Hold) -> str:
    over = "" if hold.released_at is None else f", over since {hold.released_at:%Y-%m-%d %H:%M}"
    return f"{hold.hold_id:>6}  {hold.tenant}  {hold.call_id}  {hold.words()}{over}: {hold.reason}"


async def _list_holds(config: Config, arguments: argparse.Namespace) -> int:
    async with AsyncExitStack() as cleanup:
        pool = await open_pool(config, cleanup)
        keeping = Keeping(pool)
        for tenant in await tenants_of(pool, arguments.tenant):
            before: int | None = None
            while found := await keeping.holds(tenant, now=now(), counting=not arguments.all, before=before):
                for hold in found:
                    print(_line(hold))
                before = found[-1].hold_id
    return 0


async def _hold(config: Config, arguments: argparse.Namespace) -> int:
    if arguments.until is not None and arguments.until <= now():
        raise CallerError("--until is over already")
    async with AsyncExitStack() as cleanup:
        pool = await open_pool(config, cleanup)
        tenant = await one_tenant(pool, arguments.tenant)
        hold = await Keeping(pool).hold(
            tenant, _call(arguments.call), actor(), arguments.reason, until=arguments.until, at=now()
        )
        print(_line(hold))
    return 0


async def _release(config: Config, arguments: argparse.Namespace) -> int:
    async with AsyncExitStack() as cleanup:
        pool = await open_pool(config, cleanup)
        tenant = await one_tenant(pool, arguments.tenant)
        print(_line(await Keeping(pool).release(tenant, arguments.hold, actor(), arguments.reason, at=now())))
    return 0


def _call(text: str) -> CallId:
    if _CALL_ID.fullmatch(text) is None:
        raise CallerError(f"{text[:40]!r} is no call id; it looks like 0f3a2b1c-1111-4222-8333-444455556666")
    return CallId(text)


# --- Retention ---


async def _status(config: Config, arguments: argparse.Namespace) -> int:
    async with AsyncExitStack() as cleanup:
        pool = await open_pool(config, cleanup)
        for tenant in await tenants_of(pool, arguments.tenant):
            said = await Keeping(pool).status(tenant, now())
            print(f"{tenant}: " + ", ".join(f"{count:,} {name}" for name, count in said.items()))
    return 0


async def _apply(config: Config, arguments: argparse.Namespace) -> int:
    async with AsyncExitStack() as cleanup:
        pool = await open_pool(config, cleanup)
        for tenant in await tenants_of(pool, arguments.tenant):
            looked = changed = over = 0

            def tell(ruled: Sequence[Ruled]) -> None:
                nonlocal looked, changed, over
                looked += len(ruled)
                changed += sum(one.changed for one in ruled)
                over += sum(one.after is not None and one.after <= now() for one in ruled)
                print(f"{looked:,} recordings looked at, back to {ruled[-1].arrived_at:%Y-%m-%d}", file=sys.stderr)

            keeping, newest = Keeping(pool), now() + timedelta(days=1)
            await keeping.rule_again(tenant, dry_run=arguments.dry_run, tell=tell, until=newest)
            word = "would change" if arguments.dry_run else "changed"
            print(f"{tenant}: {looked:,} recordings looked at, {changed:,} {word}, {over:,} are over by today's rules")
    return 0


async def _sweep(config: Config, arguments: argparse.Namespace) -> int:
    async with AsyncExitStack() as cleanup:
        pool = await open_pool(config, cleanup)
        if arguments.dry_run:
            return await _status(config, arguments)
        objects = objectstores.object_store(config)
        cleanup.callback(objects.close)
        sweep = make_sweep(config, pool, objects)
        more = True
        while more:
            more = await sweep.once()
            print(f"{sweep.deleted:,} deleted", file=sys.stderr)
        print(f"{sweep.deleted:,} deleted")
    return 0


# --- Buckets ---


async def _check(config: Config, arguments: argparse.Namespace) -> int:
    return await _buckets(config, apply=False)


async def _set(config: Config, arguments: argparse.Namespace) -> int:
    return await _buckets(config, apply=True)


async def _buckets(config: Config, *, apply: bool) -> int:
    objects = objectstores.object_store(config)

    def work() -> list[Setting]:
        days = config.s3.abort_uploads_days
        return [
            setting
            for bucket in objects.buckets
            for setting in look(objects.client(), bucket, objects.options, abort_days=days, apply=apply)
        ]

    try:
        found = await asyncio.to_thread(work)
    finally:
        objects.close()
    for setting in found:
        detail = f": {setting.detail}" if setting.detail else ""
        print(f"{setting.bucket}  {setting.name:<20} {setting.state}{detail}")
    return DIFFERS if any(setting.state is State.DIFFERS for setting in found) else AGREES
