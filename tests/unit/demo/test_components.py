"""Finding components: what their own words mean, and one line when one is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.demo import components
from cti.demo.asterisk import with_directories
from cti.demo.components import MissingComponent, parse_asterisk_version


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1", (22, 10, 1)),
        ("Asterisk 23.0", (23, 0, 0)),
        ("Asterisk certified/20.7-cert3", (20, 7, 0)),
        ("bash: asterisk: command not found", None),
        ("", None),
    ],
)
def test_asterisk_says_its_version(said: str, version: tuple[int, int, int] | None) -> None:
    assert parse_asterisk_version(said) == version


def an_asterisk_that_says(tmp_path: Path, words: str) -> Path:
    program = tmp_path / "asterisk"
    program.write_text(f"#!/bin/sh\necho '{words}'\n")
    program.chmod(0o755)
    return program


def test_an_old_asterisk_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAKEHASHI_ASTERISK", str(an_asterisk_that_says(tmp_path, "Asterisk 22.9.0")))
    monkeypatch.setenv("KAKEHASHI_CACHE", str(tmp_path))
    with pytest.raises(MissingComponent, match=r"^Asterisk 22\.10\.1 or newer: run scripts/setup[^\n]*$"):
        components.find_asterisk()


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingComponent, match=r"^sipp: sudo apt-get install sip-tester"):
        components.find_program("sipp")


def test_a_cache_of_ones_own_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KAKEHASHI_CACHE", str(tmp_path))
    assert components.cache_folder() == tmp_path


def test_asterisk_conf_gets_the_runs_folders_and_keeps_the_rest() -> None:
    text = "; ours\n[directories](!)\nastetcdir => /etc/asterisk\n\n[options]\nrunuser = asterisk\nmaxload = 4\n"
    changed = with_directories(text, {"astetcdir": Path("/run/1/etc")})
    assert changed.startswith("[directories]\nastetcdir => /run/1/etc\n")
    assert "/etc/asterisk" not in changed
    assert "runuser" not in changed
    assert changed.rstrip().endswith("maxload = 4")
