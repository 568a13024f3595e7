"""How a call sounded at an agent's page, or on a leg as Asterisk saw it, and what that is worth. PURE.

The grade is the E-model of ITU-T G.107, shortened to what both can measure: delay and loss with G.711.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cti.domain.model import AgentId, LegFigures

# G.107: everything at its default; what is left of 100 without delay or loss.
BEST = 93.2
# G.113: G.711 with concealment of lost packets, which browsers do. Ie is 0.
LOSS_ROBUSTNESS = 25.1
# A packet of 20 ms is full before it leaves.
PACKET_MS = 20.0
# A receiver's buffer is at least as long as what it must even out: twice the mean jitter (RFC 3550's is a mean).
BUFFER_FACTOR = 2.0
# G.109: "satisfied" from 80, "some dissatisfied" from 70, below that "many".
GOOD, FAIR = 80.0, 70.0


class Grade(StrEnum):
    """What people would say of the sound."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


@dataclass(frozen=True, kw_only=True, slots=True)
class LineQuality:
    """One talk of one agent, from the talk's beginning to ``reported_at``."""

    agent: AgentId
    talk_at: datetime  # when the agent came on the line
    reported_at: datetime
    measured_s: float
    received: int  # packets that reached the agent
    lost_in: int  # packets that did not
    jitter_in_ms: float  # mean
    jitter_in_max_ms: float
    sent: int  # packets that left the agent
    lost_out: int | None  # of those, as Asterisk reported; None: it has not
    jitter_out_ms: float | None  # mean, as Asterisk reported
    round_trip_ms: float | None  # mean, page to Asterisk and back
    round_trip_max_ms: float | None


def lost_share(lost: int, arrived: int) -> float:
    """0 to 1.

    >>> lost_share(5, 95)
    0.05
    """
    return lost / (lost + arrived) if lost > 0 else 0.0


def rating(loss: float, jitter_ms: float, round_trip_ms: float) -> float:
    """R of the E-model, 0 to 93.2, for one direction. ``loss``: 0 to 1.

    >>> round(rating(0.0, 2.0, 20.0), 1), round(rating(0.05, 2.0, 20.0), 1)
    (92.4, 76.6)
    """
    delay_ms = round_trip_ms / 2 + PACKET_MS + BUFFER_FACTOR * jitter_ms
    delayed = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - 177.3)
    percent = 100 * loss
    damaged = 95 * percent / (percent + LOSS_ROBUSTNESS)
    return max(0.0, BEST - delayed - damaged)


def grade(quality: LineQuality) -> Grade | None:
    """The worse of the two directions; None: nothing was heard or said, so there is nothing to grade."""
    if quality.received == 0 and quality.sent == 0:
        return None
    round_trip_ms = quality.round_trip_ms or 0.0
    worst = rating(lost_share(quality.lost_in, quality.received), quality.jitter_in_ms, round_trip_ms)
    if quality.lost_out is not None and quality.sent > 0:
        out = lost_share(quality.lost_out, max(0, quality.sent - quality.lost_out))
        worst = min(worst, rating(out, quality.jitter_out_ms or 0.0, round_trip_ms))
    if quality.received == 0:
        worst = 0.0  # sent, and heard nothing: the call was silent for the agent
    return _in_words(worst)


def grade_leg(figures: LegFigures) -> Grade | None:
    """As :func:`grade`, of what is known; None: there was no packet, or nobody knows of any loss."""
    round_trip_ms = figures.round_trip_ms or 0.0
    ratings: list[float] = []
    if figures.sent > 0 and figures.received == 0:
        ratings.append(0.0)  # nothing was heard of them
    elif figures.received > 0 and figures.lost_from is not None:
        lost = lost_share(figures.lost_from, figures.received)
        ratings.append(rating(lost, figures.jitter_from_ms, round_trip_ms))
    if figures.sent > 0 and figures.lost_to is not None:
        lost = lost_share(figures.lost_to, max(0, figures.sent - figures.lost_to))
        ratings.append(rating(lost, figures.jitter_to_ms or 0.0, round_trip_ms))
    return _in_words(min(ratings)) if ratings else None


def _in_words(worst: float) -> Grade:
    return Grade.GOOD if worst >= GOOD else Grade.FAIR if worst >= FAIR else Grade.POOR
