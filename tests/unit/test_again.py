"""What failed beside other tests is tried again alone when it runs on real components; everything else has failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Passes at its last try of so many.
TEST = """
import pathlib

def test_it():
    tries = pathlib.Path(__file__).with_suffix(".tries")
    tries.write_text(("x" if not tries.exists() else tries.read_text() + "x"))
    assert len(tries.read_text()) >= {passes_at}

def test_other():
    pass
"""


def run(folder: Path, module: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "-p no:asyncio -p no:aiohttp"}
    command = [sys.executable, "-m", module]
    return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("where", "passes_at", "status", "tries"),
    [
        ("tests/e2e", 2, 0, 2),
        ("tests/contract", 3, 0, 3),
        ("tests/e2e", 4, 1, 3),
        ("tests/unit", 2, 1, 1),
    ],
)
def test_a_failure_is_tried_again_alone(tmp_path: Path, where: str, passes_at: int, status: int, tries: int) -> None:
    test = tmp_path / where / "test_x.py"
    test.parent.mkdir(parents=True)
    test.write_text(TEST.format(passes_at=passes_at), encoding="utf-8")
    assert run(tmp_path, "pytest").returncode == 1
    again = run(tmp_path, "tests.again")
    assert again.returncode == status, again.stdout + again.stderr
    assert len(test.with_suffix(".tries").read_text(encoding="utf-8")) == tries
    assert (f"passed alone: {where}/test_x.py::test_it\n" in again.stdout) == (status == 0)


def test_many_failures_and_none_are_final(tmp_path: Path) -> None:
    assert run(tmp_path, "tests.again").returncode == 1
    test = tmp_path / "tests/e2e/test_x.py"
    test.parent.mkdir(parents=True)
    test.write_text("import pytest\n@pytest.mark.parametrize('n', range(13))\ndef test_it(n):\n    assert False\n")
    assert run(tmp_path, "pytest").returncode == 1
    again = run(tmp_path, "tests.again")
    assert (again.returncode, again.stdout) == (1, "")
