"""The pages' style sheets: a colour that nobody defined is no colour, and the browser says nothing about it."""

from __future__ import annotations

import re
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[3] / "frontend/src"


def test_every_token_that_is_used_is_defined() -> None:
    sheets = "\n".join(file.read_text(encoding="utf-8") for file in sorted(SOURCES.glob("*.css")))
    defined = set(re.findall(r"(--[\w-]+)\s*:", sheets))
    used = set(re.findall(r"var\((--[\w-]+)\)", sheets))  # those with a second choice do without
    assert used, "found none: is it looked for as it is written?"
    assert used - defined == set()
