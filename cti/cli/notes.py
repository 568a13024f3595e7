"""What is said of a desk file beyond its form: plans that are wrong, and what is allowed but hardly meant.

Everything is checked with what the file itself declares; each sentence begins with file, line and key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from cti.desk.queueschema import Queue
from cti.desk.schema import Desk, Tenant
from cti.domain.errors import ConfigError
from cti.domain.model import AgentId, QueueId, SkillId, SkillLevel
from cti.tomlfile import Location, TomlFile, dotted
from routing.calendar import calendar_from_data
from routing.expression import needs
from routing.model import AgentRule, QueueRule
from routing.plan import nobody_for, steps_from_data
from routing.reading import Known


def desk_notes(desk: Desk, file: TomlFile, today: date) -> list[str]:
    """What may not be meant: steps, queues and menus that no agent of the file could ever serve, clocks that change.

    Raises ConfigError with every problem of every plan.
    """
    problems: list[str] = []
    notes: list[str] = []
    for name, tenant in desk.tenants.items():
        here: Location = ("tenants", name)
        known, agents = _known(tenant), _agents(tenant)
        for index, queue in enumerate(tenant.queues):
            at = (*here, "queues", index, "plan" if queue.plan else "skills")
            try:
                found = nobody_for(_rule(queue, known, dotted(at)), agents, where=dotted(at))
                notes += [f"{file.where(at)}: {note}" for note in found]
            except ConfigError as error:
                problems += [f"{file.where(at)}: {problem}" for problem in error.problems]
        notes += _menu_notes(file, here, tenant, agents)
        notes += _clock_notes(file, here, tenant, today)
    if problems:
        raise ConfigError(problems)
    return notes


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


def _levels(skills: Mapping[str, int]) -> tuple[SkillLevel, ...]:
    return tuple(SkillLevel(skill=SkillId(skill), level=level) for skill, level in skills.items())


def _rule(queue: Queue, known: Known, where: str) -> QueueRule:
    steps = steps_from_data(queue.plan or [], where=where, known=known)
    return QueueRule(queue=QueueId(queue.id), skills=_levels(queue.skills), steps=steps)


def _menu_notes(file: TomlFile, at: Location, tenant: Tenant, agents: list[AgentRule]) -> Iterator[str]:
    """Ends of menus whose skills, with those of the queue, nobody has. A queue's plan may ask for something else."""
    queues = {queue.id: queue for queue in tenant.queues if not queue.plan}
    for number, menu in enumerate(tenant.menus):
        for index, node in enumerate(menu.get("nodes", ())):
            asked: Mapping[str, Any] = node.get("skills") or {}
            for name in dict.fromkeys((node.get("queue"), *(node.get("queue_by_language") or {}).values())):
                queue = queues.get(str(name))
                if not asked or queue is None:
                    continue
                own, both = needs(_levels(queue.skills)), needs(_levels(queue.skills), _levels(asked))
                if any(own.fits(agent) for agent in agents) and not any(both.fits(agent) for agent in agents):
                    yield file.problem(
                        (*at, "menus", number, "nodes", index, "skills"),
                        f"no agent of this desk has these skills and those of the queue {queue.id!r}; its callers end"
                        " up with nobody: ask for less, or give one agent all of them",
                    )


def _clock_notes(file: TomlFile, at: Location, tenant: Tenant, today: date) -> Iterator[str]:
    for index, calendar in enumerate(tenant.calendars):
        hours = calendar_from_data(calendar.model_dump(mode="json"), zone=tenant.time_zone)
        for where, sentence in hours.clock_changes(today):
            yield file.problem((*at, "calendars", index, *where), sentence)
