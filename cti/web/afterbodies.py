"""Bodies of notes, reason codes and tickets. PURE: models only. docs/aftercall.md."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from cti.domain.aftercall import NOTE_MOST, REASONS_MOST, TicketDo, TicketState
from cti.web.parts import Body, Request, Slug

# Line ends and tabs are what people write; other control characters are nobody's, and PostgreSQL keeps no NUL.
_WRITTEN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
NoteText = Annotated[str, Field(max_length=NOTE_MOST, pattern=_WRITTEN)]
OneLine = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Id = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class ReasonBody(Body):
    """One node of the desk's tree of reasons."""

    id: str
    parent: str | None  # null: at the top
    name_ja: str
    name_en: str
    words: str  # what else people type to find it


class ReasonTree(Body):
    """The reasons in force, in the order of the desk file; those that are nobody's parent can be chosen."""

    reasons: list[ReasonBody]


class ReasonGiven(Body):
    """A reason of a call, with the names of all above it, topmost first: they stay when the tree changes."""

    id: str
    path_ja: list[str]
    path_en: list[str]


class NoteBody(Body):
    """What one agent wrote about a call."""

    agent: str
    note: str
    reasons: list[ReasonGiven]
    version: int
    changed_at: AwareDatetime


class TicketLine(Body):
    """A ticket that was asked for in a call."""

    key: str
    do: TicketDo
    state: TicketState
    ticket_id: str | None
    title: str
    category: str
    why: str | None  # slug, when it was refused
    agent: str
    asked_at: AwareDatetime
    changed_at: AwareDatetime


class MyNote(Body):
    """One's own note about a call; version 0: nothing was saved yet."""

    version: int
    note: str
    reasons: list[str]


class CallAfter(Body):
    """What is kept of a call, as one of its agents sees it."""

    call_id: str
    mine: MyNote
    others: list[NoteBody]  # colleagues' notes, to read
    tickets: list[TicketLine]
    reason_required: bool  # the queue's calls need a reason
    has_tickets: bool  # there is a service that opens tickets


class NoteRequest(Request):
    """Save one's note over the version that was seen."""

    version: Annotated[int, Field(ge=0, le=2**31 - 1)]
    note: NoteText
    reasons: Annotated[list[Slug], Field(max_length=REASONS_MOST)] = Field(default_factory=list)


class NoteSaved(Body):
    """What is stored now. ``saved`` is false when another page of the same agent was quicker: nothing was changed."""

    saved: bool
    mine: MyNote


class TicketRequest(Request):
    """Open a ticket for a call, or join the call to one. The same ``key`` again is the same ticket."""

    key: Key
    do: Literal["open", "join"]
    ticket_id: Id = ""  # to join
    title: OneLine = ""  # to open
    category: Id = "other"
    note: NoteText = ""
    member_id: Id = ""
    reservation_id: Id = ""

    @model_validator(mode="after")
    def _whole(self) -> TicketRequest:
        if self.do == "join" and not self.ticket_id:
            raise ValueError("ticket_id: say which ticket the call joins")
        if self.do == "open" and not self.title.strip():
            raise ValueError("title: say in some words what the ticket is about")
        if self.do == "open" and not self.category:
            raise ValueError("category: say what kind of ticket it is")
        return self
