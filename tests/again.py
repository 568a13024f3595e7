"""What failed beside other tests is tried again with the machine to itself: `python -m tests.again`, after pytest.

A phone that plays a tone sends a packet each 20 ms, and deadlines are measured on a clock: on processors that others
use, or that the host of a virtual machine lends elsewhere, sound is missing that nothing of ours lost. Only tests on
real components get that second look, and it is said which did. docs/decisions/0311.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")  # of pytest's own cache: {node id: true}
ON_REAL_COMPONENTS = ("tests/e2e/", "tests/contract/")
AT_MOST = 12  # more are no accident
TRIES = 2
FAILED = 1  # pytest's exit code for "some tests failed"


def last_failed() -> list[str]:
    """Node ids, as pytest left them; none where nothing failed."""
    try:
        return sorted(json.loads(LAST_FAILED.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []


def main() -> int:
    """Exit code: 0 when all that had failed has passed alone, else pytest's."""
    first = failed = last_failed()
    if not failed or len(failed) > AT_MOST or not all(test.startswith(ON_REAL_COMPONENTS) for test in failed):
        return FAILED
    for _ in range(TRIES):
        print(f"\nFailed beside other tests, tried again alone: {', '.join(failed)}", flush=True)
        status = subprocess.run([sys.executable, "-m", "pytest", *failed], check=False).returncode
        if status == 0:
            print(f"Failed beside other tests and passed alone: {', '.join(first)}", flush=True)
        if status != FAILED:
            return status
        failed = [test for test in last_failed() if test in failed]
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
