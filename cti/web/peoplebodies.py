"""Bodies of disclosure and erasure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from cti.web.bodies import Limit
from cti.web.keepbodies import LegalHold, one_line
from cti.web.parts import Body, Request

Reference = Annotated[
    str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True), AfterValidator(one_line)
]
Written = Annotated[str, Field(min_length=1, max_length=40)]


class PersonRequest(Request):
    """Whom it is about: numbers as people write them, a member's id, or both."""

    numbers: list[Written] = Field(default_factory=list, max_length=20)
    member_id: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(one_line)] | None = None
    reference: Reference  # the desk's own number of the request; no name, it stays in the trail


class PersonCounts(Body):
    """How much is known, and what an erasure would leave whole."""

    counts: dict[str, int]  # by kind of thing
    held: list[LegalHold]
    live: list[str]  # calls that go on


class ErasureQuery(Request):
    """How many."""

    limit: Limit = 50


class ErasureBody(Body):
    """An order to erase a person, and what became of it. Whom it was about is not in it."""

    erasure_id: str
    state: Literal["ordered", "done"]
    reference: str
    asked_by: str
    asked_at: AwareDatetime
    done_at: AwareDatetime | None
    calls: int
    counts: dict[str, int]  # kind of thing → how many are nobody's now
    held: dict[str, str]  # call → by whom until when: nothing of these was touched
    waiting: int  # recordings that are not gone yet


class ErasureList(Body):
    """Erasures, newest first."""

    erasures: list[ErasureBody]
