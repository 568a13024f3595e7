"""Putting files in place: whole, private, and only what changed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cti.asteriskconf import files
from cti.domain.errors import ConfigError


def test_files_are_written_for_owner_and_group(tmp_path: Path) -> None:
    etc = tmp_path / "new" / "etc"
    assert files.write({"a.conf": "eins 王\n", "b.ulaw": b"\xff\x00"}, etc) == ("a.conf", "b.ulaw")
    assert (etc / "a.conf").read_text(encoding="utf-8") == "eins 王\n"
    assert (etc / "b.ulaw").read_bytes() == b"\xff\x00"
    assert stat.S_IMODE((etc / "a.conf").stat().st_mode) == 0o640
    assert stat.S_IMODE((etc / "b.ulaw").stat().st_mode) == 0o644  # a sound is no secret
    assert sorted(path.name for path in etc.iterdir()) == ["a.conf", "b.ulaw"]


def test_only_what_changed_is_touched(tmp_path: Path) -> None:
    files.write({"a.conf": "1", "b.conf": "1"}, tmp_path)
    before = (tmp_path / "a.conf").stat()
    assert files.write({"a.conf": "1", "b.conf": "2"}, tmp_path) == ("b.conf",)
    assert (tmp_path / "a.conf").stat().st_ino == before.st_ino
    assert (tmp_path / "b.conf").read_text() == "2"


def test_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "mine.conf").write_text("x")
    files.write({"a.conf": "1"}, tmp_path)
    assert (tmp_path / "mine.conf").read_text() == "x"


def test_nothing_changes_when_one_file_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write({"a.conf": "old", "b.conf": "old"}, tmp_path)
    real = os.fsync
    left = iter([True, False])

    def disk_full(handle: int) -> None:
        if not next(left, True):
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(ConfigError, match="No space left"):
        files.write({"a.conf": "new", "b.conf": "new"}, tmp_path)
    assert (tmp_path / "a.conf").read_text() == "old"
    assert (tmp_path / "b.conf").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.conf", "b.conf"]


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="file"):
        files.write({"a.conf": "1"}, tmp_path / "file")
