"""The estimator: turns, hang-ups, those who overtake, plans; and what is remembered of a queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import inf
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.expected import FIRST_GUESS_S, Flow, Line, Overtaking, estimate, in_steps

NOW = datetime(2026, 7, 18, 9, 0, tzinfo=UTC)


def line(callers: float, handle_s: float = 200.0, hang_up_hz: float = 0.0) -> Line:
    return Line(callers=callers, handle_s=handle_s, hang_up_hz=hang_up_hz)


def test_nobody_at_work_gives_no_estimate() -> None:
    assert estimate([line(3)], agents=0, handle_s=200) is None


def test_turns_of_a_plain_queue() -> None:
    found = estimate([line(4)], agents=10, handle_s=200)
    assert found is not None
    assert found.mean_s == pytest.approx(5 * 200 / 10)
    assert found.half_s < found.mean_s < found.most_s


def test_the_median_is_the_median() -> None:
    """Against drawing: nine callers before ours, twenty agents, patience of two minutes."""
    random = Random(1)
    waits = [sum(random.expovariate(20 / 300 + j / 120) for j in range(10)) for _ in range(4_000)]
    found = estimate([line(9, 300, 1 / 120)], agents=20, handle_s=300)
    assert found is not None
    assert found.half_s == pytest.approx(median(waits), rel=0.03)
    assert found.most_s == pytest.approx(sorted(waits)[3_600], rel=0.05)


def test_calls_of_different_length_count_by_their_length() -> None:
    found = estimate([line(2, 100), line(1, 700)], agents=10, handle_s=300)
    assert found is not None
    assert found.mean_s == pytest.approx((200 + 700 + 300) / 10)


def test_hang_ups_shorten_a_long_line() -> None:
    patient, impatient = (estimate([line(100, 200, rate)], agents=10, handle_s=200) for rate in (0.0, 1 / 120))
    assert patient is not None and impatient is not None
    assert impatient.mean_s < patient.mean_s / 3


def test_callers_who_did_not_wait_say_nothing_of_patience() -> None:
    flow = Flow()
    for hung_up in (True, False):
        flow.left(400, hung_up=hung_up)
    known = flow.hang_up_hz
    for _ in range(200):
        flow.left(0, hung_up=False)
    assert flow.hang_up_hz == known > 0


def test_more_than_a_few_turns_are_added_without_a_jump() -> None:
    waits = [estimate([line(callers, 200, 1 / 300)], agents=10, handle_s=200) for callers in range(28, 40)]
    means = [wait.mean_s for wait in waits if wait is not None]
    steps = [after - before for before, after in pairwise(means)]
    assert len(steps) == 11
    assert all(after <= before for before, after in pairwise(steps))


def test_overtaking_makes_longer_until_ageing_ends_it() -> None:
    plain = estimate([line(4)], agents=10, handle_s=200)
    for_ever = estimate([line(4)], agents=10, handle_s=200, overtaking=[Overtaking(work=5, until_s=inf)])
    a_minute = estimate([line(4)], agents=10, handle_s=200, overtaking=[Overtaking(work=5, until_s=60)])
    assert plain is not None and for_ever is not None and a_minute is not None
    assert for_ever.mean_s == pytest.approx(200)  # half of the agents are away
    assert a_minute.mean_s == pytest.approx(100 + 0.5 * 60)


def test_too_much_overtaking_stays_finite() -> None:
    found = estimate([], agents=2, handle_s=200, overtaking=[Overtaking(work=50, until_s=inf)])
    assert found is not None
    assert found.mean_s == pytest.approx(1000)


def test_a_plan_waits_for_the_step_that_comes_first() -> None:
    assert in_steps([(0, 300.0), (20, 40.0)]) == 40  # others may take the call from 20 s on, and need 40 s
    assert in_steps([(0, 300.0), (60, 40.0)]) == 60
    assert in_steps([(0, 10.0), (60, 1.0)]) == 10
    assert in_steps([(0, None), (60, 1.0)]) == 60
    assert in_steps([(0, None)]) is None


def test_a_flow_remembers_lengths_and_hang_ups() -> None:
    flow = Flow()
    assert flow.handle_s == FIRST_GUESS_S
    for _ in range(200):
        flow.handled(600)
    assert flow.handle_s == pytest.approx(600, rel=0.01)
    flow.left(10, hung_up=True)
    assert flow.hang_up_hz == 0  # one caller is no statistics
    for number in range(900):
        flow.left(60, hung_up=number % 3 == 0)
    assert flow.hang_up_hz == pytest.approx(1 / 180, rel=0.05)


def test_a_flow_counts_arrivals_of_lately() -> None:
    flow = Flow()
    assert flow.arrivals_hz(NOW) == 0
    for second in range(0, 1800, 10):
        flow.came(NOW + timedelta(seconds=second))
    assert flow.arrivals_hz(NOW + timedelta(seconds=1800)) == pytest.approx(0.1, rel=0.05)
    assert flow.arrivals_hz(NOW + timedelta(seconds=7200)) < 0.001


@given(
    st.lists(st.tuples(st.floats(0, 500), st.floats(1, 3600), st.floats(0, 0.1)), max_size=5),
    st.integers(1, 500),
    st.floats(1, 3600),
)
def test_estimates_are_sane(parts: list[tuple[float, float, float]], agents: int, handle_s: float) -> None:
    lines = [line(*part) for part in parts]
    found, more = (estimate(lines, agents=count, handle_s=handle_s) for count in (agents, agents + 1))
    assert found is not None and more is not None
    assert 0 < found.half_s <= found.most_s < inf
    assert more.mean_s <= found.mean_s
