"""Bodies of legal holds and deletions."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from cti.web.bodies import CallIdText, Limit
from cti.web.parts import Body, Request


def one_line(text: str) -> str:
    """As it is, if PostgreSQL, a terminal and a trail can take it. Raises ValueError."""
    if not text.isprintable():
        raise ValueError("write one line of ordinary text, without control characters")
    return text


# Long enough to name a case and who asked for it.
Words = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True), AfterValidator(one_line)]
HoldId = Annotated[int, Field(ge=1, lt=1 << 62)]


class DeletionRequest(Request):
    """Why a recording is deleted before its time."""

    reason: Words


class LegalHoldRequest(Request):
    """Keep a recording from being deleted."""

    reason: Words
    until: AwareDatetime | None = None  # null: until somebody releases it


class ReleaseRequest(Request):
    """Why a hold ends."""

    reason: Words


class LegalHoldQuery(Request):
    """Which holds."""

    call_id: CallIdText | None = None
    all: bool = False  # those that are over as well
    before: HoldId | None = None  # `next` of the page before
    limit: Limit = 50


class LegalHold(Body):
    """A legal hold."""

    hold_id: int
    call_id: str
    arrived_at: AwareDatetime | None  # when the call came
    reason: str
    set_by: str
    set_at: AwareDatetime
    until: AwareDatetime | None
    released_at: AwareDatetime | None
    released_by: str | None  # "": its time was over


class LegalHoldList(Body):
    """Holds, newest first."""

    holds: list[LegalHold]
    next: int | None
