"""Rendering, with voices that are small scripts: what is spoken again, what is reused, what is said when it fails."""

from __future__ import annotations

import dataclasses
import json
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from cti.domain.errors import Unavailable
from ivr.prompts import FileLengths, render_all
from ivr.texts import LANGUAGES, catalogue
from ivr.voices import VOICE_FILE, Voices, find_voices
from tests.unit.ivr.test_sound import tone

WORDS = {"t-recall": {"ja": "リコールのお知らせです。", "en": "A recall."}}


def script(path: Path, text: str) -> str:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture(autouse=True)
def _few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three prompts instead of seventy: each costs three processes."""
    few = {
        lang: {name: catalogue(lang)[name] for name in ("greeting", "digit-0", "language-other")} for lang in LANGUAGES
    }
    monkeypatch.setattr("ivr.prompts.catalogue", few.__getitem__)


@pytest.fixture
def voices(tmp_path: Path) -> Voices:
    """A voice that always hums the same, and a sox that copies: ``sox IN … OUT …`` as prompts calls it."""
    spoken = tone(tmp_path / "hum.wav", seconds=0.2, amplitude=2000)
    count = tmp_path / "spoken"
    speak = f'echo >> {count}; while [ "$1" != -ow ] && [ "$1" != -o ]; do shift; done; cp {spoken} "$2"\n'
    copy = (
        'in=$1; for one in "$@"; do case $one in */plain.wav|*/levelled.wav) out=$one;; esac; done; cp "$in" "$out"\n'
    )
    return Voices(
        open_jtalk=script(tmp_path / "jtalk", speak),
        dictionary=tmp_path,
        japanese_voice=tmp_path / "voice",
        english="flite-slt",
        english_command=script(tmp_path / "flite", speak),
        sox=script(tmp_path / "sox", copy),
    )


def times_spoken(tmp_path: Path) -> int:
    return len((tmp_path / "spoken").read_text().splitlines())


def test_every_prompt_in_both_languages_once(tmp_path: Path, voices: Voices) -> None:
    target, cache = tmp_path / "sounds", tmp_path / "cache"
    report = render_all(target, cache, texts=WORDS, voices=voices)
    assert len(report.prompts) == 2 * 3 + 2
    assert (target / "kakehashi/ja/greeting.wav").exists()
    assert (target / "kakehashi/en/t-recall.wav").exists()
    # "For English, press 2" is the same words in the same voice in both languages.
    assert times_spoken(tmp_path) >= 7
    before = times_spoken(tmp_path)
    again = render_all(target, cache, texts=WORDS, voices=voices)
    assert again.rendered == 0
    assert times_spoken(tmp_path) == before


def test_another_folder_is_filled_from_the_cache(tmp_path: Path, voices: Voices) -> None:
    render_all(tmp_path / "one", tmp_path / "cache", voices=voices)
    report = render_all(tmp_path / "two", tmp_path / "cache", voices=voices)
    assert report.rendered == 0
    assert (tmp_path / "two/kakehashi/ja/greeting.wav").read_bytes() == (
        tmp_path / "one/kakehashi/ja/greeting.wav"
    ).read_bytes()


def test_changed_words_are_spoken_again_and_only_they(tmp_path: Path, voices: Voices) -> None:
    render_all(tmp_path / "s", tmp_path / "cache", texts=WORDS, voices=voices)
    changed = {"t-recall": {**WORDS["t-recall"], "ja": "点検のお知らせです。"}}
    assert render_all(tmp_path / "s", tmp_path / "cache", texts=changed, voices=voices).rendered == 1


def test_another_voice_speaks_everything_again(tmp_path: Path, voices: Voices) -> None:
    render_all(tmp_path / "s", tmp_path / "cache", voices=voices)
    other = dataclasses.replace(voices, japanese_voice=tmp_path / "another")
    report = render_all(tmp_path / "s", tmp_path / "cache", voices=other)
    spoken = {(prompt.language, prompt.name) for prompt in report.prompts if not prompt.reused}
    assert spoken == {("ja", "greeting"), ("ja", "digit-0")}


def test_lengths_are_written_and_read(tmp_path: Path, voices: Voices) -> None:
    sounds = tmp_path / "s"
    lengths = FileLengths(sounds)
    assert lengths.length_s("greeting", "ja") is None
    render_all(sounds, tmp_path / "cache", texts=WORDS, voices=voices)
    render_all(sounds, tmp_path / "cache", voices=voices)
    assert lengths.length_s("greeting", "ja") == pytest.approx(0.2)
    assert lengths.length_s("t-recall", "en") == pytest.approx(0.2)
    assert lengths.length_s("greeting", "fr") is None


def test_a_voice_that_fails_is_named_with_the_prompt_and_the_reason(tmp_path: Path, voices: Voices) -> None:
    broken = dataclasses.replace(voices, open_jtalk=script(tmp_path / "broken", "echo no such model >&2; exit 3\n"))
    with pytest.raises(Unavailable, match=r"prompt '.*' \(..\): .*/broken failed: no such model"):
        render_all(tmp_path / "s", tmp_path / "cache", voices=broken)
    gone = dataclasses.replace(voices, sox=str(tmp_path / "nowhere"))
    with pytest.raises(Unavailable, match="nowhere did not run"):
        render_all(tmp_path / "s", tmp_path / "cache", voices=gone)


def test_what_is_missing_is_said_with_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("ivr.voices.DICTIONARIES", (tmp_path,))
    monkeypatch.setattr("ivr.voices._voice_files", lambda folders: [tmp_path / VOICE_FILE])
    with pytest.raises(Unavailable) as raised:
        find_voices()
    for package in ("open-jtalk)", "open-jtalk-mecab-naist-jdic", "nitech-jp-atr503-m001", "espeak-ng", "sox"):
        assert package in str(raised.value)


def test_the_voice_is_found_in_a_folder_of_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("open_jtalk", "espeak-ng", "sox"):
        script(tmp_path / name, "")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("ivr.voices.DICTIONARIES", (tmp_path,))
    (tmp_path / "sys.dic").touch()
    voice = tmp_path / "share" / VOICE_FILE
    voice.parent.mkdir(parents=True)
    voice.touch()
    found = find_voices([tmp_path / "share"])
    assert (found.japanese_voice, found.english) == (voice, "espeak-ng")
    script(tmp_path / "flite", "")
    assert find_voices([tmp_path / "share"]).english == "flite-slt"


def _rate(command: Sequence[str | Path]) -> float:
    return float(str(command[list(command).index("-r") + 1]))


def test_digits_are_said_slowly(voices: Voices) -> None:
    plain = voices.command("ja", Path("w"), Path("s"))
    slow = voices.command("ja", Path("w"), Path("s"), slowly=True)
    assert _rate(slow) < _rate(plain)


def test_espeak_speaks_when_flite_is_not_there(voices: Voices) -> None:
    other = dataclasses.replace(voices, english="espeak-ng", english_command="/usr/bin/espeak-ng")
    command = [str(word) for word in other.command("en", Path("w"), Path("s"))]
    assert command[0] == "/usr/bin/espeak-ng"
    assert other.name_of("en") != voices.name_of("en")


def test_the_lengths_file_is_plain_json(tmp_path: Path, voices: Voices) -> None:
    render_all(tmp_path / "s", tmp_path / "cache", voices=voices)
    assert json.loads((tmp_path / "s/kakehashi/lengths.json").read_text())["ja"]["digit-0"] == 0.2
