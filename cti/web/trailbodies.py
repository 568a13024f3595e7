"""Bodies of the audit trail as it is read. PURE: models only, no I/O, no clock."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from cti.web.bodies import Limit
from cti.web.parts import Body, Request

# A call's id, a log-in name, a form's: whatever stands in the trail; NUL is in nothing that PostgreSQL keeps.
Named = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class TrailQuery(Request):
    """Which entries; all may be left out."""

    which: Named | None = None  # the thing, whole: a call's id, a log-in name
    who: Named | None = None  # log-in name, whole
    what: Annotated[str, Field(max_length=64, pattern=r"^[a-z_]+(\.[a-z_]*)?$")] | None = None  # how it begins
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    before: Annotated[int, Field(ge=1, lt=1 << 62)] | None = None  # `next` of the page before
    limit: Limit = 50


class TrailEntry(Body):
    """Who did what. Nobody's words and no number of a caller stand in it."""

    entry_id: int
    at: AwareDatetime
    who: str
    what: str
    which: str
    detail: dict[str, Any]  # by ``what``; of a listen: bytes, seconds, sha256
    address: str  # where they came from


class TrailPage(Body):
    """Entries, newest first."""

    entries: list[TrailEntry]
    next: int | None  # `before` of the next page
