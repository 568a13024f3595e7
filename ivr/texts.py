"""The catalogue of spoken texts: ``catalogue/<language>.json``, prompt name → words, or words with another voice."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

LANGUAGES = ("ja", "en")
# A language's name in itself: the same in every catalogue.
ENDONYMS = {"ja": "日本語", "en": "English"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SpokenText:
    """Words and who speaks them."""

    words: str
    voice: str  # "ja" or "en": "For English, press 2" is said in English to those who hear Japanese


@functools.cache
def catalogue(language: str) -> Mapping[str, SpokenText]:
    """Every prompt of a language by name. Raises FileNotFoundError for a language that is not shipped."""
    source = resources.files("ivr") / "catalogue" / f"{language}.json"
    entries: dict[str, str | dict[str, str]] = json.loads(source.read_text(encoding="utf-8"))
    return {name: _spoken(entry, language) for name, entry in entries.items()}


def prompt_names() -> dict[str, frozenset[str]]:
    """Language → names of its prompts."""
    return {language: frozenset(catalogue(language)) for language in LANGUAGES}


def _spoken(entry: str | dict[str, str], language: str) -> SpokenText:
    if isinstance(entry, str):
        return SpokenText(words=entry, voice=language)
    return SpokenText(words=entry["text"], voice=entry["voice"])
