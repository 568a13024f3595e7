"""The index alone, against looking at everybody: more agents, more skips and fewer rules than a desk has."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from cti.domain.model import AgentId, AgentState, CallId, PhoneState, QueueId, SkillId
from routing import index as index_module
from routing.crowd import Line
from routing.expression import EVERYBODY, AnyOf, Expression, Has, InProfile, Named, Not
from routing.index import Index
from routing.model import AgentRule, QueueRule
from routing.state import Agent, IdleKey, Stage, Waiting
from tests.unit.routing.reference import ScanIndex, at

AGENTS = tuple(AgentId(f"a{number}") for number in range(8))
CALLS = tuple(CallId(f"c{number}") for number in range(10))
JA, EN = SkillId("ja"), SkillId("en")
WANTS: tuple[Expression, ...] = (
    EVERYBODY,
    Has(JA, 2),
    Has(EN, 2),
    Not(Has(JA, 2)),
    Named(frozenset(AGENTS[:3])),
    Named(frozenset(AGENTS[2:5])),
    AnyOf((Has(EN, 3), InProfile("night"))),
    Not(InProfile("day")),
)
QUEUE = QueueRule(queue=QueueId("q"))
agents = st.sampled_from(AGENTS)
calls = st.sampled_from(CALLS)
levels = st.fixed_dictionaries({JA: st.integers(1, 3), EN: st.integers(1, 3)})


class Side:
    """One index with its own agents and calls."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.agents: dict[AgentId, Agent] = {}
        self.calls: dict[CallId, Waiting] = {}

    def add(self, name: AgentId, skills: dict[SkillId, int], number: int) -> None:
        agent = Agent(name, skills, at(number), number)
        agent.state, agent.phone = AgentState.AVAILABLE, PhoneState.BUSY
        self.agents[name] = agent
        self.index.add_agent(agent)

    def wait(self, call_id: CallId, want: Expression, priority: int, skip: frozenset[AgentId], number: int) -> None:
        call = Waiting(call_id, QUEUE, at(number % 5), number)
        call.plan = (Stage(self.index.claim(want), None, 1),)
        call.skip = dict.fromkeys(skip, at(10_000))
        self.index.wait(call, (-priority, call.queued_at, number, call))
        self.calls[call_id] = call

    def leave(self, call_id: CallId) -> None:
        call = self.calls.pop(call_id)
        self.index.leave(call)
        self.index.release(call.group)

    def best_agent(self, call_id: CallId) -> tuple[AgentId, int] | None:
        found = self.index.best_agent(self.calls[call_id])
        return None if found is None else (found[0].agent, found[1])

    def best_call(self, name: AgentId) -> tuple[CallId, int] | None:
        found = self.index.best_call(self.agents[name])
        return None if found is None else (found[0].call_id, found[1])


