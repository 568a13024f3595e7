"""The interpreter's settings for a process that must not pause."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

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


GO_FIRST = """
import os, sys
from pathlib import Path
from cti.wiring import runtime
try:
    os.setpriority(os.PRIO_PROCESS, 0, runtime.NICENESS)
    allowed = True
    os.setpriority(os.PRIO_PROCESS, 0, 0)
except OSError:
    allowed = False
runtime.go_first(Path(sys.argv[1]))
assert os.getpriority(os.PRIO_PROCESS, 0) == (runtime.NICENESS if allowed else 0)
"""


@pytest.mark.parametrize("leads_a_session", [True, False])
def test_only_a_session_of_our_own_is_put_first(leads_a_session: bool, tmp_path: Path) -> None:
    group = tmp_path / "autogroup"
    command = [sys.executable, "-c", GO_FIRST, str(group)]
    done = subprocess.run(command, start_new_session=leads_a_session, timeout=30, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert group.exists() == leads_a_session
