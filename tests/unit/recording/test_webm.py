"""What a WebM file says of itself: whole, cut anywhere, damaged anyhow."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti.domain.errors import PeerError
from recording.webm import WebmInfo, cues, read_info, second_at


def element(ident: str, content: bytes, *, size: bytes | None = None) -> bytes:
    if size is None:
        size = (len(content) | 1 << 28).to_bytes(4)
    return bytes.fromhex(ident) + size + content


def track(kind: int, channels: int) -> bytes:
    sound = element("e1", element("9f", bytes([channels]))) if kind == 2 else b""
    return element("ae", element("83", bytes([kind])) + sound)


def webm(*tracks: bytes, seconds: float = 3.0, scale: bytes = b"", size: bytes | None = None) -> bytes:
    info = element("1549a966", scale + element("4489", struct.pack(">d", seconds * 1000)))
    clusters = 3 * element("1f43b675", element("e7", b"\x01") + b"\xa3\x85sound")
    segment = info + element("1654ae6b", b"".join(tracks)) + clusters
    return element("1a45dfa3", element("4282", b"webm")) + element("18538067", segment, size=size)


WHOLE = webm(track(2, 2))


@pytest.mark.parametrize(
    ("data", "seconds", "channels"),
    [
        (WHOLE, 3.0, (2,)),
        (webm(track(1, 0), track(2, 1), track(2, 2)), 3.0, (1, 2)),  # a picture, and two of sound
        (webm(seconds=14_400.0), 14_400.0, ()),
        (webm(track(2, 2), scale=element("2ad7b1", (2_000_000).to_bytes(3))), 6.0, (2,)),
    ],
)
def test_length_and_channels(tmp_path: Path, data: bytes, seconds: float, channels: tuple[int, ...]) -> None:
    (tmp_path / "x.webm").write_bytes(data)
    assert read_info(tmp_path / "x.webm") == WebmInfo(duration_s=seconds, channels=channels)


@pytest.mark.parametrize("kept", [0, 1, 20, len(WHOLE) // 2, len(WHOLE) - 30, len(WHOLE) - 1])
def test_a_file_that_is_cut_off_is_not_believed(tmp_path: Path, kept: int) -> None:
    (tmp_path / "x.webm").write_bytes(WHOLE[:kept])
    with pytest.raises(PeerError, match=r"x\.webm is no WebM file, or it was not finished"):
        read_info(tmp_path / "x.webm")


def test_a_segment_whose_length_was_never_written_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "x.webm").write_bytes(webm(track(2, 2), size=b"\x01" + b"\xff" * 7))
    with pytest.raises(PeerError, match="its writer did not come back"):
        read_info(tmp_path / "x.webm")


@given(at=st.integers(0, len(WHOLE) - 1), with_byte=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_is_an_answer_or_an_error_of_ours(tmp_path: Path, at: int, with_byte: int) -> None:
    (tmp_path / "x.webm").write_bytes(WHOLE[:at] + bytes([with_byte]) + WHOLE[at + 1 :])
    try:
        info = read_info(tmp_path / "x.webm")
    except PeerError:
        return
    assert math.isfinite(info.duration_s)


def indexed(*marks: tuple[int, int], scale: bytes = b"", clusters: bool = True) -> bytes:
    """A file with a seek index in front: (place within the segment, time)."""
    points = [
        element(
            "bb", element("b3", time.to_bytes(4)) + element("b7", element("f7", b"\1") + element("f1", at.to_bytes(4)))
        )
        for at, time in marks
    ]
    info = element("1549a966", scale + element("4489", struct.pack(">d", 3000.0)))
    sound = element("1f43b675", element("e7", b"\x01")) if clusters else b""
    inside = info + element("1c53bb6b", b"".join(points)) + sound
    return element("1a45dfa3", element("4282", b"webm")) + element("18538067", inside)


def test_the_seek_index_says_where_which_second_begins() -> None:
    data = indexed((500, 0), (900, 4000))
    begin = data.index(bytes.fromhex("1549a966"))
    assert cues(data) == ((begin + 500, 0.0), (begin + 900, 4.0))
    assert cues(indexed((900, 2000), scale=element("2ad7b1", (2_000_000).to_bytes(3))))[0][1] == 4.0


@pytest.mark.parametrize("data", [b"", WHOLE, indexed((1, 1))[:-30], b"\0" * 100, element("18538067", b"") * 2])
def test_without_an_index_in_what_is_there_there_is_none(data: bytes) -> None:
    assert cues(data) == ()


@given(at=st.integers(0, 90), with_byte=st.integers(0, 255))
def test_a_damaged_index_is_one_or_none(at: int, with_byte: int) -> None:
    data = indexed((500, 0), (900, 4000))
    marks = cues(data[:at] + bytes([with_byte]) + data[at + 1 :])
    assert 0.0 <= second_at(marks, 700, size=1000, duration_s=5.0) < math.inf


def test_between_two_marks_it_is_in_proportion() -> None:
    marks = ((100, 0.0), (500, 2.0), (600, 30.0))
    seconds = [second_at(marks, at, size=1000, duration_s=40.0) for at in (0, 50, 100, 300, 500, 550, 600, 800, 1000)]
    assert seconds == [0.0, 0.0, 0.0, 1.0, 2.0, 16.0, 30.0, 35.0, 40.0]
    assert second_at((), 250, size=1000, duration_s=40.0) == 10.0
