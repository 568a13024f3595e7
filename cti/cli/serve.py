"""`kakehashi serve`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from cti.wiring import runtime


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command."""
    parser.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    parser.add_argument(
        "--standby", action="store_true", help="wait while another server of this database is in charge, then take over"
    )
    parser.set_defaults(run=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    runtime.go_first()
    runtime.hurry()
    # Most of a start is imports: they come after the system and the collector have been told.
    from cti.config import load_config
    from cti.serve import serve

    config = load_config(arguments.config)
    return asyncio.run(serve(config, standby=arguments.standby))
