"""Bodies of the routes about dialling out. PURE: models only."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cti.web.parts import Body, Request


class DialRequest(Request):
    """A number to be dialled, as somebody typed it or as it stands on the page."""

    number: Annotated[str, Field(min_length=1, max_length=40)]


class DialAnswer(Body):
    """The order is taken: the agent's own phone rings first."""

    call_id: str
    number: str  # as people write it


class DialQuery(Request):
    """Query of GET /api/my/dial."""

    number: Annotated[str, Field(min_length=1, max_length=40)] | None = None  # what would be said of this one


class DialOrder(Body):
    """What became of the agent's latest order."""

    call_id: str
    state: Literal["asked", "taken", "lost"]  # not known yet; Asterisk took it; nobody is called


class MyDialling(Body):
    """Whether the agent may dial out."""

    number: str | None  # E.164, what the person sees calling; null: this desk does not dial out
    left: int  # how many more numbers this hour, by the agent's own cap
    refused: str | None  # slug: why the number asked about would not be dialled now; null: it would, or none was
    detail: str | None  # what varies in that: prefixes, a time, a cap
    order: DialOrder | None  # null: none yet, or its call is over
