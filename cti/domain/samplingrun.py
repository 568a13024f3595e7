"""A draw of calls to score, as it is asked for and as it is kept. Frozen records only. docs/evaluations.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cti.domain.errors import CallerError
from cti.domain.model import AgentId, CallId
from cti.domain.sampling import RuleKind


class DrawnMeanwhile(CallerError):
    """Another draw on the same form took one of the calls: draw again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which parts of calls are looked at."""

    form_id: str
    since: datetime
    until: datetime
    agents: Sequence[AgentId]
    repeat_days: int = 0  # how far back a repeat caller is looked for; 0: nobody asks


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleRun:
    """A draw, with all that makes it again."""

    sample_id: str  # 32 hex digits
    form_id: str
    seed: str
    plan: Sequence[Mapping[str, object]]  # the rules as they were sent
    since: datetime
    until: datetime
    candidates: int
    short: Mapping[AgentId, int]  # who goes short of their number
    made_at: datetime
    made_by: str  # log-in


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleItem:
    """A call to score."""

    sample_id: str
    form_id: str
    place: int  # 1 for the first
    call_id: CallId
    agent: AgentId
    because: RuleKind
    detail: Mapping[str, object] = field(default_factory=dict)
    assignee: str  # log-in; "": nobody could be found
    done: bool = False  # they have submitted their score
