"""HTTP bodies of QA's list of recordings. PURE: models only, no I/O, no clock."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from cti.domain.callsearch import PLATE_LEAST, TEXT_MOST, CallerGroup
from cti.domain.model import EndReason
from cti.web.bodies import Cursor, Direction, Limit, ListedStatus, RecordingStatus, Share
from cti.web.parts import (
    Body,
    Caller,
    Request,
    Slug,
)


class RecordingQuery(Request):
    """Filters of GET /api/recordings; all may be left out."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    queue: Slug | None = None
    agent: Slug | None = None
    status: RecordingStatus | None = None
    recorded: bool | None = None  # whether there is something to hear
    number: Annotated[str, Field(max_length=32)] | None = None
    caller: CallerGroup | None = None
    direction: Direction | None = None
    reason: Slug | None = None  # a reason code, or one that stands above it
    reservation: Slug | None = None  # as the look-up calls it, or as the caller keyed it
    ticket: Slug | None = None
    result: EndReason | None = None
    text: Annotated[str, Field(max_length=TEXT_MOST, pattern=r"^[^\x00]*$")] | None = None  # words of notes: all
    plate: Annotated[str, Field(min_length=PLATE_LEAST, max_length=32, pattern=r"^[^\x00-\x1f]+$")] | None = None
    min_duration_s: Annotated[float, Field(ge=0)] | None = None
    max_duration_s: Annotated[float, Field(ge=0)] | None = None
    min_silence: Share | None = None
    max_silence: Share | None = None
    min_transfers: Annotated[int, Field(ge=0, le=100)] | None = None
    max_transfers: Annotated[int, Field(ge=0, le=100)] | None = None
    limit: Limit = 50
    after: Cursor | None = None


class RecordingCountBody(Body):
    """How many contact records a search finds."""

    count: int
    more: bool  # counted no further: there are more
    filled_to: AwareDatetime | None  # records older than this are still being put into the search; null: all are there


class RecordingItem(Body):
    """A contact record in QA's list, with what became of its recording."""

    call_id: str
    arrived_at: AwareDatetime
    caller: Caller
    queue: str | None
    agents: list[str]
    end_reason: EndReason | None
    status: ListedStatus
    why: str | None
    direction: Direction
    caller_group: CallerGroup
    reasons: list[str]
    reservations: list[str]
    tickets: list[str]
    plates: list[str]  # of the linked booking's car, without blanks and hyphens
    silence: float | None  # share of the length in which neither side speaks; null: not known
    transfers: int
    note: str | None  # the words of a note around what was looked for
    voicemail_s: float | None  # second at which a message for the desk begins; null: it holds none
    duration_s: float | None
    size: int | None  # bytes
    sha256: str | None
    content_type: str | None
    stored_at: AwareDatetime | None


class RecordingPage(Body):
    """A page of recordings, newest call first."""

    recordings: list[RecordingItem]
    next: str | None


class MissingRecording(Body):
    """A call that should have a recording and has none."""

    call_id: str
    arrived_at: AwareDatetime
    queue: str | None
    why: str | None  # slug


class MissingRecordings(Body):
    """Those of calls that ended within the last hour, newest first."""

    calls: list[MissingRecording]
    more: bool  # there are more than these


class Peaks(Body):
    """The wave to draw: loudest absolute sample per step, 0 to 100, left the caller and right the agent."""

    call_id: str
    step_ms: int
    duration_s: float
    left: list[int]
    right: list[int]
    silences: list[Annotated[list[float], Field(min_length=2, max_length=2)]]  # from, to: seconds without speech
