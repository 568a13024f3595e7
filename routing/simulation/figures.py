"""Figures with 95 % confidence intervals, from what replications left behind. PURE.

Each replication gives one value of each figure; the interval is Student's t over these values, which are independent
because no two replications share a random number. Two plans met the same callers, so their difference is taken
replication by replication first (common random numbers) and then averaged: its interval is much narrower than that of
two strangers.

Denominators, as many disputes about service level are about them:

- offered: everybody who came; blocked: turned away at the door (no place, or a rule); let in: offered - blocked.
- ``wait_all``: of all who were let in, whatever became of them; ``wait_answered``: of the answered (the mean is ASA).
- ``within[T].of_offered``: answered within T s ÷ offered; ``of_accepted``: the same ÷ let in, hung up or not.
- occupancy: busy (talk and wrap-up) ÷ (busy + idle) while at work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import atan, ceil, cos, exp, lgamma, pi, sqrt
from statistics import fmean, stdev

from routing.simulation import record as r
from routing.simulation.model import Scenario
from routing.simulation.record import Record

SIMPSON = 400  # strips: seven digits
PERCENTILES = (50, 80, 90, 95, 99)

Values = Mapping[str, float]  # a figure's dotted name → its value in one replication


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over replications and its 95 % interval. ``half_width`` is None for a single replication."""

    value: float
    half_width: float | None
    replications: int = 1

    @property
    def low(self) -> float:
        """Lower end."""
        return self.value - (self.half_width or 0.0)

    @property
    def high(self) -> float:
        """Upper end."""
        return self.value + (self.half_width or 0.0)

    def holds(self, exact: float, of: int = 1) -> bool:
        """Whether a value lies in the interval. ``of``: so many intervals shall hold theirs together (Bonferroni)."""
        if self.half_width is None:
            return self.value == exact
        freedom = self.replications - 1
        wider = student(freedom, 1 - 0.025 / of) / student(freedom)
        return abs(self.value - exact) <= self.half_width * wider


@lru_cache
def student(freedom: int, chance: float = 0.975) -> float:
    """The quantile of Student's t, right to six digits. ``chance``: above 0.5.

    With x = sqrt(freedom) * tan(angle) the distribution is an integral of cos(angle) ** (freedom - 1): Simpson's rule,
    turned around by halving.
    """
    scale = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(pi)
    low, high = 0.0, 1e6
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        step = atan(middle / sqrt(freedom)) / SIMPSON
        heights = [cos(number * step) ** (freedom - 1) for number in range(SIMPSON + 1)]
        area = step / 3 * (heights[0] + heights[-1] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2]))
        low, high = (middle, high) if scale * area < chance - 0.5 else (low, middle)
    return high


def figure(values: Sequence[float]) -> Figure:
    """The mean of values of independent replications."""
    if len(values) < 2:
        return Figure(values[0], None)
    count = len(values)
    return Figure(fmean(values), student(count - 1) * stdev(values) / sqrt(count), count)


def figures(replications: Sequence[Values]) -> dict[str, Figure]:
    """Every figure that each replication has a value of."""
    common = [name for name in replications[0] if all(name in values for values in replications)]
    return {name: figure([values[name] for values in replications]) for name in common}


def differences(first: Sequence[Values], second: Sequence[Values]) -> dict[str, Figure]:
    """Second minus first, replication by replication."""
    pairs = [
        {name: two[name] - one[name] for name in one if name in two} for one, two in zip(first, second, strict=True)
    ]
    return figures(pairs)


def values_of(record: Record, scenario: Scenario) -> dict[str, float]:
    """Every figure of one replication. What nobody was there for (a mean of no calls) is left out."""
    calls = record.calls
    rows = list(zip(calls.kind, calls.wait_s, calls.outcome, strict=True))
    found = dict(_of_calls([(wait, end) for _, wait, end in rows], scenario.within_s))
    names = [kind.queue for kind in scenario.of(record.replication).callers]
    if len(queues := sorted(set(names))) > 1:
        for queue in queues:
            mine = [(wait, end) for kind, wait, end in rows if names[kind] == queue]
            found |= {f"queues.{queue}.{name}": value for name, value in _of_calls(mine, scenario.within_s)}
    found |= dict(_of_staff(record))
    samples = len(record.sampled_s)
    if samples:
        found["queue_length"] = sum(map(sum, record.waiting)) / samples
    return found


def _of_calls(rows: list[tuple[float, int]], within_s: Sequence[float]) -> Iterator[tuple[str, float]]:
    """Figures of some calls, each with its wait and its outcome."""
    ends = dict.fromkeys(range(5), 0)
    for _, end in rows:
        ends[end] += 1
    offered, let_in = len(rows), len(rows) - ends[r.BLOCKED]
    yield "offered", offered
    for name, end in OUTCOMES:
        yield name, ends[end]
        if offered:
            yield f"{name}_share", ends[end] / offered
    everybody = [wait for wait, end in rows if end != r.BLOCKED]
    answered = [wait for wait, end in rows if end == r.ANSWERED]
    if let_in:
        yield "waited_share", sum(wait > 0 for wait in everybody) / let_in
    yield from _of_waits("wait_all", everybody)
    yield from _of_waits("wait_answered", answered)
    for limit_s in within_s:
        in_time = sum(wait <= limit_s for wait in answered)
        if offered:
            yield f"within.{limit_s:g}.of_offered", in_time / offered
        if let_in:
            yield f"within.{limit_s:g}.of_accepted", in_time / let_in


OUTCOMES = (
    ("answered", r.ANSWERED),
    ("abandoned", r.ABANDONED),
    ("blocked", r.BLOCKED),
    ("treated", r.TREATED),  # sent away by a rule after waiting
    ("unfinished", r.PENDING),  # still waiting a day after the end
)


def _of_waits(name: str, waits: list[float]) -> Iterator[tuple[str, float]]:
    """Mean and percentiles (the smallest wait that so many do not exceed), in seconds."""
    if waits:
        waits = sorted(waits)
        yield f"{name}.mean_s", fmean(waits)
        for percent in PERCENTILES:
            yield f"{name}.p{percent}_s", waits[ceil(percent / 100 * len(waits)) - 1]


def _of_staff(record: Record) -> Iterator[tuple[str, float]]:
    names: dict[str, list[int]] = {}
    for number, name in enumerate(record.group_names):
        names.setdefault(name, []).append(number)
    for name, numbers in names.items():
        yield from _occupancy(f"occupancy.{name}", record, numbers)
    yield from _occupancy("occupancy_all", record, range(len(record.group_names)))


def _occupancy(name: str, record: Record, groups: Sequence[int]) -> Iterator[tuple[str, float]]:
    staffed_s = sum(record.staffed_s[group] for group in groups)
    if staffed_s:
        yield name, sum(record.busy_s[group] for group in groups) / staffed_s


def nested(found: Mapping[str, Figure], show: Callable[[Figure], object]) -> dict[str, object]:
    """``{"a.b": figure}`` as ``{"a": {"b": …}}``, for JSON."""
    tree: dict[str, object] = {}
    for name, one in found.items():
        *path, last = name.split(".")
        here = tree
        for part in path:
            below = here.setdefault(part, {})
            assert isinstance(below, dict)  # noqa: S101 -- a name is either a figure or a folder of figures
            here = below
        here[last] = show(one)
    return tree
