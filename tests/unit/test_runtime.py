"""The interpreter's settings for a process that must not pause."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from cti.wiring import runtime


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds, interval_s = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    sys.setswitchinterval(interval_s)


def test_what_lives_until_the_end_is_not_looked_at_again() -> None:
    frozen = gc.get_freeze_count()
    runtime.settle()
    assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == (runtime.YOUNG, runtime.MIDDLE, runtime.OLD)


def test_cycles_are_still_found() -> None:
    runtime.settle()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.collect() > 0


def test_a_thread_gives_way_soon() -> None:
    runtime.settle()
    assert sys.getswitchinterval() == pytest.approx(runtime.SWITCH_S)
