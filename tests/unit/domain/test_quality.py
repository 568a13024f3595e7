"""Grades of sound: the E-model's own figures, and that worse is never called better."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.model import AgentId, LegFigures
from cti.domain.quality import BEST, Grade, LineQuality, grade, grade_leg, lost_share, rating

T0 = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
CLEAN = LineQuality(
    agent=AgentId("sato"), talk_at=T0, reported_at=T0, measured_s=60.0, received=3000, lost_in=0, jitter_in_ms=1.5,
    jitter_in_max_ms=4.0, sent=3000, lost_out=0, jitter_out_ms=1.0, round_trip_ms=12.0, round_trip_max_ms=30.0,
)  # fmt: skip
SHARES = st.floats(0, 1)
TIMES_MS = st.floats(0, 2_000)

# The same table stands in frontend/src/softphone/quality.test.ts: page and server must not disagree.
TABLE = [
    (0.0, 2.0, 20.0, 92.4, Grade.GOOD),
    (0.01, 2.0, 20.0, 88.7, Grade.GOOD),
    (0.05, 2.0, 20.0, 76.6, Grade.FAIR),
    (0.08, 5.0, 60.0, 68.8, Grade.POOR),
    (0.0, 10.0, 300.0, 87.2, Grade.GOOD),
    (0.0, 40.0, 600.0, 59.1, Grade.POOR),
]


@pytest.mark.parametrize(("loss", "jitter_ms", "round_trip_ms", "value", "word"), TABLE)
def test_figures_and_words(loss: float, jitter_ms: float, round_trip_ms: float, value: float, word: Grade) -> None:
    assert rating(loss, jitter_ms, round_trip_ms) == pytest.approx(value, abs=0.06)
    lost = round(3000 * loss)
    heard = replace(
        CLEAN, received=3000 - lost, lost_in=lost, jitter_in_ms=jitter_ms, round_trip_ms=round_trip_ms, lost_out=None
    )
    assert grade(heard) is word


def test_the_worse_direction_counts() -> None:
    assert grade(CLEAN) is Grade.GOOD
    assert grade(replace(CLEAN, lost_out=300)) is Grade.POOR
    assert grade(replace(CLEAN, lost_in=300)) is Grade.POOR


def test_silence_is_told_apart() -> None:
    nothing = replace(CLEAN, received=0, sent=0, lost_out=None, jitter_out_ms=None, round_trip_ms=None)
    assert grade(nothing) is None
    assert grade(replace(CLEAN, received=0)) is Grade.POOR, "an agent who hears nothing does not hear well"


def test_what_asterisk_never_reported_is_not_counted_against_it() -> None:
    assert grade(replace(CLEAN, lost_out=None, jitter_out_ms=None, round_trip_ms=None)) is Grade.GOOD


@given(SHARES, SHARES, TIMES_MS, TIMES_MS)
def test_worse_is_never_rated_better(less: float, more: float, jitter_ms: float, round_trip_ms: float) -> None:
    less, more = sorted((less, more))
    assert 0 <= rating(more, jitter_ms, round_trip_ms) <= rating(less, jitter_ms, round_trip_ms) <= BEST
    assert rating(less, jitter_ms, round_trip_ms) >= rating(less, jitter_ms + 5, round_trip_ms + 5)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_share_is_a_share(lost: int, arrived: int) -> None:
    assert 0 <= lost_share(lost, arrived) <= 1


LEG = LegFigures(
    received=3000, lost_from=0, jitter_from_ms=1.0, sent=3000, lost_to=0, jitter_to_ms=1.5, round_trip_ms=12.0,
)  # fmt: skip
ONE_WAY = replace(LEG, lost_to=None, jitter_to_ms=None, round_trip_ms=None)


@pytest.mark.parametrize(
    ("figures", "word"),
    [
        (LEG, Grade.GOOD),
        (replace(LEG, lost_from=300), Grade.POOR),
        (replace(LEG, lost_to=300), Grade.POOR),
        (replace(LEG, received=0), Grade.POOR),  # nothing was heard of them
        (ONE_WAY, Grade.GOOD),
        (replace(ONE_WAY, lost_from=160), Grade.FAIR),
        (replace(ONE_WAY, lost_from=None), None),  # nobody knows of any loss
        (replace(ONE_WAY, received=0, sent=0), None),
    ],
)
def test_a_leg_is_graded_by_what_is_known_of_it(figures: LegFigures, word: Grade | None) -> None:
    assert grade_leg(figures) is word


def test_a_leg_is_graded_as_a_page_would() -> None:
    for loss, jitter_ms, round_trip_ms, _, word in TABLE:
        lost = round(3000 * loss)
        assert grade_leg(replace(LEG, lost_to=lost, jitter_to_ms=jitter_ms, round_trip_ms=round_trip_ms)) is word
