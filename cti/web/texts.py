"""Texts for people, by key and language, from ``catalogue/<language>.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from cti.web.parts import Named

LANGUAGES = ("ja", "en")
# Reasons for a break that every desk knows; their names are in the catalogue as "break.<slug>".
BREAK_REASONS = ("lunch", "rest", "meeting", "paperwork")


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All texts of a language."""
    source = files("cti.web").joinpath("catalogue", f"{language}.json")
    texts: dict[str, str] = json.loads(source.read_text(encoding="utf-8"))
    return texts


def text(key: str, language: str) -> str:
    """The text, in English when the language lacks it, the key itself when nobody has it."""
    return catalogue(language if language in LANGUAGES else "en").get(key) or catalogue("en").get(key, key)


def best_language(accept: str, otherwise: str = "ja") -> str:
    """The language of an ``Accept-Language`` header (RFC 9110, 12.5.4) that we have; ``otherwise`` if none."""
    weighed: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept[:500].split(",")):
        tag, _, parameters = part.strip().partition(";")
        name, _, value = parameters.strip().partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            weight = 0.0
        language = tag.split("-")[0].lower()
        if language in LANGUAGES and weight > 0:
            weighed.append((-weight, place, language))
    return min(weighed)[2] if weighed else otherwise


@cache
def break_reasons() -> tuple[Named, ...]:
    """The reasons an agent may give for a break."""
    return tuple(
        Named(id=slug, name_ja=text(f"break.{slug}", "ja"), name_en=text(f"break.{slug}", "en"))
        for slug in BREAK_REASONS
    )
