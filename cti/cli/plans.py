"""The plans of a desk file, checked with what the file itself declares."""

from __future__ import annotations

from cti.desk.schema import Desk, Queue, Tenant
from cti.domain.errors import ConfigError
from cti.domain.model import AgentId, QueueId, SkillId, SkillLevel
from routing.model import AgentRule, QueueRule
from routing.plan import nobody_for, steps_from_data
from routing.reading import Known


def plan_warnings(desk: Desk) -> list[str]:
    """What to warn of: steps that no agent of the file could ever take. Raises ConfigError with every problem."""
    problems: list[str] = []
    warnings: list[str] = []
    for name, tenant in desk.tenants.items():
        known, agents = _known(tenant), _agents(tenant)
        for queue in tenant.queues:
            where = f"tenants.{name}.queues.{queue.id}.plan"
            try:
                warnings += nobody_for(_rule(queue, known, where), agents, where=where)
            except ConfigError as error:
                problems += error.problems
    if problems:
        raise ConfigError(problems)
    return warnings


def _known(tenant: Tenant) -> Known:
    return Known(
        skills=frozenset(SkillId(skill.id) for skill in tenant.skills),
        agents=frozenset(AgentId(agent.id) for agent in tenant.agents),
        profiles=frozenset(profile.id for profile in tenant.profiles),
    )


def _agents(tenant: Tenant) -> list[AgentRule]:
    return [
        AgentRule(
            agent=AgentId(agent.id),
            skills={SkillId(skill): level for skill, level in agent.skills.items()},
            profile=agent.profile or "",
        )
        for agent in tenant.agents
    ]


def _rule(queue: Queue, known: Known, where: str) -> QueueRule:
    return QueueRule(
        queue=QueueId(queue.id),
        skills=tuple(SkillLevel(skill=SkillId(skill), level=level) for skill, level in queue.skills.items()),
        steps=steps_from_data(queue.plan or [], where=where, known=known),
    )
