"""The interpreter, set for a process that must start fast and not pause.

Collections wait until everything is up, the rest is set then. Measurements: docs/decisions/0121 and 0135.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from pathlib import Path

# A worker thread that runs Python (boto3, manifests) gives the interpreter up when the event loop has waited this long.
# The default, 5 ms, is half of what a screen pop may take in all.
SWITCH_S = 0.000_5
# What is made for a call dies young: a larger batch finds more of it dead, and looking at it took 0.6 ms on average.
YOUNG = 10_000
MIDDLE = 20
# A look at everything stops the process for 70 to 100 ms at 1,000 agents. What only it would find (cycles that outlived
# 200,000 allocations) is little, so it may be rare: each 100 million allocations.
OLD = 500


def hurry() -> None:
    """Call it before the imports: nothing is collected until :func:`settle`.

    What a start makes lives until the end: 240 collections find 2,000 objects in all, for a tenth of its time.
    """
    gc.disable()


# Before whatever else the machine does, behind what its operator puts first.
NICENESS = -5
AUTOGROUP = Path("/proc/self/autogroup")


def go_first(autogroup: Path = AUTOGROUP) -> None:
    """Ask for the processor before others, where the system allows it (root, CAP_SYS_NICE, a unit's LimitNICE)."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    if os.getsid(0) == os.getpid():  # else the session is somebody's shell, and not ours to put first
        with contextlib.suppress(OSError):
            autogroup.write_text(str(NICENESS))


def settle() -> None:
    """Call it when everything is up: what lives until the end is never looked at again, and pauses stay short."""
    # Not collected before: that would stop the process for 100 ms, right when callers have been told that it is back.
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    gc.enable()
    sys.setswitchinterval(SWITCH_S)
