"""The result as JSON: every figure as {"mean", "low", "high"}, shape in docs/simulation.md. PURE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from routing.simulation.figures import Figure, differences, figures, nested, values_of
from routing.simulation.model import Scenario
from routing.simulation.record import Record

# Six digits: more than any interval is narrow, and the same on every machine.
DIGITS = 6


def report(scenario: Scenario, records: Sequence[Sequence[Record]]) -> dict[str, Any]:
    """All plans' figures; with two or more plans also how each differs from the first."""
    values = [[values_of(record, scenario) for record in plan] for plan in records]
    found: dict[str, Any] = {
        "seed": scenario.seed,
        "replications": len(records[0]),
        "calls_simulated": sum(record.arrived for plan in records for record in plan),
        "plans": {plan.name: nested(figures(mine), _show) for plan, mine in zip(scenario.plans, values, strict=True)},
    }
    if len(values) > 1:
        found["differences"] = {
            f"{plan.name} - {scenario.plans[0].name}": nested(differences(values[0], mine), _show)
            for plan, mine in zip(scenario.plans[1:], values[1:], strict=True)
        }
    return found


def _show(one: Figure) -> dict[str, float | None]:
    if one.half_width is None:
        return {"mean": _round(one.value), "low": None, "high": None}
    return {"mean": _round(one.value), "low": _round(one.low), "high": _round(one.high)}


def _round(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
