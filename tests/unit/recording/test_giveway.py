"""A process that gives way: asked of a process of its own, for there is no way back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SHOW = """
import json, os
from recording.giveway import give_way
before = os.getsid(0)
give_way({niceness})
try:
    group = open("/proc/self/autogroup").read().split()[-1]
except OSError:
    group = None
print(json.dumps({{
    "niceness": os.getpriority(os.PRIO_PROCESS, 0),
    "own_session": os.getsid(0) == os.getpid() != before,
    "group": group,
}}))
"""


@pytest.mark.parametrize("niceness", [2, 19])
def test_it_goes_behind_others_in_a_session_of_its_own(niceness: int) -> None:
    source = SHOW.format(niceness=niceness)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=30, check=True)
    said = json.loads(done.stdout)
    group = str(niceness) if Path("/proc/self/autogroup").exists() else None
    assert said == {"niceness": niceness, "own_session": True, "group": group}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may go back to a lower niceness, so only root can fail here")
def test_it_does_not_inherit_the_precedence_of_who_started_it() -> None:
    source = "import os; os.setpriority(os.PRIO_PROCESS, 0, -5)\n" + SHOW.format(niceness=5)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout)["niceness"] == 5
