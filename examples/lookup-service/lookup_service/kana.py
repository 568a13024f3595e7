"""One spelling for names, so that カタカナ, ひらがな, ﾊﾝｶｸ, spaces and rōmaji find the same person."""

from __future__ import annotations

import unicodedata

import jaconv

# Sounds with two spellings in names (チヅル, チズル), and what people leave out or put in when they type.
_SAME = str.maketrans(
    {"ぢ": "じ", "づ": "ず", "ヵ": "か", "ヶ": "け", "ゎ": "わ", "ー": "", "-": "", "・": "", "’": ""}
)


def search_key(text: str) -> str:
    """Normalised form of a name in any script: NFKC, small letters, hiragana, no spaces.

    Kanji stay kanji. Latin letters are read as rōmaji: "Takahashi" → "たかはし".
    """
    folded = "".join(unicodedata.normalize("NFKC", text).split()).casefold()
    if folded.isascii() and folded.isalpha():
        folded = jaconv.alphabet2kana(folded)
    return str(jaconv.kata2hira(folded)).translate(_SAME)
