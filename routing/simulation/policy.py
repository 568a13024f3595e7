"""Ways to choose that the engine does not offer (yet), for trying out. PURE."""

from __future__ import annotations

from routing.expression import AllOf, Expression, Has
from routing.index import Index
from routing.simulation.model import Policy
from routing.state import Agent, Waiting


class OwnSkillFirst(Index):
    """An agent who gets free takes the oldest call that wants their best skill; without one, the oldest they fit."""

    def best_call(self, agent: Agent) -> tuple[Waiting, int] | None:
        """As the engine's own index, but the agent's own skill goes before age and priority."""
        best = max(agent.skills.values(), default=0)
        for head in self._heads:
            group = head[3].group
            wanted = _wanted(group.expression)
            own = wanted is not None and agent.skills.get(wanted.skill) == best
            if own and group.has(agent) and head[3].may_ask(agent):
                return head[3], len(group.waiting)
        return super().best_call(agent)


def _wanted(expression: Expression) -> Has | None:
    """The first skill that is asked for."""
    match expression:
        case Has():
            return expression
        case AllOf((Has() as first, *_)):
            return first
        case _:
            return None


def index_of(policy: Policy) -> Index:
    """The index that chooses so."""
    return OwnSkillFirst() if policy is Policy.OWN_SKILL_FIRST else Index()
