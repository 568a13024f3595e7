"""What the live queue page and "me" are made of: skills, agents, queues. PURE: models only, no I/O, no clock."""

from __future__ import annotations

from pydantic import AwareDatetime

from cti.domain.model import (
    AgentState,
    PhoneState,
)
from cti.web.parts import Body, Named, PopPhase


class SkillBody(Body):
    """A skill and its level."""

    id: str
    name_ja: str
    name_en: str
    level: int  # 1 to 5


class AgentBody(Body):
    """The agent behind this socket."""

    agent: str
    name: str
    state: AgentState
    reason: str  # slug: break reason, or why the system changed it
    since: AwareDatetime
    until: AwareDatetime | None  # when after-call work ends by itself; null: another state
    phone: PhoneState
    phone_since: AwareDatetime | None
    skills: list[SkillBody]


class UserBody(Body):
    """The person who is logged in."""

    login: str
    name: str
    roles: list[str]
    must_change: bool  # still the first password: everything but changing it is refused


class WaitingCall(Body):
    """A caller in a queue."""

    call_id: str
    position: int  # 1 is next
    since: AwareDatetime  # first entry into a queue
    attempts: int  # offers made so far
    offered_to: str | None  # agent whose phone rings for this call now
    priority: int  # with what waiting has added
    expected_s: float | None  # half of the callers in this place wait less from now on; null: nobody is at work


class QueueFigures(Body):
    """Figures of a queue since the tenant's midnight. Abandoned calls count as offered."""

    offered: int
    answered: int
    abandoned: int
    in_time: int  # answered within service_level_s
    service_level: float | None  # in_time / offered; none before the first call
    asa_s: float | None  # mean wait of answered calls


class HoursBody(Body):
    """What a queue's calendar says now."""

    open: bool
    name_ja: str  # of a holiday or a day of the desk's own; empty on a weekday
    name_en: str
    until: AwareDatetime | None  # when it closes or opens; none: not within a year


class QueueLive(Body):
    """A queue, now."""

    queue: Named
    service_level_s: int
    waiting: list[WaitingCall]  # at most 100, in order
    waiting_count: int
    oldest_since: AwareDatetime | None
    talking: int
    agents_available: int  # could take a call of this queue now
    agents_logged_in: int  # skilled for it and not offline
    nobody_for: int  # callers whom nobody who is logged in could ever take
    hours: HoursBody | None  # none: always open
    figures: QueueFigures | None  # none while the database is away


class AgentCall(Body):
    """The call an agent is in."""

    call_id: str
    queue: str | None
    phase: PopPhase
    since: AwareDatetime


class AgentLive(Body):
    """An agent, now."""

    agent: str
    name: str
    state: AgentState
    reason: str
    since: AwareDatetime
    phone: PhoneState
    call: AgentCall | None
    skills: list[SkillBody]


class Board(Body):
    """Queues and agents of a tenant, now: the body of the queues message and of GET /api/queues."""

    queues: list[QueueLive]
    agents: list[AgentLive]
    asterisk_up: bool
