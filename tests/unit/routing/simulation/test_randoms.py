"""Random numbers that belong to the caller."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice, takewhile
from math import inf
from random import Random
from statistics import fmean, stdev

import pytest

from routing.simulation.model import (
    Callers,
    Exponential,
    Fixed,
    Instants,
    Listed,
    Lognormal,
    Rate,
    RateByHour,
)
from routing.simulation.randoms import callers, durations, instants

NINE = datetime(2026, 7, 18, 9, 30, tzinfo=UTC)


def drawn(of: Exponential | Lognormal, count: int = 20_000) -> list[float]:
    draw = durations(of, Random(1))
    return [draw() for _ in range(count)]


def test_durations() -> None:
    values = drawn(Exponential(60.0))
    assert (fmean(values), stdev(values)) == pytest.approx((60, 60), rel=0.03)
    values = drawn(Lognormal(300.0, 0.5))
    assert (fmean(values), stdev(values)) == pytest.approx((300, 150), rel=0.03)
    assert [durations(Fixed(7.0), Random(1))() for _ in range(2)] == [7, 7]
    draw = durations(Listed((1.0, 2.0)), Random(1))
    assert [draw() for _ in range(3)] == [1, 2, 1]


def test_a_steady_rate() -> None:
    found = list(takewhile(lambda at: at < 3600 * 100, instants(Rate(60.0), NINE, Random(1))))
    assert len(found) == pytest.approx(6_000, rel=0.05)
    assert found == sorted(found)


def test_a_rate_by_hour_follows_the_clock() -> None:
    """From 9:30 on: nobody before 10:00, many from 10:00 to 11:00, nobody for the rest of the day."""
    rates = [0.0] * 24
    rates[10] = 3_000.0
    found = list(takewhile(lambda at: at < 86_400, instants(RateByHour(tuple(rates)), NINE, Random(1))))
    assert len(found) == pytest.approx(3_000, rel=0.1)
    assert min(found) >= 1_800 and max(found) <= 1_800 + 3_600
    # Evenly over the hour, not heaped at an end.
    assert fmean(found) == pytest.approx(3_600, rel=0.03)


def test_a_rate_by_hour_that_is_the_same_all_day_is_a_steady_one() -> None:
    found = list(islice(instants(RateByHour((60.0,) * 24), NINE, Random(1)), 5_000))
    gaps = [after - before for before, after in zip([0.0, *found], found, strict=False)]
    assert (fmean(gaps), stdev(gaps)) == pytest.approx((60, 60), rel=0.05)


def test_a_caller_is_the_same_whatever_the_rest_of_the_desk() -> None:
    kind = Callers(name="a", queue="q", arrivals=Rate(60.0), talk=Exponential(60.0), patience=Exponential(60.0))
    one = list(islice(callers(kind, NINE, 1, 0), 10))
    assert one == list(islice(callers(kind, NINE, 1, 0), 10))
    assert one != list(islice(callers(kind, NINE, 1, 1), 10))
    assert one != list(islice(callers(kind, NINE, 2, 0), 10))
    assert one != list(islice(callers(replace(kind, name="b"), NINE, 1, 0), 10))
    longer = Callers(name="a", queue="q", arrivals=Rate(60.0), talk=Fixed(5.0), patience=Exponential(60.0))
    other = list(islice(callers(longer, NINE, 1, 0), 10))
    assert [(at, patience) for at, _, patience in one] == [(at, patience) for at, _, patience in other]


def test_who_never_hangs_up_has_endless_patience() -> None:
    kind = Callers(name="a", queue="q", arrivals=Instants((1.0, 5.0)), talk=Fixed(5.0))
    assert list(callers(kind, NINE, 1, 0)) == [(1, 5, inf), (5, 5, inf)]
