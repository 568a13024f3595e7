"""What people who listen keep: remarks at a second of a recording, searches of their own. Frozen records only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cti.domain.model import UserLogin

# A call with more remarks, or a person with more searches, is a mistake of a program.
COMMENTS_MOST = 200
SEARCHES_MOST = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Comment:
    """Somebody's remark at a second of a recording."""

    comment_id: str  # a UUID
    at_s: float  # second of the sound
    author: UserLogin
    author_name: str  # as the desk has it; the log-in of who is no longer there
    body: str  # as written
    created_at: datetime
    edited_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedSearch:
    """A search that somebody keeps under a name."""

    name: str
    query: str  # as in the page's address
