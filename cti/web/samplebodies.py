"""Bodies of samples: which calls are to be scored. PURE: models only. docs/evaluations.md."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from cti.domain.sampling import PER_AGENT_MOST, RULES_MOST, RuleKind
from cti.web.evaluationbodies import FormId
from cti.web.parts import Body, Request, Slug

PERIOD_MOST = timedelta(days=92)  # a quarter


class SampleRule(Request):
    """So many calls of each agent, of those that fit."""

    kind: RuleKind
    per_agent: Annotated[int, Field(ge=1, le=PER_AGENT_MOST)]
    seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 0  # of silence or hold, at least
    reasons: Annotated[list[Slug], Field(max_length=50)] = Field(default_factory=list)
    days: Annotated[int, Field(ge=1, le=90)] = 7  # in which a caller counts as a repeat caller

    @model_validator(mode="after")
    def _whole(self) -> SampleRule:
        if self.kind is RuleKind.REASON and not self.reasons:
            raise ValueError("reasons: name at least one reason code")
        return self


class SampleRequest(Request):
    """Draw calls to score."""

    form: FormId
    since: AwareDatetime
    until: AwareDatetime
    rules: Annotated[list[SampleRule], Field(min_length=1, max_length=RULES_MOST)]
    agents: Annotated[list[Slug], Field(max_length=1_000)] = Field(default_factory=list)  # empty: all
    people: Annotated[list[Slug], Field(min_length=1, max_length=100)]  # log-ins of who scores them, in turn
    seed: Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""  # empty: a new one

    @model_validator(mode="after")
    def _period(self) -> SampleRequest:
        if not timedelta() < self.until - self.since <= PERIOD_MOST:
            raise ValueError(f"until: after since, by at most {PERIOD_MOST.days} days")
        return self


class SampleItemBody(Body):
    """A call to score, and why it was drawn."""

    sample: str
    place: int
    call_id: str
    agent: str
    form: str
    because: RuleKind
    detail: dict[str, str | float]
    assignee: str
    done: bool


class SampleBody(Body):
    """A draw."""

    id: str
    form: str
    seed: str
    since: AwareDatetime
    until: AwareDatetime
    candidates: int
    short: dict[str, int]  # agent → how many are missing of their number
    made_at: AwareDatetime
    made_by: str
    items: list[SampleItemBody]


class Scorer(Body):
    """Somebody who may be given calls to score."""

    login: str
    name: str


class SampleList(Body):
    """What was drawn, newest first, and who can score."""

    samples: list[SampleBody]
    people: list[Scorer]


class SampleWork(Body):
    """What one has been given to score."""

    items: list[SampleItemBody]
