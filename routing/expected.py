"""How long a waiting caller will wait: the estimator behind announcements and pages. PURE.

A caller gets an agent when those before them have one, and then one more agent gets free. With ``ahead`` callers
before them, ``agents`` who take calls of this kind, each free again after ``handle_s`` on average, and callers who hang
up at a rate of ``hang_up_hz`` each, the turns come one by one, each after 1 / (agents / handle_s + j * hang_up_hz)
seconds on average, j counting from ``ahead`` down to 0 (the estimator QL_a of Ibrahim and Whitt, Real-time delay
estimation in overloaded multiserver queues with abandonments, Management Science 55(10), 2009). Callers of a higher
priority who come later pass the caller, until ageing stops them: they take a share of the agents.

What is told is the median, not the mean: half of the callers in this place get through sooner. The sum of turns is
nearly gamma distributed; its quantiles are those of Wilson and Hilferty (1931).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import exp, inf, log, sqrt

# Mean length of a call with its wrap-up before the first was seen: product.md's desks talk some minutes.
FIRST_GUESS_S = 240.0
# Weight of the newest call: half of what is remembered stems from the last 14 calls.
WEIGHT = 0.05
# The same for hang-ups, which are rarer: half stems from the last 70 callers who had to wait.
HANG_UP_WEIGHT = 0.01
# Before anybody hung up we know nothing and assume nobody will; this many seconds of waiting must have been seen
# before hang-ups count, or the first impatient caller would promise a short wait to everybody.
SEEN_S = 600.0
# Before so many calls were handled the mean length is mostly our guess (WEIGHT): nothing to tell a caller.
SEEN_CALLS = 14
# Arrivals are remembered for about a quarter of an hour: long enough to count some, short enough to see a peak come.
MEMORY_S = 900.0
# Beyond this share of the agents an estimate means nothing, and a division by zero is near.
MOST_OVERTAKEN = 0.9
# So many turns are added one by one, the rest by an integral: the difference is far below a second.
TURNS = 32
# 9 in 10: the standard normal's quantile.
Z_90 = 1.2816


class Flow:
    """What was seen lately in one queue: who came, how long they waited, who hung up, how long calls took."""

    __slots__ = ("_began", "_came", "_came_at", "_hung_up", "_waited_s", "handle_s", "seen")

    def __init__(self) -> None:
        self.handle_s = FIRST_GUESS_S
        self.seen = 0  # calls handled
        self._hung_up = 0.0  # callers, fading
        self._waited_s = 0.0  # seconds of all callers, fading alike
        self._began: datetime | None = None
        self._came = 0.0  # callers, fading
        self._came_at: datetime | None = None  # as of

    def handled(self, seconds: float) -> None:
        """An agent was busy this long with one call."""
        self.handle_s += WEIGHT * (seconds - self.handle_s)
        self.seen += 1

    def came(self, now: datetime) -> None:
        """A caller entered the queue."""
        self._came = self._faded(now) + 1
        self._came_at = now
        if self._began is None:
            self._began = now

    def left(self, waited_s: float, *, hung_up: bool) -> None:
        """A caller's wait is over. Who did not wait had no chance to hang up and says nothing."""
        if waited_s > 0:
            self._hung_up += hung_up - HANG_UP_WEIGHT * self._hung_up
            self._waited_s += waited_s - HANG_UP_WEIGHT * self._waited_s

    @property
    def hang_up_hz(self) -> float:
        """How often a waiting caller hangs up: 1 ÷ mean patience."""
        return self._hung_up / self._waited_s if self._waited_s >= SEEN_S else 0.0

    def arrivals_hz(self, now: datetime) -> float:
        """Callers a second, lately."""
        if self._began is None:
            return 0.0
        seen = 1 - exp(-max(1.0, (now - self._began).total_seconds()) / MEMORY_S)
        return self._faded(now) / (MEMORY_S * max(seen, 0.1))

    def _faded(self, now: datetime) -> float:
        if self._came_at is None:
            return 0.0
        return self._came * exp(-(now - self._came_at).total_seconds() / MEMORY_S)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Callers before ours who wait for the same, as far as they take agents whom ours could have."""

    callers: float  # count × share of their agents who fit ours too
    handle_s: float  # mean length of one of their calls, with wrap-up
    hang_up_hz: float  # each


@dataclass(frozen=True, kw_only=True, slots=True)
class Overtaking:
    """Callers of a higher priority who are yet to come."""

    work: float  # arrivals a second × mean length × share of their agents who fit ours too
    until_s: float  # from then on ageing stops them; inf: never


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A wait, as far as it can be known."""

    mean_s: float
    half_s: float  # half of the callers in this place wait less
    most_s: float  # nine in ten do


def estimate(
    lines: Iterable[Line], *, agents: int, handle_s: float, overtaking: Iterable[Overtaking] = ()
) -> Estimate | None:
    """The wait from now on. ``handle_s``: mean length of a call like the caller's own. None: nobody is at work."""
    if agents <= 0:
        return None
    lines = list(lines)
    ahead = sum(line.callers for line in lines)
    handle_s = (handle_s + sum(line.callers * line.handle_s for line in lines)) / (1 + ahead)
    rate_hz = agents / max(handle_s, 1.0)
    hang_up_hz = sum(line.callers * line.hang_up_hz for line in lines) / ahead if ahead else 0.0
    mean_s, variance = _turns(ahead, rate_hz, hang_up_hz)
    shape = mean_s**2 / variance
    mean_s = _overtaken(mean_s, sorted((one.until_s, one.work / agents) for one in overtaking))
    base, spread = 1 - 1 / (9 * shape), sqrt(1 / (9 * shape))
    return Estimate(mean_s=mean_s, half_s=mean_s * base**3, most_s=mean_s * (base + Z_90 * spread) ** 3)


def in_steps(steps: Iterable[tuple[float, float | None]]) -> float | None:
    """The wait of a caller with a plan: (seconds until the step begins, wait if it were the only one; None: nobody).

    A step's agents come after their own wait, and not before the step begins. None: no step has anybody.
    """
    return min((max(begins_s, wait_s) for begins_s, wait_s in steps if wait_s is not None), default=None)


def _turns(ahead: float, rate_hz: float, hang_up_hz: float) -> tuple[float, float]:
    """Mean and variance of the time until ``ahead`` + 1 turns are over; part of a turn counts in part."""
    whole = min(int(ahead), TURNS)
    mean_s = variance = 0.0
    for j in range(whole + 1):
        turn_s = 1 / (rate_hz + j * hang_up_hz)
        mean_s += turn_s
        variance += turn_s**2
    if rest := ahead - whole:
        from_hz = rate_hz + (whole + 0.5) * hang_up_hz
        to_hz = from_hz + rest * hang_up_hz
        mean_s += log(to_hz / from_hz) / hang_up_hz if hang_up_hz else rest / rate_hz
        variance += rest / (from_hz * to_hz)
    return mean_s, variance


def _overtaken(wait_s: float, others: list[tuple[float, float]]) -> float:
    """Solve wait = wait_s + Σ share × min(wait, until), for (until, share) with the earliest end first."""
    total = sum(share for _, share in others)
    if total > MOST_OVERTAKEN:
        others = [(until_s, share * MOST_OVERTAKEN / total) for until_s, share in others]
        total = MOST_OVERTAKEN
    for until_s, share in [*others, (inf, 0.0)]:
        found_s = wait_s / (1 - total)
        if found_s <= until_s:
            return found_s
        wait_s += share * until_s
        total -= share
    return wait_s
