"""Texts of CHANNEL(rtcp,…) as Asterisk 22.10.1 wrote them, in figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.ami.legsound import figures_of
from cti.domain.model import LegFigures

# A phone that sends no reports.
SILENT = (
    "ssrc=658634026;themssrc=1262570310;lp=6;rxjitter=0.000000;rxcount=594;txjitter=0.001625;txcount=2100;rlp=0;"
    "rtt=0.000000;rxmes=0.000000;txmes=88.087887",
    "minrxjitter=000.000000;maxrxjitter=000.011625;avgrxjitter=000.000545;stdevrxjitter=000.000920;"
    "mintxjitter=000.000000;maxtxjitter=000.000000;avgtxjitter=000.000000;stdevtxjitter=000.000000;",
    "minrtt=000.000000;     maxrtt=000.000000;     avgrtt=000.000000;     stdevrtt=000.000000;",
)
# One that does.
TELLING = (
    SILENT[0].replace("rlp=0", "rlp=21"),
    SILENT[1].replace("maxtxjitter=000.000000;avgtxjitter=000.000000", "maxtxjitter=000.009000;avgtxjitter=000.004000"),
    "minrtt=000.010000;     maxrtt=000.080000;     avgrtt=000.031000;     stdevrtt=000.002000;",
)


def test_a_phone_without_reports_is_known_one_way() -> None:
    assert figures_of(*SILENT) == LegFigures(
        received=594,
        lost_from=6,
        jitter_from_ms=0.545,
        jitter_from_max_ms=11.625,
        sent=2100,
        lost_to=None,
        jitter_to_ms=None,
        jitter_to_max_ms=None,
        round_trip_ms=None,
        round_trip_max_ms=None,
    )


def test_a_phone_with_reports_is_known_both_ways() -> None:
    found = figures_of(*TELLING)
    assert found is not None
    assert (found.lost_to, found.jitter_to_ms, found.jitter_to_max_ms) == (21, 4.0, 9.0)
    assert (found.round_trip_ms, found.round_trip_max_ms) == (31.0, 80.0)


@pytest.mark.parametrize(
    ("everything", "lost_from", "lost_to"),
    [
        (TELLING[0].replace("lp=6", "lp=65386"), None, 21),  # 150 back, taken for once round
        (TELLING[0].replace("rlp=21", "rlp=4294967295"), 6, None),  # more arrived than were sent, as the phone has it
        (TELLING[0].replace("rlp=21", "rlp=2101"), 6, None),
        (TELLING[0].replace("lp=6", "lp=40000").replace("rxcount=594", "rxcount=900000"), 40000, 21),  # of five hours
    ],
)
def test_what_cannot_be_is_not_known(everything: str, lost_from: int | None, lost_to: int | None) -> None:
    found = figures_of(everything, *TELLING[1:])
    assert found is not None
    assert (found.lost_from, found.lost_to) == (lost_from, lost_to)


@pytest.mark.parametrize("everything", ["", "rxcount=1", "rxcount=-1;txcount=5", "rxcount=nan;txcount=5", "x" * 5000])
def test_a_channel_without_sound_has_no_figures(everything: str) -> None:
    assert figures_of(everything, *SILENT[1:]) is None


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_anything_else_is_none_or_figures(more: str, jitter: str, round_trip: str) -> None:
    found = figures_of(f"rxcount=1;txcount=2;{more}", jitter, round_trip)
    assert found is None or found.sent >= 0
