"""Measuring sound, and files that are never half."""

from __future__ import annotations

import array
import math
import wave
from pathlib import Path

import pytest

from ivr.sound import SILENT_DBFS, measure, write_atomic


def tone(path: Path, *, seconds: float, amplitude: float, silence_s: float = 0.0, rate: int = 8000) -> Path:
    samples = [round(amplitude * math.sin(2 * math.pi * 400 * n / rate)) for n in range(round(seconds * rate))]
    hum = [n % 7 - 3 if amplitude else 0 for n in range(round(silence_s * rate))]  # no pause is digital silence
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(rate)
        target.writeframes(array.array("h", [*samples, *hum]).tobytes())
    return path


def test_a_tone_has_the_level_of_a_tone(tmp_path: Path) -> None:
    found = measure(tone(tmp_path / "a.wav", seconds=1.0, amplitude=3276.8))
    assert found.duration_s == pytest.approx(1.0)
    assert found.peak_dbfs == pytest.approx(-20.0, abs=0.1)
    assert found.active_dbfs == pytest.approx(-23.0, abs=0.1)
    assert (found.sample_rate, found.clipped) == (8000, 0)


def test_pauses_do_not_count_as_speech(tmp_path: Path) -> None:
    plain = measure(tone(tmp_path / "a.wav", seconds=1.0, amplitude=3276.8))
    paused = measure(tone(tmp_path / "b.wav", seconds=1.0, amplitude=3276.8, silence_s=9.0))
    assert paused.active_dbfs == pytest.approx(plain.active_dbfs, abs=0.1)


def test_clipping_is_counted(tmp_path: Path) -> None:
    assert measure(tone(tmp_path / "a.wav", seconds=0.1, amplitude=32767)).clipped > 0


def test_nothing_is_silent(tmp_path: Path) -> None:
    assert measure(tone(tmp_path / "a.wav", seconds=0.0, amplitude=1)).active_dbfs == SILENT_DBFS
    assert measure(tone(tmp_path / "b.wav", seconds=0.5, amplitude=0)).peak_dbfs == SILENT_DBFS


def test_stereo_is_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as target:
        target.setnchannels(2)
        target.setsampwidth(2)
        target.setframerate(8000)
        target.writeframes(b"\0" * 400)
    with pytest.raises(ValueError, match=r"a\.wav: not mono"):
        measure(tmp_path / "a.wav")


def test_a_file_is_replaced_whole_and_nothing_stays_behind(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomic(path, b"old")
    with path.open("rb") as reader:
        write_atomic(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
