"""A failing test on real components is tried again when the host took the processors away meanwhile, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import heldup
from tests.heldup import Processors

pytest_plugins = ("pytester",)

LINE = "cpu  {} 0 0 {} 0 0 0 {} 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"
# Fails at its first try, passes at its second; each try tells the machine's state how much of 1,000 ticks was stolen.
FAILS_ONCE = """
from pathlib import Path

def test_one():
    tries, stat = Path({tries!r}), Path({stat!r})
    count = len(tries.read_text()) if tries.exists() else 0
    tries.write_text("x" * (count + 1))
    stat.write_text({line!r}.format(1000 * (count + 1) - {stolen}, 0, {stolen}))
    assert count
"""


def test_the_share_is_of_all_processors_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heldup, "STAT", tmp_path / "stat")
    heldup.STAT.write_text(LINE.format(100, 200, 10), encoding="ascii")
    before = Processors.now()
    assert before == (310, 10)
    heldup.STAT.write_text(LINE.format(150, 220, 40), encoding="ascii")
    assert Processors.now().share_stolen_since(before) == pytest.approx(0.3)
    assert before.share_stolen_since(before) == 0


@pytest.mark.parametrize(
    ("folder", "stolen", "outcomes"),
    [
        ("tests/e2e", 200, ["rerun", "passed"]),
        ("tests/contract", 200, ["rerun", "passed"]),
        ("tests/e2e", 20, ["failed"]),
        ("tests/unit", 200, ["failed"]),
    ],
)
def test_a_failure_is_tried_again_when_the_machine_was_held_up(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, folder: str, stolen: int, outcomes: list[str]
) -> None:
    monkeypatch.setattr(heldup, "PAUSE_S", 0)
    monkeypatch.setattr(heldup, "STAT", pytester.path / "stat")
    heldup.STAT.write_text(LINE.format(0, 0, 0), encoding="ascii")
    test = pytester.path / folder / "test_it.py"
    test.parent.mkdir(parents=True)
    paths = {"tries": str(pytester.path / "tries"), "stat": str(heldup.STAT)}
    test.write_text(FAILS_ONCE.format(line=LINE, stolen=stolen, **paths), encoding="ascii")
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    result = pytester.inline_run("-p", "tests.heldup", folder)
    reports = result.getreports("pytest_runtest_logreport")
    assert [report.outcome for report in reports if report.when == "call"] == outcomes
