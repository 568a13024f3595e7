"""Which codecs a trunk may offer, and at which rate its calls may be recorded. PURE."""

from __future__ import annotations

# ITU-T G.722: 50 to 7,000 Hz in the 64 kbit/s of G.711. Asterisk, desk phones and browsers all speak it.
WIDE_CODEC = "g722"
CODECS = (WIDE_CODEC, "ulaw", "alaw")
NARROW_HZ, WIDE_HZ = 8000, 16000  # of Asterisk's formats wav and wav16


def is_wide(codecs: tuple[str, ...], record_hz: int) -> bool:
    """Whether calls may be recorded at 16 kHz."""
    return WIDE_CODEC in codecs and record_hz == WIDE_HZ


def narrow(codecs: tuple[str, ...]) -> tuple[str, ...]:
    """Those of telephone bandwidth."""
    return tuple(codec for codec in codecs if codec != WIDE_CODEC)


def sound_problem(codecs: tuple[str, ...], record_hz: int) -> tuple[str, str] | None:
    """What cannot be had: the key ("trunk_codecs", "rate_hz") and what to do; None: all of it can."""
    twice = next((codec for codec in codecs if codecs.count(codec) > 1), None)
    if twice is not None:
        return "trunk_codecs", f"has {twice} twice; leave one out"
    if not narrow(codecs):
        return "trunk_codecs", "has g722 alone; add ulaw, which every carrier speaks"
    if record_hz == WIDE_HZ and WIDE_CODEC not in codecs:
        return "rate_hz", 'is 16000 and the trunk has no g722; write trunk_codecs = ["g722", "ulaw"], or 8000'
    return None
