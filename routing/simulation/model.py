"""What to simulate: callers, staff, plans, and how long. PURE.

Instants within a simulation are seconds since its start; durations carry their unit in the name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from cti.domain.model import SkillId, SkillLevel
from routing.model import Limits, QueueRule

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
# A Thursday like any other: hours of the day need a day.
START = datetime(2026, 1, 1, tzinfo=UTC)


# --- Durations -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exponential:
    """No memory: what Erlang's formulas assume."""

    mean_s: float


@dataclass(frozen=True, slots=True)
class Lognormal:
    """What talk times of real desks look like. ``cv``: standard deviation ÷ mean."""

    mean_s: float
    cv: float


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same."""

    each_s: float


@dataclass(frozen=True, slots=True)
class Listed:
    """The n-th call takes the n-th value, and again from the first after the last."""

    values_s: tuple[float, ...]


Duration = Exponential | Lognormal | Fixed | Listed


# --- Arrivals --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rate:
    """Poisson, the same at all hours."""

    per_h: float


@dataclass(frozen=True, slots=True)
class RateByHour:
    """Poisson with a rate for each hour of the day, 0 to 23."""

    per_h: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Instants:
    """Exactly these, in order; ``talk_s`` and ``patience_s``, if given, belong to them one by one."""

    at_s: tuple[float, ...]


Arrivals = Rate | RateByHour | Instants


@dataclass(frozen=True, kw_only=True, slots=True)
class Callers:
    """Callers who want the same."""

    name: str  # unique: their random numbers hang on it
    queue: str
    arrivals: Arrivals
    talk: Duration
    patience: Duration | None = None  # None: nobody hangs up
    skills: tuple[SkillLevel, ...] = ()  # asked for on top of the queue's


# --- Plans -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Staff:
    """Agents with the same skills and hours."""

    group: str
    count: int
    skills: Mapping[SkillId, int]
    at_work: tuple[tuple[float, float], ...] = ()  # (from, to) in seconds since the start; empty: always


class Policy(StrEnum):
    """What an agent who gets free takes."""

    OLDEST = "oldest"  # the engine's own: the first in line of all whom they fit
    OWN_SKILL_FIRST = "own_skill_first"  # of those who want the agent's best skill the first; else as above


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A desk as it could be run; two of them can be compared under the same callers."""

    name: str
    queues: tuple[QueueRule, ...]
    staff: tuple[Staff, ...]
    limits: Limits = field(default_factory=lambda: Limits(wrap_up_s=0))
    policy: Policy = Policy.OLDEST
    waiting_places: int | None = None  # of the whole desk; who finds them taken is turned away. None: any number


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """A recorded day."""

    start: datetime  # aware, in the desk's time zone
    hours: float  # 23 or 25 when the clock changes
    callers: tuple[Callers, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """Everything one run needs. Either ``calls`` or ``hours`` says how long, or recorded ``days`` do."""

    callers: tuple[Callers, ...]
    plans: tuple[Plan, ...]
    calls: int | None = None  # arrivals that count, of all callers together
    hours: float | None = None
    warm_up: float = 0.0  # before anything counts: calls or hours, as above
    start: datetime = START  # aware; its clock on the wall says which hour of the day it is
    seed: int = 1
    replications: int = 10
    within_s: tuple[float, ...] = (20.0,)  # limits of the service level
    days: tuple[Day, ...] = ()  # a replication each, with their own callers, start and length

    def of(self, replication: int) -> Scenario:
        """As the replication sees it: the scenario itself, or that of its day."""
        if not self.days:
            return self
        day = self.days[replication]
        return replace(self, start=day.start, hours=day.hours, callers=day.callers, days=())
