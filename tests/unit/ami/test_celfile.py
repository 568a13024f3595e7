"""The account's files: found by time, through rotation, truncation, torn ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.ami.cel import time_of
from cti.ami.celfile import lines_since


def line(second: int) -> str:
    return f'"ANSWER","{1795305000 + second}.000000","{"x" * 150}","demo"\n'


def seconds(path: Path, since: float) -> list[int]:
    return [int((time_of(each) or 0) - 1795305000) for each in lines_since(path, 1795305000 + since)]


def test_no_file_is_an_empty_account(tmp_path: Path) -> None:
    assert seconds(tmp_path / "cel.csv", 0) == []
    assert seconds(tmp_path / "not" / "there" / "cel.csv", 0) == []
    (tmp_path / "cel.csv").touch()
    assert seconds(tmp_path / "cel.csv", 0) == []


@given(many=st.integers(1, 900), since=st.integers(-5, 905))
@settings(max_examples=40)
def test_everything_from_an_instant_on_and_little_before(
    tmp_path_factory: pytest.TempPathFactory, many: int, since: int
) -> None:
    path = tmp_path_factory.mktemp("cel") / "cel.csv"
    path.write_text("".join(map(line, range(many))))
    found = seconds(path, since)
    assert found == list(range(many))[-len(found) :] if found else since >= many - 100
    assert set(range(max(0, since), many)) <= set(found)
    assert len([second for second in found if second < since]) < 200  # some 16 KiB


def test_a_line_that_is_still_being_written_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "cel.csv"
    path.write_text(line(1) + line(2) + line(3)[:-1])
    assert seconds(path, 0) == [1, 2]


def test_rotated_files_are_read_in_the_order_of_time_and_compressed_ones_are_not(tmp_path: Path) -> None:
    path = tmp_path / "cel.csv"
    for name, second in ((".3", 3), (".1", 5), (".5", 1), ("-20261121", 6), (".2", 4), (".4", 2)):
        (tmp_path / f"cel.csv{name}").write_text(line(second))
    (tmp_path / "cel.csv.6.gz").write_bytes(b"\x1f\x8b")
    (tmp_path / "cel.csv-old").mkdir()
    path.write_text(line(7))
    os.link(path, tmp_path / "cel.csv.same")
    assert seconds(path, 0) == [1, 2, 3, 4, 5, 6, 7]


def test_a_file_renamed_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "cel.csv"
    path.write_text("".join(map(line, range(2000))))
    reading = lines_since(path, 0)
    next(reading)
    path.rename(tmp_path / "cel.csv.1")
    path.write_text(line(5000))
    assert sum(1 for _ in reading) == 1999


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "cel.csv"
    path.symlink_to(path)
    with pytest.raises(OSError, match=r"cel\.csv"):
        seconds(path, 0)


def test_rubbish_without_an_end_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "cel.csv"
    path.write_bytes(line(1).encode() + b"\xff" * 300_000 + b"\n" + line(2).encode())
    found = [time_of(each) for each in lines_since(path, 0)]
    assert [at for at in found if at] == [1795305001.0, 1795305002.0]
    assert max(map(len, lines_since(path, 0))) < 100_000
