"""The obvious engine: for each decision look at every agent and every call. Slow, and easy to believe."""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import UTC, datetime, timedelta
from itertools import count

from cti.domain.model import AgentState, CallId, OfferId, SkillId, SkillLevel
from routing.expression import Expression
from routing.index import Group, Index
from routing.model import AgentRule
from routing.state import Agent, Waiting, WaitKey

T0 = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """An instant of a test."""
    return T0 + timedelta(seconds=seconds)


def skills(**levels: int) -> tuple[SkillLevel, ...]:
    """``skills(en=3)``."""
    return tuple(SkillLevel(skill=SkillId(name), level=level) for name, level in levels.items())


def ids(after: int = 0) -> Callable[[], OfferId]:
    """A source of offer ids that repeats itself in each run."""
    numbers = count(after + 1)
    return lambda: OfferId(f"{next(numbers):032x}")


class Everything:
    """Contains whatever is asked for."""

    def __contains__(self, thing: object) -> bool:
        return True


class ScanIndex(Index):
    """Same questions as Index, answered by looking at everybody."""

    def __init__(self) -> None:
        self._everybody: list[Agent] = []
        self._listed: dict[CallId, WaitKey] = {}

    def add_agent(self, agent: Agent) -> None:
        self._everybody.append(agent)

    def remove_agent(self, agent: Agent) -> None:
        self._everybody.remove(agent)

    def change(self, agent: Agent, rule: AgentRule) -> None:
        agent.skills, agent.profile = dict(rule.skills), rule.profile

    def state_changed(self, agent: Agent) -> None:
        pass

    def idle(self, agent: Agent) -> None:
        agent.idle = True

    def busy(self, agent: Agent) -> None:
        agent.idle = False

    def claim(self, expression: Expression) -> Group:
        return Group(expression, 0, 0)

    def release(self, group: Group) -> None:
        pass

    def wait(self, call: Waiting, key: WaitKey) -> None:
        call.key = key
        self._listed[call.call_id] = key

    def leave(self, call: Waiting) -> None:
        self._listed.pop(call.call_id, None)
        call.key = None

    def best_agent(self, call: Waiting) -> tuple[Agent, int] | None:
        able = [agent for agent in self._everybody if agent.idle and fits(call, agent) and call.may_ask(agent)]
        return (min(able, key=lambda agent: agent.idle_key[:2]), len(able)) if able else None

    def best_call(self, agent: Agent) -> tuple[Waiting, int] | None:
        able = [key for key in self._listed.values() if fits(key[3], agent) and key[3].may_ask(agent)]
        if not able:
            return None
        best = min(able)[3]
        alike = [key for key in self._listed.values() if key[3].group.expression == best.group.expression]
        return best, len(alike)

    def staffed(self, group: Group) -> bool:
        return any(who.state is not AgentState.OFFLINE and group.expression.fits(who) for who in self._everybody)

    def anybody(self) -> bool:
        return any(who.state is not AgentState.OFFLINE for who in self._everybody)

    def others_staffed(self, group: Group, agent: Agent) -> bool:
        return any(who.state is not AgentState.OFFLINE for who in self._who(group) if who is not agent)

    def gaps(self, agent: Agent) -> Container[Group]:
        return Everything()

    def counts(self, expression: Expression) -> tuple[int, int, int]:
        who = self._who(Group(expression, 0, 0))
        working = sum(one.state in (AgentState.AVAILABLE, AgentState.WRAP_UP) for one in who)
        return sum(one.idle for one in who), working, sum(one.state is not AgentState.OFFLINE for one in who)

    def at_work(self, group: Group) -> int:
        return self.counts(group.expression)[1]

    def _who(self, group: Group) -> list[Agent]:
        return [agent for agent in self._everybody if group.expression.fits(agent)]


def fits(call: Waiting, agent: Agent) -> bool:
    """Whether the call's present step takes this agent."""
    return call.group.expression.fits(agent)
