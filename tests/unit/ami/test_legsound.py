"""Texts of CHANNEL(rtcp,all) as Asterisk 22.10.1 wrote them, in figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.ami.legsound import figures_of
from cti.domain.model import LegFigures

# A phone that sends no reports.
SILENT = (
    "ssrc=658634026;themssrc=1262570310;lp=6;rxjitter=0.000000;rxcount=594;txjitter=0.001625;txcount=2100;rlp=0;"
    "rtt=0.000000;rxmes=0.000000;txmes=88.087887"
)
# One that does.
TELLING = SILENT.replace("rlp=0", "rlp=21").replace("rxjitter=0.0", "rxjitter=0.004").replace("rtt=0.0", "rtt=0.031")


def test_a_phone_without_reports_is_known_one_way() -> None:
    assert figures_of(SILENT) == LegFigures(
        received=594,
        lost_from=6,
        jitter_from_ms=1.625,
        sent=2100,
        lost_to=None,
        jitter_to_ms=None,
        round_trip_ms=None,
    )


def test_a_phone_with_reports_is_known_both_ways() -> None:
    found = figures_of(TELLING)
    assert found is not None
    assert (found.lost_to, found.jitter_to_ms, found.round_trip_ms) == (21, 4.0, 31.0)


@pytest.mark.parametrize(
    ("text", "lost_from", "lost_to"),
    [
        (TELLING.replace("lp=6", "lp=65386"), None, 21),  # 150 back, taken for once round
        (TELLING.replace("rlp=21", "rlp=4294967295"), 6, None),  # more arrived than were sent, as the phone has it
        (TELLING.replace("rlp=21", "rlp=2101"), 6, None),
        (TELLING.replace("lp=6", "lp=40000").replace("rxcount=594", "rxcount=900000"), 40000, 21),  # of five hours
    ],
)
def test_what_cannot_be_is_not_known(text: str, lost_from: int | None, lost_to: int | None) -> None:
    found = figures_of(text)
    assert found is not None
    assert (found.lost_from, found.lost_to) == (lost_from, lost_to)


@pytest.mark.parametrize("text", ["", "rxcount=1", "rxcount=-1;txcount=5", "rxcount=nan;txcount=5", "x" * 5000])
def test_a_channel_without_sound_has_no_figures(text: str) -> None:
    assert figures_of(text) is None


@given(st.text(max_size=200))
def test_anything_else_is_none_or_figures(more: str) -> None:
    found = figures_of(f"rxcount=1;txcount=2;{more}")
    assert found is None or found.sent >= 0
