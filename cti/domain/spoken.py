"""Words of a desk's own that are spoken to callers, and the name of the sound they become. PURE."""

from __future__ import annotations

import hashlib


def sound_name(ja: str, en: str) -> str:
    """The sound file's name of a text in both languages: the same words are rendered once, whoever wrote them."""
    return "t-" + hashlib.sha256(f"{ja}\n{en}".encode()).hexdigest()[:20]
