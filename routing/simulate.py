"""The real engine under virtual time: random calls and agents, figures with confidence intervals.

Arrivals are Poisson; talk and patience are exponential; agents answer at once and need no wrap-up, so that the
results can be held against exact ones (Erlang B, C and A). Figures are given by the method of batch means: the calls
after the warm-up are cut into BATCHES parts, and the interval comes from how much the parts differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count, pairwise
from math import sqrt
from random import Random
from statistics import fmean, stdev

from cti.domain.model import AgentId, AgentState, CallId, OfferId, PhoneState, QueueId, SkillId, SkillLevel
from routing import model as m
from routing.engine import Engine

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY_S = 86_400.0
BATCHES = 20
# Student's t for 99 %, two-sided, BATCHES - 1 = 19 degrees of freedom.
T_99 = 2.861
# Parts more alike than this say that the run is far too short; the interval is then only very wide.
MOST_LIKE = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class CallType:
    """Callers who want the same."""

    rate_hz: float  # arrivals a second
    skills: Mapping[str, int] = field(default_factory=dict)  # least levels
    priority: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """What to simulate."""

    types: tuple[CallType, ...]
    agents: tuple[Mapping[str, int], ...]  # each agent's skills
    talk_s: float  # mean
    patience_s: float | None = None  # mean; None: nobody hangs up
    places: int | None = None  # callers who may wait; more are turned away; None: any number
    calls: int = 20_000  # arrivals after the warm-up
    warm_up: int = 2_000  # arrivals before anything is counted
    seed: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A result and the half-width of its 99 % confidence interval."""

    value: float
    half_width: float

    def holds(self, exact: float) -> bool:
        """Whether the exact value lies in the interval."""
        return abs(self.value - exact) <= self.half_width


@dataclass(slots=True)
class Batch:
    """What became of the calls of one part."""

    offered: int = 0
    blocked: int = 0
    abandoned: int = 0
    waits_s: list[float] = field(default_factory=list)  # of the answered
    waits_lost_s: list[float] = field(default_factory=list)  # of those who hung up
    talk_s: float = 0.0  # agents' work for these calls
    from_s: float = 0.0
    to_s: float = 0.0


