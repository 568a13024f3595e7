"""A centre in virtual time for the routing bench: callers and agents around one engine, each input timed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

from cti.domain.model import (
    AgentId,
    AgentState,
    CallId,
    OfferId,
    OfferOutcome,
    PhoneState,
    QueueId,
    SkillId,
    SkillLevel,
)
from routing import model as m
from routing.engine import Engine
from routing.expression import AllOf, AnyOf, Expression, Has, Not
from routing.index import Index

START = datetime(2026, 11, 21, tzinfo=UTC)
SKILLS = tuple(SkillId(f"s{number}") for number in range(100))
SKILLS_EACH = 30  # of an agent, at random: a hard desk, real ones have classes of agents
PLAIN, PLANNED = 20, 10  # queues without and with a plan
EXPRESSIONS = 200
FAR_S = 10 * 365 * 86_400
STEP = timedelta(milliseconds=10)  # between two inputs: 100 a second
REJECTED = 0.05  # of the offers
FITTING = 2  # agents who must fit an expression, so that no caller waits in vain


class Centre:
    """One engine, its agents and its callers. Two of the same seed are told the same while they decide the same."""

    def __init__(self, agents: int, seed: int, index: Index | None = None) -> None:
        self.random = Random(seed)
        numbers = count(1)
        self.engine = Engine(lambda: OfferId(f"{next(numbers):032x}"), index)
        self.now = START
        self.times_us: list[float] = []  # of each input that asks for a decision
        self.made: list[tuple[str, str]] = []  # offers: call, agent
        self._busy: list[tuple[AgentId, CallId]] = []
        self._calls = 0
        self._extra: dict[CallId, tuple[QueueId, datetime, tuple[SkillLevel, ...]]] = {}
        self.rules = _desk(agents, self.random)
        self.needs = _needs(self.rules.agents, self.random)
        self.tell(m.DeskLoaded(rules=self.rules))
        for agent in self.rules.agents:
            self.tell(m.PhoneIs(agent=agent.agent, phone=PhoneState.IDLE))
            self.tell(m.AgentChooses(agent=agent.agent, state=AgentState.AVAILABLE, reason=""))

    # --- Inputs ---

    def tell(self, told: m.Told) -> list[m.Decision]:
        """One input, not timed."""
        return self.engine.advance(told, self.now)

    def decide(self, told: m.Told) -> None:
        """What is due and one input, timed; offers are taken or rejected at once."""
        self.now += STEP
        while (due := self.engine.next_deadline()) is not None and due <= self.now:
            self._timed(m.Tick(), due)
        self._timed(told, self.now)

    def _timed(self, told: m.Told, now: datetime) -> None:
        begin = time.thread_time_ns()
        decisions = self.engine.advance(told, now)
        self.times_us.append((time.thread_time_ns() - begin) / 1000)
        for decision in decisions:
            if isinstance(decision, m.Offered):
                self._ring(decision)

    def _ring(self, offer: m.Offered) -> None:
        self.made.append((offer.call_id, offer.agent))
        if self.random.random() < REJECTED:
            self._timed(m.OfferOver(offer_id=offer.offer_id, outcome=OfferOutcome.REJECTED), self.now)
            self._timed(self._waits(offer.call_id), self.now)
            return
        self.tell(m.OfferOver(offer_id=offer.offer_id, outcome=OfferOutcome.ACCEPTED))
        self._extra.pop(offer.call_id)
        self._busy.append((offer.agent, offer.call_id))

    # --- What happens ---

    def occupy(self, share: float) -> None:
        """This share of the agents talks with callers who came before."""
        agents = [rule.agent for rule in self.rules.agents]
        for agent in self.random.sample(agents, round(share * len(agents))):
            call_id = CallId(f"before-{agent}")
            self.tell(m.CallTaken(call_id=call_id, agent=agent, queue=QueueId("q0")))
            self._busy.append((agent, call_id))

    def fill(self, calls: int) -> None:
        """So many callers wait; nobody is free for them."""
        for _ in range(calls):
            self.now += STEP
            self.tell(self.new_call())

    def call_comes(self) -> None:
        """A caller begins to wait."""
        self.decide(self.new_call())

    def agent_gets_free(self) -> None:
        """A talk ends. Who finds nobody waiting stands idle."""
        if self._busy:
            place = self.random.randrange(len(self._busy))
            self._busy[place], self._busy[-1] = self._busy[-1], self._busy[place]
            agent, call_id = self._busy.pop()
            self.decide(m.AgentFree(agent=agent, call_id=call_id))

    def new_call(self) -> m.CallWaits:
        """One more caller, with what they ask for."""
        self._calls += 1
        call_id = CallId(f"c{self._calls}")
        extra: tuple[SkillLevel, ...] = ()
        if self.random.random() < PLANNED / (PLAIN + PLANNED):
            queue = QueueId(f"p{self.random.randrange(PLANNED)}")
        else:
            queue, extra = QueueId(f"q{self.random.randrange(PLAIN)}"), self.random.choice(self.needs)
        self._extra[call_id] = (queue, self.now, extra)
        return self._waits(call_id)

    def _waits(self, call_id: CallId) -> m.CallWaits:
        queue, since, extra = self._extra[call_id]
        return m.CallWaits(call_id=call_id, queue=queue, queued_at=since, skills=extra)


def _desk(agents: int, random: Random) -> m.DeskRules:
    staff = tuple(
        m.AgentRule(
            agent=AgentId(f"a{number}"),
            skills={skill: random.randint(1, 5) for skill in random.sample(SKILLS, SKILLS_EACH)},
        )
        for number in range(agents)
    )
    plain = tuple(
        m.QueueRule(queue=QueueId(f"q{number}"), priority=number % 3, max_wait_s=FAR_S, wrap_up_s=0, nobody_wait=True)
        for number in range(PLAIN)
    )
    planned = tuple(
        m.QueueRule(
            queue=QueueId(f"p{number}"),
            max_wait_s=FAR_S,
            wrap_up_s=0,
            nobody_wait=True,
            steps=(
                m.Step(want=_fitting(staff, random), expires_s=30),
                m.Step(want=_fitting(staff, random), expires_s=None),
            ),
        )
        for number in range(PLANNED)
    )
    return m.DeskRules(queues=plain + planned, agents=staff, limits=m.Limits(refusals=1_000_000_000))


def _mixed(random: Random) -> Expression:
    """(A and B) or C, and not D."""
    one, two, three, four = (Has(skill, random.randint(1, 3)) for skill in random.sample(SKILLS, 4))
    return AllOf((AnyOf((AllOf((one, two)), three)), Not(four)))


def _fitting(staff: tuple[m.AgentRule, ...], random: Random) -> Expression:
    while True:
        want = _mixed(random)
        if sum(want.fits(agent) for agent in staff[:2000]) >= FITTING:
            return want


def _needs(staff: tuple[m.AgentRule, ...], random: Random) -> list[tuple[SkillLevel, ...]]:
    """One to three skills with levels each; with the plans, EXPRESSIONS in all."""
    found: list[tuple[SkillLevel, ...]] = []
    while len(found) < EXPRESSIONS - 2 * PLANNED:
        wanted = tuple(
            SkillLevel(skill=skill, level=random.randint(1, 4)) for skill in random.sample(SKILLS, random.randint(1, 3))
        )
        want = AllOf(tuple(Has(one.skill, one.level) for one in wanted))
        if wanted not in found and sum(want.fits(agent) for agent in staff[:2000]) >= FITTING:
            found.append(wanted)
    return found
