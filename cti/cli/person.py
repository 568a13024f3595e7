"""`kakehashi person look|export|erase`: all that is known of a person, disclosed or erased."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

from cti.cli.keeping import actor, now, one_tenant, open_pool
from cti.config import Config, load_config
from cti.domain.errors import CallerError
from cti.domain.person import ErasureState, Person
from cti.domain.phone import parse_caller
from cti.store.audit import AuditStore
from cti.wiring.objectstores import object_store
from cti.wiring.people import KnownPeople, make_people

# The server's recording process deletes the sound within seconds; beyond this something is in its way.
WAIT_S = 60.0
LOOK_S = 1.0
NOT_DONE = 3


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _command(commands, "look", "how much is known; nothing is changed", _look)
    export = _command(commands, "export", "write everything into a ZIP", _export)
    export.add_argument("file", type=Path, help="the ZIP; it must not exist yet")
    erase = _command(commands, "erase", "erase everything that is not held; exit status 3: not all is gone yet", _erase)
    erase.add_argument("--dry-run", action="store_true", help="only say how much is known")
    for command in (export, erase):
        command.add_argument(
            "--reference", required=True, help="the desk's own number of the request; no name: it stays in the trail"
        )


def _command(commands: Any, name: str, sentence: str, run: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=sentence, description=sentence)
    command.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    command.add_argument("--tenant", help="the tenant; may be left out when there is only one")
    command.add_argument("--number", action="append", default=[], help="a telephone number; may be said several times")
    command.add_argument("--member", help="a member's id")
    command.set_defaults(run=lambda arguments: asyncio.run(_with_people(run, arguments)))
    return command


async def _with_people(run: Any, arguments: argparse.Namespace) -> int:
    config: Config = load_config(arguments.config)
    numbers = [parse_caller(number, "").e164 for number in arguments.number]
    if None in numbers:
        raise CallerError("--number is no telephone number; write it with its area code")
    if not numbers and not arguments.member:
        raise CallerError("say --number or --member")
    async with AsyncExitStack() as cleanup:
        pool = await open_pool(config, cleanup)
        objects = object_store(config)
        cleanup.callback(objects.close)
        person = Person(
            tenant=await one_tenant(pool, arguments.tenant),
            numbers=tuple(number for number in numbers if number is not None),
            member_id=arguments.member,
        )
        people = make_people(pool, objects, None, AuditStore(pool).add, now)
        return int(await run(people, person, arguments))


async def _look(people: KnownPeople, person: Person, arguments: argparse.Namespace) -> int:
    for name, count in (await people.look(person)).counts.items():
        print(f"{count:>8,} {name}")
    return 0


async def _export(people: KnownPeople, person: Person, arguments: argparse.Namespace) -> int:
    try:
        descriptor = os.open(arguments.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CallerError(f"{arguments.file}: {error.strerror}") from error
    written, told = 0, 0
    pieces = people.export(person, by=actor().who, address="", reference=arguments.reference)
    try:
        with os.fdopen(descriptor, "wb") as file:
            async with aclosing(pieces):  # type: ignore[type-var]
                async for piece in pieces:
                    written += file.write(piece)
                    if written - told > 10_000_000:
                        told = written
                        print(f"{written / 1e6:,.0f} MB", file=sys.stderr)
    except BaseException:
        arguments.file.unlink(missing_ok=True)  # half an archive must not be sent to anybody
        raise
    print(f"{arguments.file}: {written:,} bytes")
    return 0


async def _erase(people: KnownPeople, person: Person, arguments: argparse.Namespace) -> int:
    if arguments.dry_run:
        return await _look(people, person, arguments)
    erasure = await people.order(person, by=actor().who, address="", reference=arguments.reference)
    print(f"ordered: {erasure.erasure_id}, {erasure.calls:,} calls", file=sys.stderr)
    left = WAIT_S
    while left > 0:
        await people.once()
        found = await people.find(person.tenant, erasure.erasure_id)
        assert found is not None  # noqa: S101 - ordered above
        erasure = found
        if erasure.state is ErasureState.DONE:
            break
        print(f"{erasure.waiting:,} recordings are not gone yet", file=sys.stderr)
        await asyncio.sleep(LOOK_S)
        left -= LOOK_S
    report = {
        "erasure": erasure.erasure_id,
        "state": erasure.state.value,
        "reference": erasure.reference,
        "calls": erasure.calls,
        "counts": dict(erasure.counts),
        "held": dict(erasure.held),
        "recordings_not_gone_yet": erasure.waiting,
    }
    print(json.dumps(report, ensure_ascii=False, indent=1))
    return 0 if erasure.state is ErasureState.DONE else NOT_DONE