class Simulation:
    """One run."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._random = Random(scenario.seed)  # noqa: S311 -- a simulation must be repeatable
        numbers = count(1)
        self._engine = Engine(lambda: OfferId(f"{next(numbers):032x}"))
        self._events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._numbers = count(1)
        self._calls: dict[CallId, tuple[Batch | None, float]] = {}  # waiting: where they count, when they came
        self._now_s = 0.0
        self._arrived = 0
        self.batches = [Batch() for _ in range(BATCHES)]

    def run(self) -> Simulation:
        """Until the last call that counts has arrived and ended."""
        self._open()
        for number, kind in enumerate(self._scenario.types):
            self._at(self._random.expovariate(kind.rate_hz), self._arrive, number)
        last = self._scenario.warm_up + self._scenario.calls
        while self._arrived < last or self._calls:
            self._now_s, _, action, args = heappop(self._events)
            action(*args)
        return self

    # --- What happens ---

    def _open(self) -> None:
        forever = 10 * 365 * int(DAY_S)
        queues = tuple(
            m.QueueRule(
                queue=QueueId(f"q{number}"),
                priority=kind.priority,
                skills=tuple(SkillLevel(skill=SkillId(skill), level=level) for skill, level in kind.skills.items()),
                max_wait_s=forever,
                nobody_wait=True,
                wrap_up_s=0,
            )
            for number, kind in enumerate(self._scenario.types)
        )
        agents = tuple(
            m.AgentRule(agent=AgentId(f"a{number}"), skills={SkillId(skill): level for skill, level in has.items()})
            for number, has in enumerate(self._scenario.agents)
        )
        self._tell(m.DeskLoaded(rules=m.DeskRules(queues=queues, agents=agents)))
        for agent in agents:
            self._tell(m.PhoneIs(agent=agent.agent, phone=PhoneState.IDLE))
            self._tell(m.AgentChooses(agent=agent.agent, state=AgentState.AVAILABLE, reason=""))

    def _arrive(self, number: int) -> None:
        scenario, kind = self._scenario, self._scenario.types[number]
        self._at(self._random.expovariate(kind.rate_hz), self._arrive, number)
        batch = self._batch()
        self._arrived += 1
        if batch is not None:
            batch.offered += 1
            batch.to_s = self._now_s
        call_id = CallId(f"c{self._arrived}")
        self._calls[call_id] = (batch, self._now_s)
        self._tell(m.CallWaits(call_id=call_id, queue=QueueId(f"q{number}"), queued_at=self._instant()))
        if call_id not in self._calls:
            return
        if scenario.places is not None and len(self._calls) > scenario.places:
            self._lose(call_id)
            if batch is not None:
                batch.blocked += 1
        elif scenario.patience_s is not None:
            self._at(self._random.expovariate(1 / scenario.patience_s), self._hang_up, call_id)

    def _batch(self) -> Batch | None:
        """Where the next arrival counts."""
        counted = self._arrived - self._scenario.warm_up
        if not 0 <= counted < self._scenario.calls:
            return None
        batch = self.batches[counted * BATCHES // self._scenario.calls]
        if not batch.offered:
            batch.from_s = self._now_s
        return batch

    def _hang_up(self, call_id: CallId) -> None:
        if call_id in self._calls:
            batch, since_s = self._calls[call_id]
            self._lose(call_id)
            if batch is not None:
                batch.abandoned += 1
                batch.waits_lost_s.append(self._now_s - since_s)

    def _lose(self, call_id: CallId) -> None:
        del self._calls[call_id]
        self._tell(m.CallGone(call_id=call_id))

    def _answer(self, call_id: CallId, agent: AgentId) -> None:
        batch, since_s = self._calls.pop(call_id)
        talk_s = self._random.expovariate(1 / self._scenario.talk_s)
        if batch is not None:
            batch.waits_s.append(self._now_s - since_s)
            batch.talk_s += talk_s
        self._tell(m.CallTaken(call_id=call_id, agent=agent))
        self._at(talk_s, self._free, call_id, agent)

    def _free(self, call_id: CallId, agent: AgentId) -> None:
        self._tell(m.AgentFree(agent=agent, call_id=call_id))

    # --- Inside ---

    def _at(self, in_s: float, action: Callable[..., None], *args: object) -> None:
        heappush(self._events, (self._now_s + in_s, next(self._numbers), action, args))

    def _instant(self) -> datetime:
        return START + timedelta(seconds=self._now_s)

    def _tell(self, told: m.Told) -> None:
        for decision in self._engine.advance(told, self._instant()):
            if isinstance(decision, m.Offered):
                self._answer(decision.call_id, decision.agent)

    # --- Figures ---

    def figure(self, of: Callable[[Batch], float]) -> Figure:
        """A figure of each batch, averaged."""
        values = [of(batch) for batch in self.batches]
        mean = fmean(values)
        spread = stdev(values)
        if not spread:
            return Figure(value=mean, half_width=0.0)
        # Busy hours last from one part into the next: neighbours that resemble each other tell less than strangers do.
        # The likeness found in so few parts is too low by about 1 / BATCHES.
        products = [(one - mean) * (next_ - mean) for one, next_ in pairwise(values)]
        likeness = min(MOST_LIKE, max(0.0, fmean(products) / spread**2 + 1 / BATCHES))
        return Figure(value=mean, half_width=T_99 * spread / sqrt(BATCHES) * sqrt((1 + likeness) / (1 - likeness)))

    @property
    def waited(self) -> Figure:
        """Share of those let in who waited at all."""
        return self.figure(
            lambda b: (len(b.waits_lost_s) + sum(wait > 0 for wait in b.waits_s)) / (b.offered - b.blocked)
        )

    @property
    def mean_wait_s(self) -> Figure:
        """Of all who were let in, answered or not."""
        return self.figure(lambda b: (sum(b.waits_s) + sum(b.waits_lost_s)) / (b.offered - b.blocked))

    @property
    def mean_wait_answered_s(self) -> Figure:
        """Of those who were answered (ASA)."""
        return self.figure(lambda b: fmean(b.waits_s))

    def within(self, limit_s: float) -> Figure:
        """Answered within so many seconds ÷ offered, blocked and abandoned included."""
        return self.figure(lambda b: sum(wait <= limit_s for wait in b.waits_s) / b.offered)

    def within_accepted(self, limit_s: float) -> Figure:
        """Answered within so many seconds ÷ let in."""
        return self.figure(lambda b: sum(wait <= limit_s for wait in b.waits_s) / (b.offered - b.blocked))

    @property
    def abandoned(self) -> Figure:
        """Hung up ÷ offered."""
        return self.figure(lambda b: b.abandoned / b.offered)

    @property
    def blocked(self) -> Figure:
        """Turned away ÷ offered."""
        return self.figure(lambda b: b.blocked / b.offered)

    @property
    def occupancy(self) -> Figure:
        """Talk ÷ agents' time."""
        return self.figure(lambda b: b.talk_s / ((b.to_s - b.from_s) * len(self._scenario.agents)))
