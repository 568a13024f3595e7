"""Bodies of names. PURE: models only, no I/O, no clock."""

from __future__ import annotations

from cti.web.parts import Body, Named


class AgentName(Body):
    """An agent."""

    id: str
    name: str


class PersonName(Body):
    """Somebody who logs in, or did."""

    login: str
    name: str


class NameList(Body):
    """What ids and log-in names stand for at this desk."""

    queues: list[Named]
    agents: list[AgentName]
    people: list[PersonName]
