"""Leave the processors to live calls (docs/decisions/0125-encoders-give-way.md)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_AUTOGROUP = Path("/proc/self/autogroup")


def give_way(niceness: int) -> None:
    """Make this process wait for others: 1 a little, 19 a lot.

    Where Linux shares processors out by session (autogroups), a process in the server's session eats the server's
    share whatever its niceness: it takes a session of its own, and that one is the nice one. What the system does not
    know of is left out.
    """
    with contextlib.suppress(OSError):
        os.setsid()
        _AUTOGROUP.write_text(str(niceness))
    with contextlib.suppress(PermissionError):  # nicer already, and nobody may go back
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
