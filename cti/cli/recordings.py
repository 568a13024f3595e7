"""`kakehashi recordings`: reconcile; what is kept, held and locked is in cti.cli.keeping."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from cti.cli import keeping
from cti.config import Config, load_config
from cti.domain.errors import ConfigError, KakehashiError
from cti.wiring.reconcile import Wanted, reconcile
from recording.reconcile import Kind, Remedy
from recording.reconcilerun import Finding, Tally

AGREES, DIFFERS, COULD_NOT_LOOK = 0, 1, 2
PROGRESS_S = 1.0  # between two lines of progress
SENTENCES = {
    Kind.MISSING: "expected by the call's record, and nowhere",
    Kind.UNLEDGERED: "in the spool, and the ledger does not know it",
    Kind.STRANGER: "in the spool, and no record knows the call",
    Kind.UNFINISHED: "in the spool, long over, and not settled",
    Kind.OBJECT_MISSING: "stored by the ledger's word, and not in the bucket",
    Kind.OBJECT_DIFFERS: "in the bucket, and not what the ledger says",
    Kind.UNKNOWN_OBJECT: "in the bucket, and the ledger does not know it",
    Kind.LEFTOVER: "stored, and files are left in the spool",
}
REMEDIES = {
    Remedy.TAKE_IN: "make and store it from the spool's files",
    Remedy.STORE_AGAIN: "make it again from the spool's files and store it again",
    Remedy.ADOPT: "read it back and enter it into the ledger from the manifest beside it",
    Remedy.NOTE: "note in the ledger that there is none",
    Remedy.CLEAR: "read the object back and delete the files that it was made of",
    Remedy.NONE: "a person has to look",
}
# What that person may do, where nothing is done by itself.
ADVICE = {
    Kind.STRANGER: "a person has to look: whose call is it? (can the server read Asterisk's cel.csv?)",
    Kind.OBJECT_MISSING: "a person has to look: no file is left to make it from; bring back the object from a backup, "
    "or an earlier version of it where the bucket keeps them",
    Kind.OBJECT_DIFFERS: "a person has to look: who replaced it? An earlier version of the object is the cure",
    Kind.UNKNOWN_OBJECT: "a person has to look: nothing beside it says what it is; take it away by hand if it is no "
    "one's",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "reconcile",
        help="compare call records, ledger, spool and bucket",
        description="Compare call records, ledger, spool and bucket. Exit status: 0 all agree, 1 differences are left, "
        "2 could not look. Changes nothing without --fix, and never deletes a recording's only copy.",
    )
    command.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    command.add_argument("--fix", action="store_true", help="set right what is safe")
    command.add_argument("--json", action="store_true", help="one JSON object a line: findings, then the summary")
    command.add_argument("--since", type=_day, metavar="DATE", help="calls that arrived on this day (UTC) or later")
    command.add_argument("--tenant", help="this tenant only")
    command.add_argument("--hash", action="store_true", help="read every object back and compare its hash: slow")
    command.set_defaults(run=_reconcile)
    keeping.add(commands)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-11-22") from None


def _reconcile(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    wanted = Wanted(since=arguments.since, tenant=arguments.tenant, fix=arguments.fix, hashes=arguments.hash)
    try:
        tally = asyncio.run(_run(config, wanted, as_json=arguments.json))
    except ConfigError:
        raise
    except (KakehashiError, OSError) as error:
        print(f"kakehashi: could not look: {error}", file=sys.stderr)
        return COULD_NOT_LOOK
    _print_summary(tally, as_json=arguments.json)
    return DIFFERS if tally.left else AGREES


async def _run(config: Config, wanted: Wanted, *, as_json: bool) -> Tally:
    return await reconcile(
        config, wanted, report=_json_finding if as_json else _finding, progress=progress_line(time.monotonic)
    )


def progress_line(clock: Callable[[], float]) -> Callable[[Tally], None]:
    """Tells how far it is on standard error, once a second."""
    next_s = clock() + PROGRESS_S

    def tell(tally: Tally) -> None:
        nonlocal next_s
        if clock() < next_s:
            return
        next_s = clock() + PROGRESS_S
        found = sum(tally.kinds.values())
        waits = f", {tally.waiting:,} being made" if tally.waiting else ""
        about = f"{tally.tenant} {tally.day}: {tally.looked:,} recordings looked at, {found:,} differ{waits}"
        print(about, file=sys.stderr)

    return tell


def _finding(finding: Finding) -> None:
    difference = finding.difference
    known = difference.known
    about = f" ({difference.detail})" if difference.detail else ""
    print(f"{difference.kind:15} {known.tenant or '-'} {known.call_id or '-'}: {SENTENCES[difference.kind]}{about}")
    outcome = "" if finding.outcome == "left" else f" — {finding.outcome}"
    nothing = difference.remedy is Remedy.NONE
    advice = ADVICE.get(difference.kind, REMEDIES[Remedy.NONE]) if nothing else REMEDIES[difference.remedy]
    print(f"{'':15} → {advice}{outcome}", flush=True)


def _json_finding(finding: Finding) -> None:
    difference = finding.difference
    body = {
        "kind": difference.kind.value,
        "tenant": difference.known.tenant,
        "call_id": difference.known.call_id or None,
        "remedy": difference.remedy.value,
        "detail": difference.detail,
        "outcome": finding.outcome,
    }
    print(json.dumps(body, ensure_ascii=False), flush=True)


def _print_summary(tally: Tally, *, as_json: bool) -> None:
    kinds = {kind.value: count for kind, count in sorted(tally.kinds.items())}
    if as_json:
        print(json.dumps({"looked_at": tally.looked, "differences": kinds, "left": tally.left}))
        return
    found = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "no difference"
    print(f"{tally.looked:,} recordings looked at: {found}; {tally.left} left")
