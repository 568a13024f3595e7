"""Tones: what is said is found, what is not said is not."""

from __future__ import annotations

import wave
from array import array
from pathlib import Path

import pytest

from cti.demo.tones import RATE_HZ, read_wav, strength, tone, tone_seconds, write_wav


def test_a_tone_is_found_at_its_frequency_alone() -> None:
    sound = tone(440, 0.5)
    assert strength(sound, 440) > 0.99
    assert strength(sound, 1000) < 0.01
    assert strength(array("h", [0] * 800), 440) == 0.0


def test_two_voices_are_both_heard_in_the_mix() -> None:
    mixed = array("h", (one + other for one, other in zip(tone(440, 2), tone(1000, 2), strict=True)))
    assert tone_seconds(mixed, 440, share=0.25) == pytest.approx(2.0)
    assert tone_seconds(mixed, 1000, share=0.25) == pytest.approx(2.0)
    assert tone_seconds(mixed, 700, share=0.25) == 0


def test_silence_is_not_counted() -> None:
    assert tone_seconds(tone(440, 1) + array("h", [0] * RATE_HZ), 440) == pytest.approx(1.0)


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    sound = tone(440, 0.25)
    assert len(sound) == 2_000
    write_wav(tmp_path / "a.wav", sound)
    assert read_wav(tmp_path / "a.wav") == ([sound], RATE_HZ)


def test_the_sides_of_a_stereo_file_come_apart(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "s.wav"), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(array("h", [1, -1, 2, -2]).tobytes())
    assert read_wav(tmp_path / "s.wav")[0] == [array("h", [1, 2]), array("h", [-1, -2])]


def test_eight_bits_are_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "8.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(RATE_HZ)
        out.writeframes(b"\x80\x80")
    with pytest.raises(wave.Error, match="8 bits"):
        read_wav(tmp_path / "8.wav")
