"""What must hold of a desk's saved numbers: each may be dialled by its rules, and who may see it exists."""

from __future__ import annotations

from collections.abc import Iterator

from cti.desk.outbound import NEVER
from cti.desk.schema import SavedNumber, Tenant
from cti.domain.callbacks import HAD_DIALLED, dialled
from cti.domain.phone import classify, parse_called
from cti.tomlfile import Location, TomlFile, closest


def saved_number_problems(file: TomlFile, at: Location, tenant: Tenant) -> Iterator[str]:
    """One sentence for each thing that is wrong, in the order of the file."""
    queues = {queue.id for queue in tenant.queues}
    agents = {agent.id for agent in tenant.agents}
    for index, saved in enumerate(tenant.saved_numbers):
        here = (*at, "saved_numbers", index)
        why_not = _refused(tenant, saved)
        if why_not is not None:
            yield file.problem((*here, "number"), f"{saved.number!r}: {why_not}")
        for key, named, known in (("queues", saved.queues, queues), ("agents", saved.agents, agents)):
            for name in named:
                if name not in known:
                    yield file.problem((*here, key), f"no {key[:-1]} {name!r}; {closest(name, known)}")


def _refused(tenant: Tenant, saved: SavedNumber) -> str | None:
    """Why nobody could ever dial it, and what to write instead."""
    kind = classify(saved.number)
    if kind not in HAD_DIALLED:
        why = NEVER.get(kind, "it is no number that may be dialled")
        return f"{why}; write the number of a line of their own, or leave the entry out"
    e164 = parse_called(saved.number)
    if e164 in {number.number for number in tenant.numbers}:
        return "it is the desk's own number; transfer to its queue instead, and leave the entry out"
    rules = tenant.outbound
    if rules is not None and rules.prefixes and not dialled(e164).startswith(rules.prefixes):
        return f"no prefix of [tenants.NAME.outbound] lets it in ({', '.join(rules.prefixes)}); add one there"
    return None
