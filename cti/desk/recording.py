"""What must hold of a desk's rules of recording: what they name exists, and each can count."""

from __future__ import annotations

from collections.abc import Iterator

from cti.desk.schema import Tenant
from cti.tomlfile import Location, TomlFile, closest


def recording_problems(file: TomlFile, at: Location, tenant: Tenant) -> Iterator[str]:
    """One sentence for each thing that is wrong."""
    queues, agents = {queue.id for queue in tenant.queues}, {agent.id for agent in tenant.agents}
    for index, rule in enumerate(tenant.recording):
        here = (*at, "recording", index)
        if rule.queue is not None and rule.queue not in queues:
            yield file.problem((*here, "queue"), f"no queue {rule.queue!r}; {closest(rule.queue, queues)}")
        if rule.agent is not None and rule.agent not in agents:
            yield file.problem((*here, "agent"), f"no agent {rule.agent!r}; {closest(rule.agent, agents)}")
        all_fits = (rule.queue, rule.direction, rule.agent, rule.answer) == (None, None, None, None)
        if all_fits and index + 1 < len(tenant.recording):
            yield file.problem(here, "this rule fits every call, so those after it never count; put it last")
