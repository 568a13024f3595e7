"""Tests on real components, on a machine whose host takes its processors away: such a failure is tried again, and said.

A phone that plays a tone sends a packet each 20 ms, and what is promised within seconds is measured on a clock. When the
host of a virtual machine gives its time to others (proc(5), stat: steal), sound is missing that nothing of ours lost.
A test that fails without that is never run again. docs/decisions/0311.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import pytest

STAT = Path("/proc/stat")
ON_REAL_COMPONENTS = ("tests/e2e/", "tests/contract/")
# A machine of one's own loses well below one hundredth. Of what was seen to fail, the least stolen was a fifth.
HELD_UP = 0.05
TRIES_MORE, PAUSE_S = 2, 5


class Processors(NamedTuple):
    """Time of all processors since the machine began, in ticks."""

    total: int
    stolen: int

    @staticmethod
    def now() -> Processors:
        ticks = [int(n) for n in STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
        return Processors(sum(ticks), ticks[7])

    def share_stolen_since(self, before: Processors) -> float:
        """From 0 to 1; 0 when no tick has passed."""
        return (self.stolen - before.stolen) / max(self.total - before.total, 1)


_BEGAN = pytest.StashKey[Processors]()
_SUITE_BEGAN = pytest.StashKey[tuple[float, Processors]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SUITE_BEGAN] = (time.monotonic(), Processors.now())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(ON_REAL_COMPONENTS):
            item.add_marker(pytest.mark.flaky(reruns=TRIES_MORE, reruns_delay=PAUSE_S, condition=_held_up(item)))


def _held_up(item: pytest.Item) -> object:
    """Asked after a failure: was this try of the test held up?"""
    return lambda: Processors.now().share_stolen_since(item.stash[_BEGAN]) >= HELD_UP


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Each try has its own beginning."""
    item.stash[_BEGAN] = Processors.now()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What the machine was like, for whoever reads why the suite was slow or a test was run again."""
    began_s, before = config.stash[_SUITE_BEGAN]
    share = Processors.now().share_stolen_since(before)
    terminalreporter.write_line(
        f"The host took {share:.0%} of the processors' time in {time.monotonic() - began_s:.0f} s; "
        f"tests run again because of that: {len(terminalreporter.stats.get('rerun', []))}"
    )
