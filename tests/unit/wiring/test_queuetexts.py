"""Words of the desk's own that nobody has spoken yet are named, with what to do about it."""

from __future__ import annotations

from pathlib import Path

from cti.wiring.queuetexts import unspoken

TEXTS = {"t-one": {"ja": "一", "en": "One"}, "t-two": {"ja": "二", "en": "Two"}}


def spoken(sounds: Path, *names: str) -> None:
    for name in names:
        path = sounds / "kakehashi" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    spoken(tmp_path, "ja/t-one", "en/t-one", "ja/t-two")
    said = unspoken(tmp_path, TEXTS)
    assert said is not None
    assert said.startswith("1 sound file(s)")
    assert "en/t-two.wav" in said
    assert "kakehashi prompts render" in said


def test_many_are_counted_and_not_listed(tmp_path: Path) -> None:
    said = unspoken(tmp_path, TEXTS)
    assert said is not None
    assert said.startswith("4 sound file(s)")
    assert "ja/t-two.wav" not in said


def test_with_all_of_them_there_is_nothing_to_say(tmp_path: Path) -> None:
    spoken(tmp_path, *(f"{language}/{name}" for name in TEXTS for language in ("ja", "en")))
    assert unspoken(tmp_path, TEXTS) is None
    assert unspoken(tmp_path, {}) is None