class Sides(RuleBasedStateMachine):
    """All are told the same and asked the same."""

    def __init__(self) -> None:
        super().__init__()
        self.obvious = Side(ScanIndex())
        self.clever = [Side(Index()), Side(Index(Line(size=1))), Side(Index(Line(size=2))), Side(Index(Line(size=3)))]
        self.number = 0

    @property
    def sides(self) -> list[Side]:
        return [self.obvious, *self.clever]

    def next(self) -> int:
        self.number += 1
        return self.number

    @initialize(skills=st.lists(levels, min_size=len(AGENTS), max_size=len(AGENTS)))
    def staff(self, skills: list[dict[SkillId, int]]) -> None:
        for name, has in zip(AGENTS, skills, strict=True):
            number = self.next()
            for side in self.sides:
                side.add(name, has, number)
            self.ready(name)

    @rule(name=agents)
    def ready(self, name: AgentId) -> None:
        for side in self.sides:
            agent = side.agents.get(name)
            if agent is not None and not agent.idle:
                agent.phone = PhoneState.IDLE
                side.index.idle(agent)

    @rule(name=agents, anew=st.booleans())
    def busy(self, name: AgentId, anew: bool) -> None:
        number = self.next()
        for side in self.sides:
            agent = side.agents.get(name)
            if agent is not None:
                agent.phone = PhoneState.BUSY
                side.index.busy(agent)
                if anew:
                    key: IdleKey = (at(number), number, agent)
                    agent.idle_key = key

    @rule(name=agents)
    def works(self, name: AgentId) -> None:
        """What happens most: away and back at the end of the line."""
        self.busy(name, True)
        self.ready(name)

    @rule(name=agents, skills=levels, profile=st.sampled_from(["", "night", "day"]))
    def learns(self, name: AgentId, skills: dict[SkillId, int], profile: str) -> None:
        for side in self.sides:
            if name in side.agents:
                agent = side.agents[name]
                side.index.change(agent, AgentRule(agent=name, skills=skills, profile=profile))

    @rule(name=agents, skills=levels)
    def leaves_or_comes(self, name: AgentId, skills: dict[SkillId, int]) -> None:
        number = self.next()
        for side in self.sides:
            if name in side.agents:
                side.index.remove_agent(side.agents.pop(name))
            else:
                side.add(name, skills, number)

    @rule(
        call_id=calls,
        want=st.sampled_from(WANTS),
        priority=st.sampled_from([0, 0, 5]),
        skip=st.one_of(st.just(frozenset()), st.frozensets(agents, max_size=6)),
    )
    def waits(self, call_id: CallId, want: Expression, priority: int, skip: frozenset[AgentId]) -> None:
        number = self.next()
        if call_id in self.obvious.calls:
            self.leaves(call_id)
        for side in self.sides:
            side.wait(call_id, want, priority, skip, number)

    @precondition(lambda self: self.obvious.calls)
    @rule(call_id=calls)
    def leaves(self, call_id: CallId) -> None:
        if call_id in self.obvious.calls:
            for side in self.sides:
                side.leave(call_id)

    @rule(call_id=calls)
    def who_for(self, call_id: CallId) -> None:
        if call_id in self.obvious.calls:
            wanted = self.obvious.best_agent(call_id)
            assert [side.best_agent(call_id) for side in self.clever] == [wanted] * len(self.clever)

    @rule(name=agents)
    def what_for(self, name: AgentId) -> None:
        if name in self.obvious.agents:
            wanted = self.obvious.best_call(name)
            assert [side.best_call(name) for side in self.clever] == [wanted] * len(self.clever)

    def teardown(self) -> None:
        for call_id in list(self.obvious.calls):
            self.who_for(call_id)
        for name in AGENTS:
            self.what_for(name)
        for side in self.clever:
            for call_id in list(side.calls):
                side.leave(call_id)
            assert side.index._heads == []
            idle = sorted(agent.line_key for agent in side.agents.values() if agent.idle)
            assert list(side.index._line) == idle


A0, A1 = AGENTS[:2]
ALL = {JA: 3, EN: 3}


def test_the_next_of_a_group_whose_head_was_let_go_is_compared_with_the_other_heads() -> None:
    side = Side(Index())
    side.add(A0, ALL, 1)
    let_go = frozenset({A0})
    side.wait(CALLS[0], Has(JA, 1), 0, let_go, 0)
    side.wait(CALLS[1], Has(JA, 1), 0, frozenset(), 3)
    side.wait(CALLS[2], Has(EN, 1), 0, frozenset(), 2)
    assert side.best_call(A0) == (CALLS[2], 1)


def test_a_better_next_is_not_forgotten_for_a_later_one() -> None:
    side = Side(Index())
    side.add(A0, ALL, 1)
    let_go = frozenset({A0})
    side.wait(CALLS[0], Has(JA, 1), 0, let_go, 0)
    side.wait(CALLS[1], Has(JA, 1), 0, frozenset(), 3)
    side.wait(CALLS[2], Has(EN, 1), 0, let_go, 1)
    side.wait(CALLS[3], Has(EN, 1), 0, frozenset(), 4)
    assert side.best_call(A0) == (CALLS[1], 2)


def test_a_group_of_names_goes_with_its_last_call_and_comes_back_whole() -> None:
    side = Side(Index(Line(size=1)))
    for number, name in enumerate((A0, A1)):
        side.add(name, ALL, number)
        side.index.idle(side.agents[name])
    side.wait(CALLS[0], Named(frozenset({A0, A1})), 0, frozenset(), 5)
    assert side.best_agent(CALLS[0]) == (A0, 2)
    side.leave(CALLS[0])
    side.index.busy(side.agents[A0])
    side.wait(CALLS[1], Named(frozenset({A0})), 0, frozenset(), 6)
    assert side.best_agent(CALLS[1]) is None
    side.index.idle(side.agents[A0])
    assert side.best_agent(CALLS[1]) == (A0, 1)


@pytest.fixture(autouse=True)
def _few_spare_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups are dropped and made again."""
    monkeypatch.setattr(index_module, "SPARE_GROUPS", 1)


TestSides = Sides.TestCase
TestSides.settings = settings(
    max_examples=60, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
