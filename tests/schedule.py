"""Which tests run on one worker, and which of them begin: the suite is as long as its busiest worker.

What shares a desk stays together, or each worker would start that desk again; what takes longest begins, or the last of
it would run alone.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Folders whose tests share an Asterisk and what belongs to it, for as long as they run.
SHARED_DESKS = tuple(
    f"tests/e2e/{folder}/"
    for folder in ("desk", "recording", "queues", "callbacks", "ivr", "dialplan", "fallback", "softphone")
)
# By the seconds they take, as measured; whatever is not named follows as it was collected.
LONGEST_FIRST = (
    "tests/e2e/desk/",
    "tests/e2e/reliability/test_slice.py",
    "tests/e2e/recording/",
    "tests/e2e/queues/",
    "tests/e2e/callbacks/",
    "tests/e2e/ivr/",
    "tests/e2e/dialplan/",
    "tests/e2e/fallback/",
    "tests/e2e/reliability/",
    "tests/e2e/softphone/",
    "tests/e2e/pages/",
    "tests/e2e/",
)


def unit_of_work(nodeid: str) -> str:
    """What a worker takes as a whole: all tests of a shared desk, else the tests of one file."""
    return next((folder for folder in SHARED_DESKS if nodeid.startswith(folder)), nodeid.partition("::")[0])


def rank(nodeid: str) -> int:
    """The lower, the sooner."""
    return next((n for n, prefix in enumerate(LONGEST_FIRST) if nodeid.startswith(prefix)), len(LONGEST_FIRST))


class ByDesk(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each worker one unit of work after the other, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of_work(nodeid)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Longest first; those of one file stay in their order."""
    items.sort(key=lambda item: rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """With `-n`, whatever `--dist` says."""
    return ByDesk(config, log)
