"""The simulated router against exact results: every FILE of docs/simulations, run long.

Prints a row a figure: ours with its 95 % interval, what it must be, what the reference states, and whether the interval
holds it: "yes", or "family" when only the wider one does that shall hold all figures of the run together (95 %).
Progress is on standard error, the last line is JSON. The exit status is 1 when a figure is outside even that.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from itertools import groupby
from math import sqrt

from cti.cli.simulation_file import read_scenario
from cti.tomlfile import TomlFile
from routing.simulation.batch import run_all
from routing.simulation.figures import Figure, figures, values_of
from tests.soak._exact import FOLDER, Expected, all_rows


def verdict(row: Expected, found: Figure, family: int) -> tuple[bool, bool]:
    """(in the plain 95 % interval, acceptable)."""
    if row.exact:
        return found.holds(row.value), found.holds(row.value, of=family)
    # Published: as many calls, so an error like ours, and rounded to its last digit.
    number, unit = row.stated.split()
    scale = {"%": 0.01, "min": 60.0, "s": 1.0}[unit]
    rounding = 0.5 * scale / 10 ** len(number.partition(".")[2])
    both = Figure(found.value, (found.half_width or 0.0) * sqrt(2) + rounding, found.replications)
    return both.holds(row.value), both.holds(row.value, of=family)


def line(row: Expected, found: Figure, plainly: bool, fine: bool) -> str:
    """One row of the table."""
    wide = found.half_width or 0.0
    scale, unit = (1.0, "s") if row.figure.endswith("_s") else (100.0, "%")
    ours = f"{found.value * scale:.3f} ± {wide * scale:.3f} {unit}"
    kind = "exact" if row.exact else "published"
    word = "yes" if plainly else "family" if fine else "NO"
    return f"{row.file:22} {row.figure:24} {ours:26} {row.value * scale:10.3f} {unit} {kind:9} {row.stated:>10}  {word}"


def main() -> int:
    """Run the FILEs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", help="names without .toml; none: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--calls", type=int, help="a replication, instead of the FILE's")
    parser.add_argument("--replications", type=int, help="instead of the FILE's")
    parser.add_argument("--seed", type=int, help="instead of the FILE's")
    arguments = parser.parse_args()
    rows = [row for row in all_rows() if not arguments.files or row.file in arguments.files]
    print(
        f"{'FILE':22} {'figure':24} {'ours, 95 % interval':26} {'must be':>12} {'by':9} {'stated':>10}  holds",
        flush=True,
    )
    results, calls, spent_s = [], 0, 0.0
    for file, wanted in groupby(rows, key=lambda row: row.file):
        whole = read_scenario(TomlFile.read(FOLDER / f"{file}.toml"))
        scenario = replace(
            whole,
            calls=arguments.calls or whole.calls,
            replications=arguments.replications or whole.replications,
            seed=whole.seed if arguments.seed is None else arguments.seed,
        )
        began = time.monotonic()

        def progress(done: int, tasks: int, so_far: int, file: str = file, began: float = began) -> None:
            spent = time.monotonic() - began
            print(f"{file}: {done} of {tasks} runs, {so_far:,} calls in {spent:.0f} s", file=sys.stderr, flush=True)

        (records,) = run_all(scenario, arguments.jobs, progress)
        calls += sum(record.arrived for record in records)
        spent_s += sum(record.took_s for record in records)
        found = figures([values_of(record, scenario) for record in records])
        for row in wanted:
            plainly, fine = verdict(row, found[row.figure], len(rows))
            print(line(row, found[row.figure], plainly, fine), flush=True)
            results.append((row, found[row.figure], plainly, fine))
    print(
        json.dumps(
            {
                "figures": len(results),
                "in_plain_interval": sum(plainly for _, _, plainly, _ in results),
                "outside": [f"{row.file} {row.figure}" for row, _, _, fine in results if not fine],
                "calls": calls,
                "calls_per_s_and_core": round(calls / spent_s),
            }
        )
    )
    return 0 if all(fine for _, _, _, fine in results) else 1


if __name__ == "__main__":
    sys.exit(main())
