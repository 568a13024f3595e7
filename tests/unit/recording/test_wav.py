from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.errors import PeerError
from recording.wav import read_frames, read_info, silent_runs
from tests.unit.recording.fakes import break_header, tone, write_wav


def samples(path: Path) -> bytes:
    return b"".join(read_frames(path, read_info(path), chunk_frames=1000))


def test_a_closed_file(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 2.5))
    info = read_info(path)
    assert (info.rate, info.channels, info.frames, info.closed, info.salvaged) == (8000, 1, 20_000, True, False)
    assert info.seconds == 2.5
    assert samples(path) == tone(440, 2.5)


def test_a_killed_asterisks_file_is_salvaged_whole(tmp_path: Path) -> None:
    path = break_header(write_wav(tmp_path / "a.wav", tone(440, 2.5)))
    info = read_info(path)
    assert (info.frames, info.closed, info.salvaged) == (20_000, False, True)
    assert samples(path) == tone(440, 2.5)


def test_a_header_of_noise_is_taken_for_asterisks_own(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 1))
    path.write_bytes(bytes(44) + path.read_bytes()[44:])
    info = read_info(path)
    assert (info.rate, info.frames, info.salvaged) == (8000, 8000, True)


def test_without_a_header_the_name_says_the_rate(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav16", tone(440, 1, rate=16000), rate=16000)
    path.write_bytes(bytes(44) + path.read_bytes()[44:])
    info = read_info(path)
    assert (info.rate, info.seconds, info.salvaged) == (16000, 1.0, True)
    path.write_bytes(bytes(44))
    assert read_info(path).rate == 16000


@pytest.mark.parametrize("size", [0, 1, 43, 44])
def test_a_file_without_sound_is_empty_and_not_closed(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(bytes(size))
    info = read_info(path)
    assert (info.frames, info.closed, info.salvaged) == (0, False, False)


def test_a_file_cut_in_the_middle_of_a_sample_loses_only_that(tmp_path: Path) -> None:
    path = break_header(write_wav(tmp_path / "a.wav", tone(440, 1)))
    os.truncate(path, 44 + 1001)
    assert read_info(path).frames == 500
    assert samples(path) == tone(440, 1)[:1000]


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 1))
    os.truncate(path, 44 + 4000)
    info = read_info(path)
    assert (info.frames, info.closed, info.salvaged) == (2000, False, True)


def test_two_channels_are_read_as_their_middle(tmp_path: Path) -> None:
    stereo = b"".join(n.to_bytes(2, "little", signed=True) for n in (100, 300, -50, 50))
    path = write_wav(tmp_path / "a.wav", stereo, channels=2)
    assert samples(path) == (200).to_bytes(2, "little") + bytes(2)


def test_another_rate_is_read_from_the_header(tmp_path: Path) -> None:
    info = read_info(write_wav(tmp_path / "a.wav", tone(440, 1, rate=16000), rate=16000))
    assert (info.rate, info.seconds) == (16000, 1.0)


@pytest.mark.parametrize(("offset", "value"), [(20, b"\x07\x00"), (34, b"\x08\x00"), (22, b"\x05\x00"), (24, bytes(4))])
def test_sound_of_another_kind_is_refused_by_name(tmp_path: Path, offset: int, value: bytes) -> None:
    path = write_wav(tmp_path / "odd.wav", tone(440, 1))
    data = bytearray(path.read_bytes())
    data[offset : offset + len(value)] = value
    path.write_bytes(data)
    with pytest.raises(PeerError, match=r"odd\.wav .*MixMonitor"):
        read_info(path)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.wav"
    path.write_bytes(b"RIFF" + data[:4] + b"WAVE" + data[4:])
    try:
        info = read_info(path)
    except PeerError:
        return
    read = b"".join(read_frames(path, info, chunk_frames=7))
    assert len(read) == info.frames * 2


def test_a_file_that_shrank_since_it_was_looked_at_ends_early(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 1))
    info = read_info(path)
    os.truncate(path, 44 + 100)
    assert len(b"".join(read_frames(path, info, chunk_frames=1000))) == 100


def test_where_a_file_holds_nothing_at_all(tmp_path: Path) -> None:
    nothing, sound = bytes(2 * 8000), tone(440, 1)
    path = write_wav(tmp_path / "a.wav", nothing + sound + nothing + nothing + sound + bytes(2 * 320) + sound + nothing)
    # Two frames of 20 ms are a packet that was late; the end counts.
    assert silent_runs(path, read_info(path)) == ((0, 8000), (16_000, 32_000), (48_320, 56_320))


def test_a_wide_file_is_looked_at_in_the_steps_that_it_was_written_in(tmp_path: Path) -> None:
    """10 ms of 16 kHz: MixMonitor writes 160 samples at once, at any rate."""
    sound, step = tone(440, 1, rate=16000), 160
    silence = bytes(2 * 7 * step)  # 70 ms, beginning at an odd step
    path = write_wav(tmp_path / "a.wav16", sound[: 2 * 3 * step] + silence + sound + bytes(2 * 5 * step), rate=16000)
    assert silent_runs(path, read_info(path)) == ((3 * step, 10 * step),)


def test_a_file_that_got_shorter_has_no_more_than_there_is(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", bytes(2 * 8000))
    info = read_info(path)
    os.truncate(path, 44 + 2 * 4000)
    assert silent_runs(path, info) == ((0, 4000),)
    os.truncate(path, 44)
    assert silent_runs(path, info) == ()


def test_a_rate_that_no_phone_has_ends_too(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", bytes(2 * 100))
    info = read_info(path)
    assert silent_runs(path, replace(info, rate=8)) == ((0, 100),)
