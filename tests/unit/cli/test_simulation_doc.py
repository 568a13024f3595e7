"""docs/simulation.md names every key of a FILE and every figure of a result, and its example can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel

from cti.cli.simulation_file import SimulationFile, read_scenario
from cti.tomlfile import TomlFile, model_in
from routing.simulation.batch import run_all
from routing.simulation.figures import values_of

FOLDER = Path(__file__).parents[3] / "docs"
TEXT = (FOLDER / "simulation.md").read_text(encoding="utf-8")


def keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        inner = model_in(field.annotation)
        if inner is not None:
            yield from keys(inner)


@pytest.mark.parametrize("key", sorted(set(keys(SimulationFile)) - {"cv", "simulation"}))
def test_every_key_is_there(key: str) -> None:
    assert f"`{key}`" in TEXT or f"`[[{key}]]`" in TEXT or f"{{ {key} = " in TEXT


def test_every_figure_is_there() -> None:
    scenario = replace(read_scenario(TomlFile.read(FOLDER / "simulations" / "two-plans.toml")), replications=1)
    values = values_of(run_all(scenario)[0][0], scenario)
    heads = {name.split(".")[0] for name in values if not name.endswith("_share")}
    parts = {part for name in values for part in name.split(".")[1:2] if part.endswith("_s") or part.startswith("p")}
    assert {"offered", "within", "occupancy", "queues"} <= heads
    assert [name for name in sorted(heads | parts) if f"`{name}" not in TEXT] == []


def test_the_example_is_a_part_of_one_that_can_be_read() -> None:
    """Its plans want what its agents have: it is read as it stands, but for the callers' second kind."""
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    scenario = read_scenario(TomlFile("example", example))
    assert [plan.name for plan in scenario.plans] == ["now", "rings"]
    assert scenario.plans[0].waiting_places == 30
