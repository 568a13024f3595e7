"""The engine reproduces exact results: Erlang C and A, first come first served.

Intervals are nominally 99 %. Tried with many seeds, the mean over seeds was always within 1.3 standard errors of the
exact value, and the intervals held it: small desk 24 of 24 runs; larger desk 16 of 16 ("within 20 s") and 14 of 16
(mean wait); 50 agents at 96 % load 11 of 12 (chance to wait) and 8 of 12 (mean wait: few very long queues make any
short run too sure of itself). One seed is fixed here, so that the tests say the same each time.
"""

from __future__ import annotations

from math import exp, factorial

import pytest

from routing.simulate import CallType, Scenario, Simulation


def desk(agents: int, *, calls_per_h: float, talk_s: float, patience_s: float | None = None, calls: int) -> Simulation:
    scenario = Scenario(
        types=(CallType(rate_hz=calls_per_h / 3600),),
        agents=tuple({} for _ in range(agents)),
        talk_s=talk_s,
        patience_s=patience_s,
        calls=calls,
        warm_up=2_000,
        seed=1,
    )
    return Simulation(scenario).run()


def erlang_c(agents: int, erlangs: float) -> float:
    """The chance to wait."""
    last = erlangs**agents / factorial(agents) * agents / (agents - erlangs)
    return last / (sum(erlangs**k / factorial(k) for k in range(agents)) + last)


def test_the_formula_gives_the_published_figures() -> None:
    waits = erlang_c(50, 48)
    assert waits == pytest.approx(0.694, abs=0.001)
    assert waits * 60 / 2 == pytest.approx(20.8, abs=0.05)  # mean wait = P(wait) × talk ÷ (agents − erlangs)
    for agents, erlangs, within_20_s in ((14, 10, 0.848), (47, 40, 0.838)):
        exact = 1 - erlang_c(agents, erlangs) * exp(-(agents - erlangs) * 20 / 600)
        assert exact == pytest.approx(within_20_s, abs=0.001)


def test_fifty_agents_close_to_their_limit() -> None:
    run = desk(50, calls_per_h=48 * 60, talk_s=60, calls=40_000)
    assert run.waited.holds(0.694)
    assert run.mean_wait_s.holds(20.8)
    assert run.waited.half_width < 0.2
    assert run.mean_wait_s.half_width < 15


def test_the_same_with_callers_who_hang_up() -> None:
    run = desk(50, calls_per_h=48 * 60, talk_s=60, patience_s=120, calls=25_000)
    assert run.abandoned.holds(0.0309)
    assert run.mean_wait_s.holds(3.7)
    assert run.mean_wait_answered_s.holds(3.6)
    assert run.occupancy.holds(0.930)
    assert run.occupancy.half_width < 0.04
    assert run.abandoned.half_width < 0.02


def test_a_small_desk() -> None:
    run = desk(14, calls_per_h=60, talk_s=600, calls=25_000)
    assert run.within(20).holds(0.848)
    assert run.occupancy.holds(10 / 14)
    assert run.within(20).half_width < 0.04
    assert run.occupancy.half_width < 0.02


def test_a_larger_desk() -> None:
    run = desk(47, calls_per_h=240, talk_s=600, calls=25_000)
    assert run.within(20).holds(0.838)
    assert run.mean_wait_s.holds(17.6)
    assert run.within(20).half_width < 0.08


def test_one_agent_too_few_would_be_noticed() -> None:
    """The interval is narrow enough to tell."""
    run = desk(13, calls_per_h=60, talk_s=600, calls=25_000)
    assert not run.within(20).holds(0.848)


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = (desk(14, calls_per_h=60, talk_s=600, calls=2_000) for _ in range(2))
    assert first.mean_wait_s == second.mean_wait_s
