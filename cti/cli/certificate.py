"""`kakehashi certificate make`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from cti.web.selfsigned import write


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("make", help="a self-made certificate for a trial; browsers will warn about it")
    command.add_argument("directory", type=Path)
    command.add_argument("hosts", nargs="+", metavar="HOST", help="names and IP addresses people type")
    command.set_defaults(run=_make)


def _make(arguments: argparse.Namespace) -> int:
    certificate, key = write(arguments.directory, arguments.hosts, datetime.now(UTC))
    print(f'[web]\ntls_certificate = "{certificate}"\ntls_key = "{key}"')
    return 0
