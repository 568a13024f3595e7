"""Bodies of the routes about saved numbers. PURE: models only."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from cti.web.parts import Body, Request, Slug

# A name is one line of ordinary text; control characters would be drawn as nothing.
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class SavedNumberRequest(Request):
    """A number for the phone book, and who may see it."""

    name: Annotated[Line, Field(min_length=1)]
    reading: Line = ""  # kana, for searching
    number: Annotated[str, Field(min_length=1, max_length=40)]  # in any way of writing one
    queues: tuple[Slug, ...] = Field(default=(), max_length=100)  # agents who serve one of these
    agents: tuple[Slug, ...] = Field(default=(), max_length=500)  # and these; both empty: everybody


class SavedNumber(Body):
    """Somebody outside whom an agent may ask, or pass a caller on to."""

    id: str
    name: str
    reading: str
    e164: str
    national: str  # as people write it
    refused: str | None  # slug: why it cannot be dialled now
    detail: str | None  # what varies in that: prefixes, a time, a cap


class MySavedNumbers(Body):
    """The numbers that the agent may see, by reading."""

    numbers: list[SavedNumber]
    readings: dict[str, str]  # agent → their name in kana: colleagues are found in the same field


class SavedNumberEntry(Body):
    """A number of the phone book, for those who keep it."""

    id: str
    name: str
    reading: str
    e164: str
    national: str
    queues: list[str]
    agents: list[str]
    by_file: bool  # the desk file names it
    changed_by: str | None  # who made or changed it on the page; null: it is as the file says
    changed_at: AwareDatetime | None


class SavedNumberList(Body):
    """The whole phone book, by reading."""

    numbers: list[SavedNumberEntry]
