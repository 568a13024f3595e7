"""Bodies for those who listen: remarks at a second of a recording, searches of their own. PURE: models only."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from cti.web.parts import Body, Request

# A remark is read beside the sound; what needs more is a note or an evaluation.
REMARK_MOST = 2_000
# The longest recording there can be is shorter.
SECOND_MOST = 86_400.0
# PostgreSQL keeps no NUL; line breaks and tabs are the writer's.
Remark = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=REMARK_MOST, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$"
    ),
]
SearchName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")
]
SearchQuery = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00-\x1f\x7f]*$")]


class CommentRequest(Request):
    """A remark at a second of the sound."""

    at_s: Annotated[float, Field(ge=0, le=SECOND_MOST)]
    text: Remark


class CommentEditRequest(Request):
    """One's own remark, written anew."""

    text: Remark


class CommentBody(Body):
    """A remark."""

    comment_id: str
    at_s: float
    author: str  # name
    text: str  # as written: text, never markup
    created_at: AwareDatetime
    edited_at: AwareDatetime | None
    mine: bool  # one may edit and delete it


class CommentList(Body):
    """The remarks of a call, by their second."""

    comments: list[CommentBody]


class SavedSearchRequest(Request):
    """A search to keep, over one of the same name."""

    name: SearchName
    query: SearchQuery  # as in the page's address, "queue=members&text=…"


class SavedSearchBody(Body):
    """A search that one keeps."""

    name: str
    query: str


class SavedSearchList(Body):
    """One's searches, by name."""

    searches: list[SavedSearchBody]
