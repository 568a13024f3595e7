"""The engine reproduces exact results: every FILE of docs/simulations, in small.

The intervals of all figures of all FILEs are read together: 95 % for the whole family (Bonferroni), so that an honest
engine fails one seed in twenty, and the seed here is fixed. `scripts/soak oracles` runs the same FILEs long.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import pytest

from cti.cli.simulation_file import read_scenario
from cti.tomlfile import TomlFile
from routing.simulation.batch import run_all
from routing.simulation.figures import Figure, figures, values_of
from routing.simulation.model import Scenario
from tests.soak._exact import FOLDER, all_rows, lines, plain

ROWS = all_rows()
BY_FILE = {file: list(rows) for file, rows in groupby(ROWS, key=lambda row: row.file)}
# Arrivals before counting. A desk forgets that it began empty within some (√agents - √Erlangs)⁻² mean talks: fifty
# agents at 96 % load 2,350 calls, single skills at 84 Erlang 5,000 (fewer, as the places are soon full). What is left
# of the beginning is small beside intervals as wide as these.
WARM_UP = {"erlang-50": 3_000, "skills-84-1": 2_500, "skills-90-1": 2_000, "skills-77_4-1": 1_500}
# Fewer events than this in all replications together tell nothing about a rare one.
EVENTS = 20
# A published figure is rounded, and has an error of its own.
ROUNDED = 0.01
CALLS, REPLICATIONS = 1_200, 5


def scenario(file: str) -> Scenario:
    return read_scenario(TomlFile.read(FOLDER / f"{file}.toml"))


def in_small(whole: Scenario, calls: int = CALLS, warm_up: int = 600) -> dict[str, Figure]:
    """The figures of its only plan."""
    small = replace(whole, calls=calls, warm_up=warm_up, replications=REPLICATIONS)
    return figures([values_of(record, small) for record in run_all(small)[0]])


def test_every_file_has_its_figures_and_every_figure_its_file() -> None:
    assert {path.stem for path in FOLDER.glob("erlang-*.toml")} | {
        path.stem for path in FOLDER.glob("skills-*.toml")
    } == (set(BY_FILE))


@pytest.mark.parametrize("file", BY_FILE)
def test_the_engine_gives_the_exact_figures(file: str) -> None:
    found = in_small(scenario(file), warm_up=WARM_UP.get(file, 600))
    for row in BY_FILE[file]:
        figure = found[row.figure]
        if row.figure == "blocked_share" and row.value * CALLS * REPLICATIONS < EVENTS:
            assert figure.value * CALLS * REPLICATIONS < EVENTS
        elif row.exact:
            assert figure.holds(row.value, of=len(ROWS)), (row, figure)
        else:
            near = row.value * (1 - ROUNDED), row.value * (1 + ROUNDED)
            assert any(figure.holds(value, of=len(ROWS)) for value in near), (row, figure)


def test_one_agent_too_few_would_be_noticed() -> None:
    """The intervals are narrow enough to tell."""
    whole = scenario("erlang-14")
    (plan,) = whole.plans
    fewer = replace(plan, staff=(replace(plan.staff[0], count=13),))
    found = in_small(replace(whole, plans=(fewer,)), calls=3_000)
    assert not found["within.20.of_offered"].holds(0.8476)


def test_the_wrong_denominator_would_be_noticed() -> None:
    """At 90 Erlang with single skills one caller in thirteen is turned away."""
    found = in_small(scenario("skills-90-1"), warm_up=2_000)
    exact = lines(6, 90)
    assert found["within.20.of_offered"].holds(exact.within_offered, of=len(ROWS))
    assert found["within.20.of_accepted"].holds(exact.within_accepted, of=len(ROWS))
    ratio = found["within.20.of_offered"].value / found["within.20.of_accepted"].value
    assert ratio == pytest.approx(1 - exact.blocked, abs=0.03)


# --- The formulas give what the reference states ---


def test_the_formulas_give_the_published_figures() -> None:
    line = plain(50, 48, 60)
    assert line.waits == pytest.approx(0.694, abs=0.0005)
    assert line.wait_s == pytest.approx(20.8, abs=0.05)
    impatient = plain(50, 48, 60, patience_s=120)
    assert impatient.abandoned == pytest.approx(0.0309, abs=0.00005)
    assert (impatient.wait_s, impatient.wait_answered_s) == pytest.approx((3.7, 3.6), abs=0.05)
    assert impatient.occupancy == pytest.approx(0.930, abs=0.0005)
    desk = lines(1, 84)
    assert desk.blocked == pytest.approx(0.00364, abs=0.000005)
    assert desk.wait_s == pytest.approx(0.450 * 60, abs=0.03)
    assert (desk.within_accepted, desk.within_offered) == pytest.approx((0.699, 0.6965), abs=0.0005)


def test_exact_figures_lie_near_the_published_simulation() -> None:
    """3 × 360,000 calls leave an error: the largest is 6 %, of the blocked at 90 Erlang."""
    exact = [row for row in ROWS if row.exact and row.file.startswith("skills")]
    near = [row for row in exact if not row.file.startswith("skills-84-6")]
    assert near
    for row in near:
        number, unit = row.stated.split()
        stated = float(number) * {"%": 0.01, "min": 60.0, "s": 1.0}[unit]
        assert row.value == pytest.approx(stated, rel=0.07, abs=0.0001), row


def test_two_lines_of_one_agent_by_hand() -> None:
    """One kind, one agent, one place at one Erlang: three states, equally likely."""
    assert plain(1, 1, 60, places=1).blocked == pytest.approx(1 / 3)
    assert lines(1, 1, agents=1, places=1).blocked == pytest.approx(1 / 3)
