"""The interpreter, set for a process that must not pause.

Both settings are made once everything is up. docs/decisions/0121-pauses-of-the-interpreter.md has the measurements.
"""

from __future__ import annotations

import gc
import sys

# A worker thread that runs Python (boto3, manifests) gives the interpreter up when the event loop has waited this long.
# The default, 5 ms, is half of what a screen pop may take in all.
SWITCH_S = 0.000_5
# What is made for a call dies young: a larger batch finds more of it dead, and looking at it took 0.6 ms on average.
YOUNG = 10_000
MIDDLE = 20
# A look at everything stops the process for 70 to 100 ms at 1,000 agents. What only it would find (cycles that outlived
# 200,000 allocations) is little, so it may be rare: each 100 million allocations.
OLD = 500


def settle() -> None:
    """Call it when everything is up: what lives until the end is never looked at again, and pauses stay short."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    sys.setswitchinterval(SWITCH_S)
