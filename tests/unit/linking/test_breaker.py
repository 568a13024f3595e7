"""The breaker opens after failures in a row, probes after a rest, and every pair of state and event is known."""

from __future__ import annotations

import itertools

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cti.linking.breaker import MOVES, Breaker, BreakerEvent, BreakerState

EXPECTED = {
    (BreakerState.CLOSED, BreakerEvent.TOO_MANY): BreakerState.OPEN,
    (BreakerState.OPEN, BreakerEvent.RESTED): BreakerState.PROBING,
    (BreakerState.OPEN, BreakerEvent.SUCCESS): BreakerState.CLOSED,
    (BreakerState.PROBING, BreakerEvent.SUCCESS): BreakerState.CLOSED,
    (BreakerState.PROBING, BreakerEvent.FAILURE): BreakerState.OPEN,
    (BreakerState.PROBING, BreakerEvent.TOO_MANY): BreakerState.OPEN,
    (BreakerState.PROBING, BreakerEvent.GAVE_UP): BreakerState.OPEN,
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(BreakerState, BreakerEvent)))
def test_every_pair(state: BreakerState, event: BreakerEvent) -> None:
    assert MOVES[state].get(event, state) is EXPECTED.get((state, event), state)


def test_it_opens_probes_once_and_closes() -> None:
    breaker = Breaker(failures=2, rest_s=10)
    assert breaker.may_ask(0)
    breaker.failed(0)
    assert breaker.may_ask(1)
    breaker.failed(1)
    assert not breaker.may_ask(10.9)
    assert breaker.may_ask(11)  # the probe
    assert not breaker.may_ask(11)  # nobody else meanwhile
    breaker.succeeded()
    assert breaker.may_ask(11)


def test_a_failed_probe_rests_again() -> None:
    breaker = Breaker(failures=1, rest_s=10)
    breaker.failed(0)
    assert breaker.may_ask(10)
    breaker.failed(10)
    assert not breaker.may_ask(19.9)
    assert breaker.may_ask(20)


def test_success_between_failures_starts_the_count_anew() -> None:
    breaker = Breaker(failures=2, rest_s=10)
    breaker.failed(0)
    breaker.succeeded()
    breaker.failed(0)
    assert breaker.state is BreakerState.CLOSED


def test_the_service_s_own_wish_is_kept() -> None:
    breaker = Breaker(failures=5, rest_s=10)
    breaker.failed(0, retry_after_s=30)
    assert not breaker.may_ask(29)
    assert breaker.may_ask(30)


def test_a_probe_that_was_cancelled_lets_the_next_one_try() -> None:
    breaker = Breaker(failures=1, rest_s=10)
    breaker.failed(0)
    assert breaker.may_ask(10)
    breaker.gave_up(10)
    assert breaker.may_ask(10)


class AnyBreaker(RuleBasedStateMachine):
    """Whatever happens, it asks again after a rest at the latest."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(failures=3, rest_s=10)
        self.now_s = 0.0
        self.probes = 0

    @rule()
    def ask(self) -> None:
        probing = self.breaker.state is not BreakerState.CLOSED
        if self.breaker.may_ask(self.now_s) and probing:
            self.probes += 1

    @rule()
    def fail(self) -> None:
        self.breaker.failed(self.now_s)
        self.probes = 0

    @rule()
    def succeed(self) -> None:
        self.breaker.succeeded()
        self.probes = 0

    @rule()
    def give_up(self) -> None:
        self.breaker.gave_up(self.now_s)
        self.probes = 0

    @rule()
    def wait(self) -> None:
        self.now_s += 4

    @invariant()
    def one_probe_at_a_time(self) -> None:
        assert self.probes <= 1

    @invariant()
    def open_ends(self) -> None:
        if self.breaker.state is BreakerState.OPEN:
            assert self.breaker._until_s <= self.now_s + 10


TestAnyBreaker = AnyBreaker.TestCase
