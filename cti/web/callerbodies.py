"""Bodies of what agents say of callers. PURE: models only. docs/callers.md."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from cti.domain.verification import StepResult, VerificationState
from cti.web.parts import Body, LinkBody, Request, Slug

MemberId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class MemberRequest(Request):
    """Which of the possible members is calling; null: what the look-up found counts again."""

    member_id: MemberId | None


class StepRequest(Request):
    """What a step of the verification showed; "open": marked by mistake."""

    step: Slug
    result: StepResult


class LinkStepBody(Body):
    """One finding or decision of a call's history."""

    at: AwareDatetime
    made_by: str  # "system", or a log-in
    status: str  # "live", "stale", "unavailable" by the system; "decided", "undecided" by a person
    link: LinkBody


class MarkBody(Body):
    """A step that was marked, and how far the caller was verified with it. Answers are kept nowhere."""

    at: AwareDatetime
    agent: str
    member_id: str  # of whom it was said
    step: str
    result: StepResult
    state: VerificationState
