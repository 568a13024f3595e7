"""The announced wait against "the last caller's wait": median error on three simulated days.

Ten of each kind of day (docs/simulations/day-*.toml), callers who had to wait and were answered in the end, forecast at
their entry. Progress is on standard error; the last line is JSON; the exit status is 1 when ours is not the smallest.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median

from cti.cli.simulation_file import read_scenario
from cti.tomlfile import TomlFile
from routing.simulation.forecasts import Forecasts
from routing.simulation.run import Run

FOLDER = Path(__file__).parents[2] / "docs" / "simulations"
DAYS = ("day-quiet", "day-weekend", "day-outage")


def of_days(day: str, count: int, seed: int = 1) -> Forecasts:
    """All forecasts of so many days of a kind."""
    scenario = read_scenario(TomlFile.read(FOLDER / f"{day}.toml"))
    whole = Forecasts()
    for replication in range(count):
        one = Forecasts()
        Run(scenario, 0, replication + 1000 * seed, one).run()
        whole.said += one.said
        whole.waited_s += one.waited_s
        whole.unknown += one.unknown
        print(f"{day}: {replication + 1} of {count}", file=sys.stderr, flush=True)
    return whole


def main() -> int:
    """Simulate the days."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=10, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    result: dict[str, dict[str, float]] = {}
    print(f"{'day':12} {'callers':>8} {'median wait':>12} {'ours':>8} {'last caller':>12} {'last who waited':>16}")
    for day in DAYS:
        found = of_days(day, arguments.days, arguments.seed)
        errors = found.errors_s()
        result[day] = {name: round(value, 1) for name, value in errors.items()} | {"callers": len(found.said)}
        ours, last, waited = errors.values()
        line = f"{len(found.said):8} {median(found.waited_s):10.0f} s {ours:6.1f} s {last:10.1f} s {waited:14.1f} s"
        print(f"{day:12} {line}", flush=True)
    print(json.dumps(result))
    return 0 if all(errors["ours_s"] == min(list(errors.values())[:3]) for errors in result.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
