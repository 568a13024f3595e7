"""`kakehashi demo`, `kakehashi demo --check`, `kakehashi demo status`, `kakehashi demo call`."""

from __future__ import annotations

import argparse
import asyncio
import json

from cti.demo.call import check_keys
from cti.demo.check import BREAKS
from cti.demo.command import call, present, status, unattended


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    parser.add_argument("--check", action="store_true", help="one call, unattended; a JSON line last; exit 0 or 1")
    parser.add_argument("--break", dest="sabotage", choices=BREAKS, help="break this step of --check on purpose")
    parser.add_argument(
        "--browser", action="append", default=[], metavar="AGENT",
        help="this agent's phone is their page, with your microphone (docs/walkthrough.md); may be given again",
    )  # fmt: skip
    parser.set_defaults(run=_demo)
    commands = parser.add_subparsers(metavar="COMMAND")
    shown = commands.add_parser("status", help="addresses and log-ins of the demo that runs")
    shown.add_argument("--json", action="store_true", help="as JSON")
    shown.set_defaults(run=lambda arguments: status(as_json=arguments.json))
    placed = commands.add_parser("call", help="place one more call")
    placed.add_argument("--from", dest="caller", default="090-1234-5678", help="number, or anonymous, payphone, …")
    placed.add_argument("--to", dest="number", help="number dialled (default: the desk's first)")
    placed.add_argument("--keys", type=_keys, default="", help="keys to press; w waits a second")
    placed.add_argument("--talk", type=float, default=60.0, help="hang up after so many seconds (default 60)")
    placed.set_defaults(run=_call)


def _keys(text: str) -> str:
    try:
        return check_keys(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _demo(arguments: argparse.Namespace) -> int:
    if arguments.check or arguments.sabotage:
        result = asyncio.run(unattended(arguments.sabotage))
        print(json.dumps(result.line(), ensure_ascii=False))
        return 0 if result.ok else 1
    return asyncio.run(present(arguments.browser))


def _call(arguments: argparse.Namespace) -> int:
    return asyncio.run(
        call(caller=arguments.caller, number=arguments.number, keys=arguments.keys, talk_s=arguments.talk)
    )
