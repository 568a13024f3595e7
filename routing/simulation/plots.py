"""Four pictures of a simulation, in Japanese and English: waits, service level, occupancy, callers waiting."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from importlib import resources
from statistics import fmean

from routing.simulation import record as r
from routing.simulation.figures import figure, values_of
from routing.simulation.model import HOUR_S, Scenario
from routing.simulation.record import Record
from routing.simulation.svg import Axis, Bar, Line, bars, chart, steps

LANGUAGES = ("ja", "en")
CURVE = 200  # points of the distribution
PARTS = 24  # of the time, for the service level: an hour of a day each
SHOWN = 40  # groups with a bar of their own; more are a number
CALM = 4  # samples that make one point of the line of callers waiting: 20 minutes of a day
# The distribution is drawn up to here; the last 0.5 % would take most of the width.
DRAWN = 0.995

Records = Sequence[Sequence[Record]]  # by plan, then by replication


def plots(scenario: Scenario, records: Records) -> Iterator[tuple[str, str]]:
    """(file name, SVG) of every picture in every language."""
    pictures: dict[str, Callable[[Scenario, Records, Mapping[str, str]], str]] = {
        "waits": _waits,
        "service": _service,
        "occupancy": _occupancy,
        "queue": _queue,
    }
    for language in LANGUAGES:
        for name, draw in pictures.items():
            yield f"{name}.{language}.svg", draw(scenario, records, words(language))


@cache
def words(language: str) -> Mapping[str, str]:
    """The catalogue."""
    text = resources.files("routing.simulation").joinpath(f"words.{language}.json").read_text(encoding="utf-8")
    found: dict[str, str] = json.loads(text)
    return found


def _waits(scenario: Scenario, records: Records, say: Mapping[str, str]) -> str:
    columns = []
    for plan in records:
        pairs = (pair for record in plan for pair in zip(record.calls.wait_s, record.calls.outcome, strict=True))
        columns.append(sorted(wait for wait, end in pairs if end != r.BLOCKED) or [0.0])
    limit = max(scenario.within_s, default=1.0)
    high = max(limit * 1.2, *(column[int(DRAWN * (len(column) - 1))] for column in columns))
    ticks = steps(0.0, high)
    lines = [
        Line(name=plan.name, points=_shares(column, ticks[-1]))
        for plan, column in zip(scenario.plans, columns, strict=True)
    ]
    return chart(
        say["waits_title"],
        say["waits_text"],
        Axis(label=say["waits_x"], low=0, high=ticks[-1], ticks=[(tick, f"{tick:g}") for tick in ticks]),
        _percents(say["waits_y"]),
        lines,
        [(limit, f"{limit:g} s") for limit in scenario.within_s],
    )


def _shares(column: Sequence[float], high: float) -> list[tuple[float, float]]:
    """How many do not exceed each of CURVE waits."""
    points, place = [], 0
    for number in range(CURVE + 1):
        at = high * number / CURVE
        while place < len(column) and column[place] <= at:
            place += 1
        points.append((at, place / len(column)))
    return points


def _service(scenario: Scenario, records: Records, say: Mapping[str, str]) -> str:
    limit = scenario.within_s[0] if scenario.within_s else 20.0
    lines = []
    for plan, mine in zip(scenario.plans, records, strict=True):
        points, band = [], []
        for middle_h, values in _by_part(mine, limit):
            found = figure(values)
            points.append((middle_h, found.value))
            band.append((middle_h, max(0.0, found.low), min(1.0, found.high)))
        lines.append(Line(name=plan.name, points=points, band=band))
    return chart(
        say["service_title"].format(limit=f"{limit:g}"),
        say["service_text"].format(limit=f"{limit:g}"),
        _hours(scenario, records, say),
        _percents(say["service_y"]),
        lines,
    )


def _by_part(records: Sequence[Record], limit_s: float) -> Iterator[tuple[float, list[float]]]:
    """(middle of a part in hours since counting began, the share in time of each replication) where somebody came."""
    length_s = max(record.to_s - record.from_s for record in records) or 1.0
    table = [[[0, 0] for _ in range(PARTS)] for _ in records]
    for row, record in zip(table, records, strict=True):
        calls = record.calls
        for at_s, wait_s, end in zip(calls.at_s, calls.wait_s, calls.outcome, strict=True):
            part = row[min(PARTS - 1, int((at_s - record.from_s) / length_s * PARTS))]
            part[0] += 1
            part[1] += end == r.ANSWERED and wait_s <= limit_s
    for number in range(PARTS):
        values = [row[number][1] / row[number][0] for row in table if row[number][0]]
        if values:
            yield (number + 0.5) * length_s / PARTS / HOUR_S, values


def _occupancy(scenario: Scenario, records: Records, say: Mapping[str, str]) -> str:
    tables = [[values_of(record, scenario) for record in plan] for plan in records]
    keys = list(dict.fromkeys(f"occupancy.{staff.group}" for plan in scenario.plans for staff in plan.staff))
    rows = []
    for key in ["occupancy_all", *keys[:SHOWN]]:
        label = say["occupancy_all"] if key == "occupancy_all" else key.removeprefix("occupancy.")
        row = []
        for number, table in enumerate(tables):
            values = [found[key] for found in table if key in found]
            if values:
                found = figure(values)
                row.append(Bar(label=label, series=number, value=found.value, low=found.low, high=found.high))
        if row:
            rows.append(row)
    more = len(keys) - SHOWN
    label = say["occupancy_x"] + (f" ({say['occupancy_more'].format(count=more)})" if more > 0 else "")
    names = [plan.name for plan in scenario.plans]
    return bars(say["occupancy_title"], say["occupancy_text"], label, rows, names)


def _queue(scenario: Scenario, records: Records, say: Mapping[str, str]) -> str:
    lines = []
    for plan, mine in zip(scenario.plans, records, strict=True):
        count = min(len(record.sampled_s) for record in mine)
        points, band = [], []
        for number in range(0, count, CALM):
            at_h = (mine[0].sampled_s[number] - mine[0].from_s) / HOUR_S
            lengths = sorted(
                fmean(sum(column[at] for column in record.waiting) for at in range(number, min(number + CALM, count)))
                for record in mine
            )
            points.append((at_h, sum(lengths) / len(lengths)))
            band.append((at_h, lengths[int(0.1 * (len(lengths) - 1))], lengths[round(0.9 * (len(lengths) - 1))]))
        lines.append(Line(name=plan.name, points=points, band=band))
    high = max((top for line in lines for _, _, top in line.band), default=1)
    ticks = steps(0.0, max(high, 4))
    y = Axis(label=say["queue_y"], low=0, high=ticks[-1], ticks=[(tick, f"{tick:g}") for tick in ticks])
    return chart(say["queue_title"], say["queue_text"], _hours(scenario, records, say), y, lines)


def _percents(label: str) -> Axis:
    ticks = [(percent / 100, f"{percent} %") for percent in range(0, 101, 20)]
    return Axis(label=label, low=0.0, high=1.0, ticks=ticks)


def _hours(scenario: Scenario, records: Records, say: Mapping[str, str]) -> Axis:
    """The clock on the wall for up to two days, else hours since counting began."""
    high = max(record.to_s - record.from_s for plan in records for record in plan) / HOUR_S or 1.0
    scenario = scenario.of(0)
    if scenario.hours is None or high > 48:
        ticks = [tick for tick in steps(0.0, high, 8) if tick <= high]
        return Axis(label=say["hours"], low=0.0, high=high, ticks=[(tick, f"{tick:g}") for tick in ticks])
    begin = scenario.start + timedelta(hours=scenario.warm_up)
    every = next(hours for hours in (1, 2, 3, 6) if high / hours <= 12)
    first = (60 - begin.minute) % 60 / 60
    marks = [first + number for number in range(int(high - first) + 1)]
    shown = [(at, (begin + timedelta(hours=at)).hour) for at in marks]
    return Axis(
        label=say["clock"],
        low=0.0,
        high=high,
        ticks=[(at, f"{hour}:00" if at < 24 or hour else "24:00") for at, hour in shown if hour % every == 0],
    )
