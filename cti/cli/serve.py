"""`kakehashi serve`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from cti.app import serve
from cti.config import ROLES, load_config


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command."""
    parser.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    parser.add_argument("--roles", help=f"some of {','.join(ROLES)} (default: what the configuration says)")
    parser.set_defaults(run=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    return asyncio.run(serve(config))
