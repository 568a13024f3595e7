"""A tenant's desk as routing keeps it: rules for the engine, names for sentences. And the rows that are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from cti.domain.model import AgentId, AgentState, CallId, OfferId, QueueId, SkillId, TenantId
from routing.model import DeskRules
from routing.queuedata import Comfort


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """Words for a group of callers, heard when they come to wait."""

    announcement: str  # UUID
    queue: QueueId | None  # whose callers hear it …
    number: str | None  # … or those of this number called, E.164
    sound: str  # the sound file's name
    begins_at: datetime
    ends_at: datetime

    def is_for(self, queue: QueueId, number: str, now: datetime) -> bool:
        """Whether a caller who comes now hears it."""
        return (queue == self.queue or number == self.number) and self.begins_at <= now < self.ends_at


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantDesk:
    """One company's desk."""

    tenant: TenantId
    language: str = "ja"  # of reasons, and of callers who chose none
    zone: str = "Asia/Tokyo"  # IANA name: what the desk's clocks show
    rules: DeskRules = field(default_factory=DeskRules)
    agents: Mapping[AgentId, str] = field(default_factory=dict)  # names
    skills: Mapping[SkillId, tuple[str, str]] = field(default_factory=dict)  # names: Japanese, English
    comfort: Mapping[QueueId, Comfort] = field(default_factory=dict)  # what callers hear while they wait
    announcements: tuple[Announcement, ...] = ()

    def skill(self, skill: SkillId) -> str:
        """A skill's name in the desk's language."""
        names = self.skills.get(skill)
        return skill if names is None else names[0 if self.language == "ja" else 1]

    def comfort_of(self, queue: QueueId) -> Comfort:
        """What callers of a queue hear while they wait."""
        return self.comfort.get(queue) or Comfort()

    def agent(self, agent: AgentId) -> str:
        """An agent's name."""
        return self.agents.get(agent, agent)

    def clock(self, at: datetime) -> str:
        """An instant as the desk's clock shows it: 14:03:20."""
        return at.astimezone(ZoneInfo(self.zone)).strftime("%H:%M:%S")


@dataclass(frozen=True, kw_only=True, slots=True)
class StateRow:
    """An agent's state, as stored."""

    tenant: TenantId
    agent: AgentId
    state: AgentState
    reason: str
    since: datetime
    by: str = ""  # who chose it; "" when a rule did


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionRow:
    """A decision, as stored."""

    tenant: TenantId
    at: datetime
    kind: str  # "step", "offered", "taken_back", "treated", "turn", "priority", "moved"
    slug: str
    params: Mapping[str, Any]
    call_id: CallId | None = None
    queue: QueueId | None = None
    agent: AgentId | None = None
    offer_id: OfferId | None = None
    result: str | None = None  # outcome, treatment or state
    by: str = ""  # who asked for it, when a person did


class DeskStore(Protocol):
    """What the service needs kept. ``put_…`` only queue: no ring waits for a disk."""

    async def load(self) -> list[TenantDesk]:
        """All desks. Raises Unavailable."""

    async def states(self) -> list[StateRow]:
        """Agents' states as last stored. Raises Unavailable."""

    async def priorities(self) -> dict[tuple[TenantId, CallId], int]:
        """Priorities that people gave to calls within a day. Raises Unavailable."""

    async def last_agent(self, tenant: TenantId, member_id: str, call_id: CallId) -> AgentId | None:
        """Who talked with a member last, in another call than this one. Raises Unavailable."""

    def put_state(self, row: StateRow) -> None:
        """Store it soon; a newer one of the same agent replaces it."""

    def put_decision(self, row: DecisionRow) -> None:
        """Store it soon."""
