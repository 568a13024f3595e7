"""Figures and their intervals."""

from __future__ import annotations

import json
from random import Random

import pytest

from routing.simulation.figures import Figure, differences, figure, figures, nested, student


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.7062), (2, 4.30265), (9, 2.26216), (19, 2.09302), (100, 1.98397)]
)
def test_students_t(freedom: int, quantile: float) -> None:
    assert student(freedom) == pytest.approx(quantile, rel=1e-5)


def test_a_mean_and_its_interval() -> None:
    found = figure([1.0, 2.0, 3.0])
    assert found.value == 2
    assert found.half_width == pytest.approx(4.30265 / 3**0.5, rel=1e-5)
    assert found.holds(4.4) and not found.holds(4.5)
    assert found.holds(4.5, of=20)  # a family of twenty needs wider ones


def test_one_replication_has_no_interval() -> None:
    assert figure([5.0]) == Figure(5.0, None)
    assert not figure([5.0]).holds(5.1)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    random = Random(4)
    held = sum(figure([random.expovariate(1) + random.gauss(0, 1) for _ in range(8)]).holds(1.0) for _ in range(2_000))
    assert 0.92 < held / 2_000 < 0.97


def test_figures_that_a_replication_lacks_are_left_out() -> None:
    assert set(figures([{"a": 1.0, "b": 2.0}, {"a": 2.0}])) == {"a"}


def test_differences_are_taken_pair_by_pair() -> None:
    first = [{"wait": 10.0}, {"wait": 50.0}, {"wait": 90.0}]
    second = [{"wait": 11.0}, {"wait": 52.0}, {"wait": 93.0}]
    found = differences(first, second)["wait"]
    assert found.value == 2
    assert found.low < 2 < found.high
    assert found.low > -1  # though either alone varies by tens


def test_dotted_names_become_folders() -> None:
    tree = nested({"wait.mean_s": Figure(1.0, None), "wait.p50_s": Figure(2.0, None)}, lambda one: one.value)
    assert json.dumps(tree) == '{"wait": {"mean_s": 1.0, "p50_s": 2.0}}'
