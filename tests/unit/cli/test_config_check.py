"""`kakehashi config check FILE --config FILE`: the server's own file is looked at as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.cli.main import run
from tests.unit.test_config import MINIMAL, write

DESK = Path(__file__).parents[3] / "examples" / "desk.toml"


def server(folder: Path, *modules: str) -> Path:
    """A wide trunk's configuration, beside an Asterisk that has these modules."""
    there = folder / "modules"
    there.mkdir()
    for name in modules:
        (there / name).touch()
    text = MINIMAL.replace("[asterisk]", '[asterisk]\ntrunk_codecs = ["g722", "ulaw"]')
    return write(folder, f'{text}[asterisk.folders]\nmodules = "{there}"\n')


def test_a_wide_trunk_needs_its_module(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = server(tmp_path, "codec_ulaw.so")
    assert run(["config", "check", str(DESK), "--config", str(file)]) == 2
    said = capsys.readouterr().err
    assert f"{file}: trunk_codecs has g722 and {tmp_path / 'modules'} has no codec_g722.so: install" in said


def test_an_asterisk_that_cannot_be_seen_from_here_is_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = server(tmp_path, "codec_g722.so")
    assert run(["config", "check", str(DESK), "--config", str(file)]) == 0
    assert f"{file}: nothing is wrong with it" in capsys.readouterr().out
    (tmp_path / "modules" / "codec_g722.so").unlink()
    (tmp_path / "modules").rmdir()
    assert run(["config", "check", str(DESK), "--config", str(file)]) == 0
