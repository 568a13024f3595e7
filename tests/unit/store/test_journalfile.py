"""The journal's files: whatever a crash leaves of them, what is read is what was written, in order, or nothing."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.store.journalfile import JournalFiles, decode, encode

TEXT = st.text(max_size=20)  # lone surrogates, line ends, NUL among them
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
BODIES = st.lists(st.dictionaries(TEXT, VALUES | st.lists(VALUES, max_size=3), max_size=4), max_size=8)
MAX = 1 << 20


def lines(bodies: list[dict[str, Any]]) -> bytes:
    return b"".join(encode(body) for body in bodies)


def them(*bodies: dict[str, Any]) -> list[Any]:
    return [partial(dict, body) for body in bodies]


@given(BODIES)
def test_what_is_written_is_read_in_order(bodies: list[dict[str, Any]]) -> None:
    said = decode(lines(bodies))
    assert list(said.bodies) == bodies
    assert (said.torn, said.damaged) == (False, 0)


@given(BODIES, st.data())
def test_a_tail_torn_anywhere_costs_the_torn_line_only(bodies: list[dict[str, Any]], data: st.DataObject) -> None:
    whole = lines(bodies)
    cut = data.draw(st.integers(0, len(whole)))
    said = decode(whole[:cut])
    assert list(said.bodies) == bodies[: len(said.bodies)]
    assert said.damaged == 0
    ends = [len(lines(bodies[:n])) for n in range(len(bodies) + 1)]
    # A line without its line end is whole.
    assert len(said.bodies) == sum(cut >= end - 1 for end in ends[1:])
    assert said.torn == (cut not in ends and cut + 1 not in ends)


@given(BODIES, st.binary(max_size=60).filter(lambda tail: b"\n" not in tail), st.data())
def test_rubbish_after_a_torn_line_is_no_record(bodies: list[dict[str, Any]], rubbish: bytes, data: Any) -> None:
    whole = lines(bodies)
    cut = data.draw(st.integers(0, len(whole)))
    said = decode(whole[:cut] + rubbish)
    assert [body for body in said.bodies if body not in bodies] == []
    assert list(said.bodies) == bodies[: len(said.bodies)]


@given(BODIES.filter(bool), st.data())
def test_a_byte_that_changed_costs_its_lines_and_no_other(bodies: list[dict[str, Any]], data: st.DataObject) -> None:
    whole = bytearray(lines(bodies))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    said = decode(bytes(whole))
    left = list(bodies)
    for body in said.bodies:  # in order, nothing invented, at most two lines gone (a line end that changed joins two)
        while left and left[0] != body:
            left.pop(0)
        assert left, "a record that was never written"
        left.pop(0)
    assert len(said.bodies) >= len(bodies) - 2


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(data: bytes) -> None:
    assert decode(data).bodies == () or b" " in data


@pytest.mark.parametrize("body", [{"n": float("nan")}, {"o": object()}])
def test_what_json_cannot_say_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode(body)


def test_the_newest_file_alone_is_the_truth(tmp_path: Path) -> None:
    old, new = JournalFiles(tmp_path, MAX), JournalFiles(tmp_path, MAX)
    old.begin(them({"n": 1}, {"n": 2}))
    left = tmp_path / "0000000001.journal"
    kept = left.read_bytes()
    new.begin(them({"n": 2}))
    assert [path.name for path in tmp_path.iterdir()] == ["0000000002.journal"]
    left.write_bytes(kept)  # as after a crash between the new file's name and the old one's end
    new.append(them({"n": 3}))
    assert new.read().bodies == ({"n": 2}, {"n": 3})
    new.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_on_disk_before_it_has_its_name_and_its_name_before_the_older_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut keeps what was synced: never a name without its lines, never neither of two files."""
    done: list[str] = []

    def there() -> str:
        return " ".join(sorted(path.name[-9:] for path in tmp_path.iterdir()))

    def synced(fd: int) -> None:
        done.append(("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "lines") + f" of {there()}")

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "fdatasync", synced)
    files = JournalFiles(tmp_path, MAX)
    files.begin(them({"n": 1}))
    files.append(them({"n": 2}))
    files.begin(them({"n": 3}))
    files.close()
    assert done == [
        "lines of 00001.new", "folder of 1.journal", "lines of 1.journal", "lines of 00002.new 1.journal",
        "folder of 1.journal 2.journal", "folder of 2.journal",
    ]  # fmt: skip


def test_a_file_that_was_never_named_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "0000000007.new").write_bytes(encode({"n": 1}))
    assert JournalFiles(tmp_path, MAX).read().bodies == ()


def test_no_more_than_allowed_is_written(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path, 100)
    files.begin(them({"n": 1}))
    with pytest.raises(OSError, match="more than 100 bytes"):
        files.append(them({"n": "x" * 100}))
    with pytest.raises(OSError, match="more than 100 bytes"):
        files.begin(them({"n": "x" * 100}))
    assert files.read().bodies == ({"n": 1},)
    assert [path.suffix for path in tmp_path.iterdir()] == [".journal"]


def test_only_we_can_read_it(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path / "calls", MAX)
    files.begin(them({"n": 1}))
    (path,) = (tmp_path / "calls").iterdir()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_what_another_process_left_is_read_before_our_own(tmp_path: Path) -> None:
    dead, ours = JournalFiles(tmp_path / "1", MAX), JournalFiles(tmp_path / "0", MAX)
    dead.begin(them({"n": "stale"}))
    dead.begin(them({"n": 1}))
    ours.begin(them({"n": 2}))
    ours.take_over(tmp_path / "1")
    assert ours.read().bodies == ({"n": 1}, {"n": 2})
    ours.begin(them({"n": 3}))
    assert ours.read().bodies == ({"n": 3},)
    assert list((tmp_path / "1").iterdir()) == []


def test_a_damaged_file_is_kept_for_a_person(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path, MAX)
    for number in range(5):
        files.begin(them({"n": number}))
        files.keep_damaged()
        files.clear()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"000000000{n}.damaged" for n in (3, 4, 5)]
