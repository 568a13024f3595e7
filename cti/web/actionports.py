"""What supervisors act on, as protocols: waiting calls, agents, plans, and the reasons of decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, Protocol

from cti.domain.errors import Unavailable
from cti.domain.model import AgentId, AgentState, CallId, PhoneState, QueueId, SkillId, SkillLevel, TenantId

Words = tuple[str, str]  # Japanese, English


@dataclass(frozen=True, kw_only=True, slots=True)
class HopeFact:
    """An agent who fits a waiting call."""

    agent: AgentId
    name: str
    state: AgentState
    phone: PhoneState
    why: str  # routing.why.NOT_ASKED


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitFact:
    """A call that waits, and why it still does."""

    call_id: CallId
    queue: QueueId
    where: str  # routing.model.Where
    since: datetime
    position: int | None
    priority: int
    own_priority: int | None
    attempts: int
    offered_to: AgentId | None
    expected_s: float | None
    step: int
    steps: int
    step_since: datetime
    want: Words
    why: str
    why_words: Words
    fit: Sequence[HopeFact]
    fit_count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SkillsFact:
    """An agent's skills, and who said so."""

    agent: AgentId
    skills: Sequence[SkillLevel]
    set_by: str | None  # None: the desk file
    set_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFact:
    """A step of a plan in words."""

    want: Words
    expires_s: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckFact:
    """A plan that can be published."""

    steps: Sequence[StepFact]
    warnings: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionFact:
    """A plan as it was published."""

    version: int
    plan: Any
    published_at: datetime
    published_by: str
    note: str
    reverts_to: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanFact:
    """A queue's plan and its versions."""

    plan: Any
    checked: CheckFact
    versions: Sequence[VersionFact]  # newest first


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionFact:
    """A decision in words."""

    at: datetime
    kind: str
    words: Words
    queue: QueueId | None
    agent: AgentId | None
    agent_name: str | None
    result: str | None
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StateFact:
    """A state that an agent was in, until the next one began."""

    state: AgentState
    reason: str  # slug
    since: datetime


class Supervision(Protocol):
    """Acting on routing. Everything may raise Unavailable, and NotFound for what the tenant does not have."""

    def waiting(self, tenant: TenantId, call_id: CallId) -> WaitFact | None:
        """Why a call waits; None when it does not."""

    def move(self, tenant: TenantId, call_id: CallId, queue: QueueId, *, by: str) -> WaitFact:
        """Send a waiting caller to another queue. Raises CallerError when it rings, is gone, or the queue is closed."""

    def prioritise(self, tenant: TenantId, call_id: CallId, priority: int | None, *, by: str) -> WaitFact:
        """Give a waiting call a priority of its own, or the queue's again. Raises CallerError."""

    def set_state(self, tenant: TenantId, agent: AgentId, state: AgentState, reason: str, *, by: str) -> None:
        """Set an agent's state. Raises CallerError for a state that cannot be chosen now."""

    async def skills(self, tenant: TenantId) -> Sequence[tuple[SkillId, Words]]:
        """The desk's skills with their names."""

    async def agent_skills(self, tenant: TenantId, agent: AgentId) -> SkillsFact:
        """One agent's."""

    async def set_skills(
        self, tenant: TenantId, agent: AgentId, skills: Mapping[SkillId, int], *, by: str
    ) -> SkillsFact:
        """Replace them; in force at once. Raises ConfigError naming each skill that does not exist."""

    async def plan(self, tenant: TenantId, queue: QueueId) -> PlanFact:
        """A queue's plan."""

    async def check_plan(self, tenant: TenantId, queue: QueueId, plan: Any) -> CheckFact:
        """Look at a plan. Raises ConfigError with every problem."""

    async def publish_plan(
        self, tenant: TenantId, queue: QueueId, plan: Any, *, by: str, note: str, after: int
    ) -> tuple[int, Sequence[str]]:
        """Publish it: version and warnings. Raises ConfigError, and CallerError when ``after`` is not the newest."""

    async def revert_plan(
        self, tenant: TenantId, queue: QueueId, version: int, *, by: str, note: str, after: int
    ) -> tuple[int, Sequence[str]]:
        """Publish an earlier version again. Raises as publish_plan does."""

    async def states_of(self, tenant: TenantId, agent: AgentId, since: datetime) -> Sequence[StateFact]:
        """An agent's states, oldest first, from the one that they were in at ``since``, if that is known."""

    async def decisions(self, tenant: TenantId, call_id: CallId) -> Sequence[DecisionFact]:
        """Everything decided about a call, in order; nothing for a call that routing does not know."""


class NoSupervision:
    """A server without routing: nothing can be asked."""

    def __getattr__(self, name: str) -> NoReturn:
        raise Unavailable(f"{name}: there is no routing here")
