"""Whoever measures must not wait for a processor behind what is measured: then the figures would be the stopwatch's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

NICENESS = -10
AUTOGROUP = Path("/proc/self/autogroup")


@contextlib.contextmanager
def ahead_of_others() -> Iterator[None]:
    """This process and its session before others while the block runs; without the privilege nothing changes."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        AUTOGROUP.write_text(str(NICENESS))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, before)
            AUTOGROUP.write_text("0")
