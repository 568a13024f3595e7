"""`kakehashi route simulate FILE`; `route explain` is a module of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from cti.cli import explain
from cti.cli.database_access import connected
from cti.cli.simulation_file import read_scenario
from cti.config import Config, load_config
from cti.domain.errors import CallerError
from cti.domain.model import TenantId
from cti.store.history import recorded_calls, time_zones
from cti.tomlfile import TomlFile
from routing.simulation.batch import Progress, run_all
from routing.simulation.model import Scenario
from routing.simulation.plots import plots
from routing.simulation.replay import replayed
from routing.simulation.report import report

MOST_JOBS = 64
MOST_DAYS = 366


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("simulate", help="the real engine under virtual time; schema: docs/simulation.md")
    command.add_argument("file", type=Path, metavar="FILE", help="what to simulate, in TOML")
    command.add_argument("--out", type=Path, metavar="FILE", help="write the JSON here (else: standard output)")
    command.add_argument("--plots", type=Path, metavar="DIR", help="draw SVG files, in Japanese and English")
    command.add_argument("--jobs", type=int, default=1, metavar="N", help="processes; the result is the same")
    command.add_argument("--seed", type=int, metavar="N", help="instead of the file's")
    command.add_argument("--replications", type=int, metavar="N", help="instead of the file's")
    command.add_argument("--calls", type=int, metavar="N", help="instead of the file's length")
    command.add_argument("--replay", type=_days, metavar="FROM..TO", help="recorded days, 2026-07-01..2026-07-07")
    command.add_argument("--tenant", help="whose days (else: the only one)")
    command.add_argument("--config", type=Path, help="the server's configuration (else KAKEHASHI_CONFIG)")
    command.set_defaults(run=_simulate)
    explain.add(commands)


def _simulate(arguments: argparse.Namespace) -> int:
    _check(arguments)
    scenario = _changed(read_scenario(TomlFile.read(arguments.file), replayed=bool(arguments.replay)), arguments)
    if arguments.replay:
        config = load_config(arguments.config)
        scenario = asyncio.run(_recorded(config, scenario, arguments.replay, arguments.tenant))
    records = run_all(scenario, arguments.jobs, _reporter())
    text = json.dumps(report(scenario, records), ensure_ascii=False, indent=2)
    if arguments.out is None:
        print(text)
    else:
        arguments.out.write_text(text + "\n", encoding="utf-8")
    if arguments.plots is not None:
        for name, picture in plots(scenario, records):
            (arguments.plots / name).write_text(picture, encoding="utf-8")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Before minutes of work, not after."""
    try:
        if arguments.plots is not None:
            arguments.plots.mkdir(parents=True, exist_ok=True)
        if arguments.out is not None:
            arguments.out.touch()
    except OSError as error:
        raise CallerError(f"{error.filename}: cannot be written: {error.strerror}; write another place") from error
    if not 1 <= arguments.jobs <= MOST_JOBS:
        raise CallerError(f"--jobs {arguments.jobs}: write 1 to {MOST_JOBS}")
    for name in ("replications", "calls"):
        value = getattr(arguments, name)
        if value is not None and arguments.replay:
            raise CallerError(f"--{name}: with --replay the recorded days say how much; leave it out")
        if value is not None and value < 1:
            raise CallerError(f"--{name} {value}: write a number from 1 on")


def _changed(scenario: Scenario, arguments: argparse.Namespace) -> Scenario:
    """The scenario with what the command line says instead."""
    if arguments.seed is not None:
        scenario = replace(scenario, seed=arguments.seed)
    if arguments.replications is not None:
        scenario = replace(scenario, replications=arguments.replications)
    if arguments.calls is not None:
        if scenario.calls is None:
            raise CallerError("--calls: the file says hours; change it there")
        scenario = replace(scenario, calls=arguments.calls)
    return scenario


def _days(text: str) -> tuple[date, date]:
    """FROM..TO, both included."""
    try:
        first, last = (date.fromisoformat(part) for part in text.split(".."))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no span of days; write 2026-07-01..2026-07-07") from error
    if not 0 <= (last - first).days < MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r}: write the earlier day first, and at most {MOST_DAYS} days")
    return first, last


async def _recorded(config: Config, scenario: Scenario, span: tuple[date, date], tenant: str | None) -> Scenario:
    """The scenario with the callers of recorded days. Raises Unavailable, CallerError."""
    async with connected(config) as conn:
        zones = await time_zones(conn)
        if tenant is None and len(zones) == 1:
            (tenant,) = zones
        if tenant not in zones:
            raise CallerError(f"--tenant: write one of {', '.join(zones) or '(there is none yet)'}")
        zone = ZoneInfo(zones[TenantId(tenant)])
        count = (span[1] - span[0]).days + 1
        midnights = [
            datetime.combine(span[0] + timedelta(days=number), datetime.min.time(), zone) for number in range(count + 1)
        ]
        calls = await recorded_calls(conn, TenantId(tenant), midnights[0], midnights[-1])
    print(f"{len(calls):,} recorded calls on {count} days", file=sys.stderr)
    return replayed(scenario, calls, list(pairwise(midnights)))


def _reporter() -> Progress:
    """Progress on standard error: one line, rewritten on a terminal."""
    began = time.monotonic()
    end = "\r" if sys.stderr.isatty() else "\n"

    def progress(done: int, tasks: int, calls: int) -> None:
        spent_s = max(time.monotonic() - began, 0.001)
        last = "\n" if done == tasks else end
        line = f"{done} of {tasks} runs, {calls:,} calls in {spent_s:.0f} s ({calls / spent_s:,.0f} calls/s)"
        print(line, end=last, file=sys.stderr, flush=True)

    return progress
