"""Bodies of what supervisors do with calls, agents and plans, and why a call was routed so. PURE: models only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from cti.domain.model import AgentState, PhoneState
from cti.web.boardparts import SkillBody
from cti.web.parts import (
    Body,
    Named,
    Request,
    Slug,
)

# Queues have priorities of their own, from 0 to some tens: enough room above and below all of them.
Priority = Annotated[int, Field(ge=-1000, le=1000, strict=True)]
Level = Annotated[int, Field(ge=1, le=5, strict=True)]
Note = Annotated[str, Field(max_length=500)]
Version = Annotated[int, Field(ge=0, le=2_000_000_000, strict=True)]


# --- Waiting calls ---------------------------------------------------------------------------------


class MoveRequest(Request):
    """Move a waiting caller to another queue; the age is kept."""

    queue: Slug


class PriorityRequest(Request):
    """Give a waiting call a priority of its own."""

    priority: Priority | None  # null: the queue's again


class AgentHope(Body):
    """An agent who fits a waiting call, and why they are not asked now."""

    agent: str
    name: str
    state: AgentState
    phone: PhoneState
    why: Literal["ready", "state", "phone", "rings", "talks", "distrusted", "let_go"]


class WaitingWhy(Body):
    """A call that waits, and why it still does."""

    call_id: str
    queue: Named
    where: Literal["waiting", "offered", "returning", "paused", "treated"]
    since: AwareDatetime  # first entry into a queue: the age
    position: int | None  # 1 is next; null: not in line
    priority: int  # with what waiting has added
    own_priority: int | None  # given by a supervisor; null: the queue's counts
    attempts: int
    offered_to: str | None
    expected_s: float | None
    step: int  # of the plan, from 1
    steps: int
    step_since: AwareDatetime
    want_ja: str  # what an agent must be now, in words
    want_en: str
    why: str  # slug: nobody_at_work, all_busy, ready, …
    why_ja: str
    why_en: str
    fit: list[AgentHope]  # at most 50, those who could be asked first
    fit_count: int


# --- Agents ----------------------------------------------------------------------------------------


class AgentStateRequest(Request):
    """A supervisor sets an agent's state; offline logs them out."""

    state: Literal["available", "break", "training", "offline"]
    reason: Annotated[str, Field(max_length=64)] = ""  # slug; required by break


class SkillsRequest(Request):
    """All of an agent's skills from now on: id → level. What is not named is taken away."""

    skills: Annotated[dict[Slug, Level], Field(max_length=200)]


class SkillList(Body):
    """The skills of the desk."""

    skills: list[Named]


class AgentSkills(Body):
    """An agent's skills, and who said so last."""

    agent: str
    skills: list[SkillBody]
    set_by: str | None  # log-in of the supervisor; null: as the desk file says
    set_at: AwareDatetime | None


# --- Plans -----------------------------------------------------------------------------------------


class PlanStepBody(Body):
    """A step of a plan, in words."""

    want_ja: str
    want_en: str
    expires_s: float | None  # from entry to the queue; null: never


class PlanCheckRequest(Request):
    """A plan to look at: a list of steps, or a template (docs/routing.md)."""

    plan: list[Any] | dict[str, Any]


class PlanRequest(Request):
    """Publish a plan; it holds for those who wait, too."""

    plan: list[Any] | dict[str, Any]
    after: Version  # the version it was written from, 0: none yet. Refused when somebody published meanwhile
    note: Note = ""  # why


class RevertRequest(Request):
    """Publish an earlier version's plan again."""

    version: Annotated[int, Field(ge=1, le=2_000_000_000, strict=True)]
    after: Version  # the newest version one has seen
    note: Note = ""


class PlanCheck(Body):
    """A plan that can be published."""

    steps: list[PlanStepBody]
    warnings: list[str]  # steps that no agent of now could take


class PlanVersionBody(Body):
    """A plan as it was published."""

    version: int
    plan: list[Any] | dict[str, Any]
    published_at: AwareDatetime
    published_by: str
    note: str
    reverts_to: int | None


class QueuePlan(Body):
    """A queue's plan, and every version of it."""

    queue: Named
    plan: list[Any] | dict[str, Any]  # in force, as written; an empty list: plain skills
    steps: list[PlanStepBody]  # the same in words
    warnings: list[str]
    version: int  # newest; 0: none was published yet
    versions: list[PlanVersionBody]  # newest first, at most 100


class PlanPublished(Body):
    """What came of publishing."""

    version: int
    warnings: list[str]


# --- Why -------------------------------------------------------------------------------------------


class DecisionBody(Body):
    """One decision about a call."""

    at: AwareDatetime
    kind: str  # "step", "offered", "taken_back", "treated", "turn", "sent_on", "priority"
    words_ja: str
    words_en: str
    queue: str | None
    agent: str | None
    agent_name: str | None
    result: str | None  # outcome or treatment
    by: str  # the supervisor who asked for it; "": a rule


class CallDecisions(Body):
    """Everything that was decided about a call, in order, and why it waits if it does."""

    call_id: str
    decisions: list[DecisionBody]
    waiting: WaitingWhy | None
