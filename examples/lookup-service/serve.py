"""Kakehashi's reference look-up service: members, vehicles, reservations and tickets, in Japanese.

Prints one JSON line when it is ready ({"ready": true, "url": …}) and runs until SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sqlite3
import sys

from aiohttp import web
from lookup_service.faults import Fault
from lookup_service.seed import demo_callers
from lookup_service.web import Service


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    parser.add_argument("--port", type=int, default=8090, help="0 takes a free one and prints it")
    parser.add_argument("--db", default="lookup.sqlite", help='SQLite file; made if missing; ":memory:" for none')
    parser.add_argument("--token", help="bearer token; better in the environment as LOOKUP_TOKEN")
    parser.add_argument("--allow-faults", action="store_true", help="let PUT /faults break it: tests only")
    parser.add_argument("--fault", help="start broken (with --allow-faults): slow:3, wrong, huge, error …")
    parser.add_argument("--demo-callers", action="store_true", help="print the demo's callers as JSON and end")
    return parser.parse_args()


async def serve(arguments: argparse.Namespace, token: str, fault: Fault) -> None:
    """Run until a signal."""
    service = Service(arguments.db, token, allow_faults=arguments.allow_faults, fault=fault)
    # No access log: paths of searches carry names.
    runner = web.AppRunner(service.app(), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    site = web.TCPSite(runner, arguments.host, arguments.port)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await site.start()
        port = runner.addresses[0][1]
        sys.stdout.write(json.dumps({"ready": True, "url": f"http://{arguments.host}:{port}"}) + "\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> int:
    """The command."""
    arguments = _arguments()
    if arguments.demo_callers:
        sys.stdout.write(json.dumps(demo_callers(), ensure_ascii=False, indent=2) + "\n")
        return 0
    token = arguments.token or os.environ.get("LOOKUP_TOKEN", "")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    if len(token) < 16:
        sys.stderr.write("Give a token of 16 characters or more: --token … or LOOKUP_TOKEN=…\n")
        return 2
    if arguments.fault and not arguments.allow_faults:
        sys.stderr.write("--fault needs --allow-faults: a service must not break by accident\n")
        return 2
    try:
        fault = Fault.parse(arguments.fault or "none")
        asyncio.run(serve(arguments, token, fault))
    except ValueError as error:
        sys.stderr.write(f"--fault: {error}\n")
        return 2
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"Cannot serve on {arguments.host}:{arguments.port} with {arguments.db}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
