"""The catalogue: both languages whole, and everything the dialplan says is in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ivr.complaints import OWN_PROMPTS
from ivr.texts import LANGUAGES, catalogue, prompt_names
from routing.announce import MINUTES

ROOT = Path(__file__).parents[3]


def test_both_languages_have_the_same_prompts() -> None:
    names = prompt_names()
    assert names["ja"] == names["en"]
    assert set(OWN_PROMPTS) <= names["ja"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_positions_up_to_thirty_and_beyond(language: str) -> None:
    assert {f"position-{n}" for n in range(1, 31)} | {"position-more-than-30"} <= set(catalogue(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_expected_waits_up_to_thirty_minutes_and_beyond(language: str) -> None:
    assert {f"wait-{told}" for told in MINUTES} | {"wait-more-than-30"} <= set(catalogue(language))


def test_what_the_dialplan_says_is_in_the_catalogue() -> None:
    text = (ROOT / "asterisk-conf/extensions.conf").read_text()
    said = set(re.findall(r"\$\{CTI_SOUNDS\}/(?:\$\{CHANNEL\(language\)\}|ja|en)/([a-z0-9-]+)", text))
    said |= set(re.findall(r"Set\(CTI_TEXT=([a-z0-9-]+)\)", text))
    assert len(said) > 5
    assert said <= prompt_names()["ja"]


def test_each_language_offers_the_other_in_the_others_own_words() -> None:
    assert catalogue("ja")["language-other"].voice == "en"
    assert catalogue("en")["language"].voice == "ja"
    assert catalogue("ja")["greeting"].voice == "ja"


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_one_printable_line(language: str) -> None:
    assert all(text.words.strip() and text.words.isprintable() for text in catalogue(language).values())


def test_words_that_the_voice_reads_wrongly_are_written_in_kana() -> None:
    """open-jtalk reads 開かない as ヒラカナイ and の方は as カタハ or ホーワ."""
    words = " ".join(text.words for text in catalogue("ja").values())
    assert "開かない" not in words
    assert "の方は" not in words
    assert "かたは" not in words


def test_an_unknown_language_is_told() -> None:
    with pytest.raises(FileNotFoundError):
        catalogue("fr")
