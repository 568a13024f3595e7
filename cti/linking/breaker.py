"""A circuit breaker as a table: after enough failures in a row, stop asking for a while. PURE; time is an argument."""

from __future__ import annotations

from enum import StrEnum


class BreakerState(StrEnum):
    """Whether questions go out."""

    CLOSED = "closed"  # yes
    OPEN = "open"  # no, until the rest is over
    PROBING = "probing"  # one is under way; its outcome decides


class BreakerEvent(StrEnum):
    """What happens to a breaker."""

    SUCCESS = "success"
    FAILURE = "failure"
    TOO_MANY = "too_many"  # the failure that fills the measure
    RESTED = "rested"  # somebody wants to ask and the rest is over
    GAVE_UP = "gave_up"  # the probe was cancelled: nobody knows


# What is missing changes nothing: late outcomes of questions asked before the breaker opened.
MOVES: dict[BreakerState, dict[BreakerEvent, BreakerState]] = {
    BreakerState.CLOSED: {BreakerEvent.TOO_MANY: BreakerState.OPEN},
    BreakerState.OPEN: {
        BreakerEvent.RESTED: BreakerState.PROBING,
        BreakerEvent.SUCCESS: BreakerState.CLOSED,  # a late answer is an answer
    },
    BreakerState.PROBING: {
        BreakerEvent.SUCCESS: BreakerState.CLOSED,
        BreakerEvent.FAILURE: BreakerState.OPEN,
        BreakerEvent.TOO_MANY: BreakerState.OPEN,
        BreakerEvent.GAVE_UP: BreakerState.OPEN,
    },
}


class Breaker:
    """Counts failures in a row. All times are monotonic seconds."""

    def __init__(self, *, failures: int, rest_s: float) -> None:
        self.state = BreakerState.CLOSED
        self._limit = failures
        self._rest_s = rest_s
        self._in_a_row = 0
        self._until_s = 0.0

    def may_ask(self, now_s: float) -> bool:
        """Whether a question may go out now. True while open means: you are the probe, report its outcome."""
        if self.state is BreakerState.OPEN and now_s >= self._until_s:
            self._move(BreakerEvent.RESTED)
            return True
        return self.state is BreakerState.CLOSED

    def succeeded(self) -> None:
        """The service answered properly."""
        self._in_a_row = 0
        self._move(BreakerEvent.SUCCESS)

    def failed(self, now_s: float, *, retry_after_s: float = 0.0) -> None:
        """It did not. ``retry_after_s``: how long the service itself asks to be left alone."""
        self._in_a_row += 1
        was = self.state
        full = self._in_a_row >= self._limit or retry_after_s > 0
        self._move(BreakerEvent.TOO_MANY if full else BreakerEvent.FAILURE)
        if was is not BreakerState.OPEN and self.state is BreakerState.OPEN:
            self._until_s = now_s + max(self._rest_s, retry_after_s)

    def gave_up(self, now_s: float) -> None:
        """A question was cancelled before anyone knew. The next one may probe at once."""
        if self.state is BreakerState.PROBING:
            self._until_s = now_s
        self._move(BreakerEvent.GAVE_UP)

    def _move(self, event: BreakerEvent) -> None:
        self.state = MOVES[self.state].get(event, self.state)
