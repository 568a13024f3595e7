"""What Asterisk says of a channel's sound as it ends, in figures. PURE.

The texts are those of ``CHANNEL(rtcp,all)``, ``all_jitter`` and ``all_rtt`` (Asterisk 22, main/rtp_engine.c,
ast_rtp_instance_get_quality): ``name=number`` joined by ";". Seconds. Tried on a real one (docs/dialplan.md): in
"all", ``lp`` are packets lost on their way to Asterisk and ``rlp`` those that the phone reports; in the two others "rx"
is what Asterisk measured and "tx" what the phone reports.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from cti.domain.model import LegFigures

# Of one leg: a day of packets, one each 20 ms, is 4.3 millions; more is no count.
_MOST_PACKETS = 10_000_000
_MOST_S = 60.0
_LONGEST = 1_000
# A number that jumps back by more than 100 is taken for one that went round: 65,536 less the jump are "lost".
_GONE_ROUND = 1 << 15


def figures_of(everything: str, jitter: str, round_trip: str) -> LegFigures | None:
    """The figures, or None when the first text has none: a channel without RTP, or one that is too far gone."""
    counted, jitters, trips = (_numbers(text) for text in (everything, jitter, round_trip))
    received, sent = _packets(counted, "rxcount"), _packets(counted, "txcount")
    if received is None or sent is None:
        return None
    lost_from, lost_to = _packets(counted, "lp"), _packets(counted, "rlp")
    if lost_from is not None and lost_from >= _GONE_ROUND and lost_from > received // 10:
        lost_from = None
    if lost_to is not None and lost_to > sent:
        lost_to = None
    jitter_to, trip = _ms(jitters, "maxtxjitter"), _ms(trips, "maxrtt")
    reports = bool(lost_to or jitter_to or trip)  # a phone that sends no reports leaves all three at 0
    return LegFigures(
        received=received,
        lost_from=lost_from,
        jitter_from_ms=_ms(jitters, "avgrxjitter") or 0.0,
        jitter_from_max_ms=_ms(jitters, "maxrxjitter") or 0.0,
        sent=sent,
        lost_to=lost_to if reports else None,
        jitter_to_ms=_ms(jitters, "avgtxjitter") if reports else None,
        jitter_to_max_ms=jitter_to if reports else None,
        round_trip_ms=_ms(trips, "avgrtt") if trip else None,
        round_trip_max_ms=trip or None,
    )


def _numbers(text: str) -> Mapping[str, float]:
    found = {}
    for part in text[:_LONGEST].split(";"):
        name, _, value = part.strip().partition("=")
        try:
            number = float(value)
        except ValueError:
            continue
        if math.isfinite(number) and value.isascii():
            found[name] = number
    return found


def _packets(numbers: Mapping[str, float], name: str) -> int | None:
    value = numbers.get(name)
    return int(value) if value is not None and 0 <= value <= _MOST_PACKETS else None


def _ms(numbers: Mapping[str, float], name: str) -> float | None:
    value = numbers.get(name)
    return round(value * 1000, 3) if value is not None and 0 <= value <= _MOST_S else None
