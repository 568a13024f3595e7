"""`kakehashi route simulate`, as people type it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from cti.cli.main import run

FILE = """\
[simulation]
replications = 3
calls = 200
warm_up = 20

[[callers]]
queue = "members"
rate_per_h = 60
talk = { exponential_s = 300 }

[[queues]]
id = "members"

[[agents]]
group = "desk"
count = 6
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "desk.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_figures_on_standard_output_progress_beside(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["route", "simulate", str(file)]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)["plans"]["as_written"]
    assert figures["offered"] == {"mean": 200, "low": 200, "high": 200}
    assert figures["wait_all"]["mean_s"]["low"] < figures["wait_all"]["mean_s"]["high"]
    assert 0.5 < figures["occupancy"]["desk"]["mean"] < 1
    assert "3 of 3 runs" in err


def test_the_same_again_and_another_seed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*more: str) -> str:
        assert run(["route", "simulate", str(file), *more]) == 0
        return capsys.readouterr().out

    assert said() == said()
    assert said("--seed", "2") != said()
    assert json.loads(said("--replications", "2", "--calls", "50"))["replications"] == 2


def test_a_file_and_plots(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, folder = tmp_path / "out.json", tmp_path / "new" / "plots"
    assert run(["route", "simulate", str(file), "--out", str(out), "--plots", str(folder)]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(out.read_text(encoding="utf-8"))["seed"] == 1
    names = {path.name for path in folder.iterdir()}
    pictures = ("waits", "service", "occupancy", "queue")
    assert names == {f"{name}.{language}.svg" for name in pictures for language in ("ja", "en")}
    assert all(Xml.fromstring(path.read_text(encoding="utf-8")).tag.endswith("svg") for path in folder.iterdir())


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--jobs", "0"], "--jobs 0: write 1 to 64"),
        (["--calls", "0"], "--calls 0: write a number from 1 on"),
        (
            ["--replay", "2026-07-01..2026-07-02", "--calls", "5"],
            "--calls: with --replay the recorded days say how much",
        ),
        (["--replay", "2026-07-01..2026-07-02"], "say --config FILE"),
        (["--out", "/nowhere/at/all.json"], "/nowhere/at/all.json: cannot be written: No such file or directory"),
        (["--plots", "/dev/null/plots"], "cannot be written: Not a directory; write another place"),
    ],
)
def test_what_is_wrong_is_said(
    file: Path, more: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAKEHASHI_CONFIG", raising=False)
    assert run(["route", "simulate", str(file), *more]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("span", ["yesterday", "2026-07-02..2026-07-01", "2020-01-01..2026-01-01", "2026-07-01"])
def test_a_span_of_days_is_checked(file: Path, span: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(["route", "simulate", str(file), "--replay", span])
    assert "write" in capsys.readouterr().err


def test_problems_of_the_file_are_told_with_their_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE.replace("count = 6", "cuont = 6"), encoding="utf-8")
    assert run(["route", "simulate", str(file)]) == 2
    assert f"{file}:16: agents[0].cuont: unknown key; did you mean 'count'?" in capsys.readouterr().err
