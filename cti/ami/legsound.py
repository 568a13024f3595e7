"""What Asterisk says of a channel's sound as it ends, in figures. PURE.

The text is that of ``CHANNEL(rtcp,all)`` (Asterisk 22, main/rtp_engine.c, ast_rtp_instance_get_quality): many
``name=number`` joined by ";", times in seconds. Tried on a real one: ``lp`` are packets lost on their way to Asterisk,
``rlp`` those that the phone reports; "txjitter" is what Asterisk measured of what it received, "rxjitter" the report.
"""

from __future__ import annotations

from cti.domain.copies import made
from cti.domain.model import LegFigures

# Of one leg: a day of packets, one each 20 ms, is 4.3 millions; more is no count.
_MOST_PACKETS = 10_000_000
_MOST_S = 60.0
_LONGEST = 1_000
# A number that jumps back by more than 100 is taken for one that went round: 65,536 less the jump are "lost".
_GONE_ROUND = 1 << 15


def figures_of(text: str) -> LegFigures | None:
    """The figures, or None when the text has none: a channel without RTP, or one that is too far gone."""
    pairs = _pairs(text)
    received, sent = _packets(pairs, "rxcount"), _packets(pairs, "txcount")
    if received is None or sent is None:
        return None
    lost_from, lost_to = _packets(pairs, "lp"), _packets(pairs, "rlp")
    if lost_from is not None and lost_from >= _GONE_ROUND and lost_from > received // 10:
        lost_from = None
    if lost_to is not None and lost_to > sent:
        lost_to = None
    jitter_to, round_trip = _ms(pairs, "rxjitter"), _ms(pairs, "rtt")
    reports = bool(lost_to or jitter_to or round_trip)  # a phone that sends no reports leaves all three at 0
    figures = {
        "received": received,
        "lost_from": lost_from,
        "jitter_from_ms": _ms(pairs, "txjitter") or 0.0,
        "sent": sent,
        "lost_to": lost_to if reports else None,
        "jitter_to_ms": jitter_to if reports else None,
        "round_trip_ms": round_trip or None,
    }
    return made(LegFigures, figures)


def _pairs(text: str) -> str:
    """``;name=number`` again and again, whatever stands between; looked into seven times, of a dozen numbers."""
    return ";" + text[:_LONGEST].replace(" ", "")


def _number(pairs: str, name: str, most: float) -> float | None:
    text = pairs.partition(f";{name}=")[2].partition(";")[0]
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= most and text.isascii() else None


def _packets(pairs: str, name: str) -> int | None:
    value = _number(pairs, name, _MOST_PACKETS)
    return None if value is None else int(value)


def _ms(pairs: str, name: str) -> float | None:
    value = _number(pairs, name, _MOST_S)
    return None if value is None else round(value * 1_000_000) / 1000  # a microsecond is told; round(…, 3) is slow
