"""What the web side asks for those who listen: remarks at a second of a recording, searches of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from cti.domain.errors import NotFound
from cti.domain.listening import Comment, SavedSearch
from cti.domain.model import CallId, TenantId, UserLogin


class Listening(Protocol):
    """Every method may raise Unavailable (cti/store/listening.py)."""

    async def comments(self, tenant: TenantId, call_id: CallId) -> Sequence[Comment]:
        """Of a call, by their second."""

    async def add_comment(self, tenant: TenantId, call_id: CallId, made: Comment) -> bool:
        """Keep one. False: there are COMMENTS_MOST already."""

    async def edit_comment(
        self, tenant: TenantId, call_id: CallId, comment_id: str, author: UserLogin, body: str, at: datetime
    ) -> Comment:
        """Write one's own anew. Raises NotFound for another's, too."""

    async def delete_comment(self, tenant: TenantId, call_id: CallId, comment_id: str, author: UserLogin) -> float:
        """Take one's own away; returns its second. Raises NotFound for another's, too."""

    async def searches(self, tenant: TenantId, login: UserLogin) -> Sequence[SavedSearch]:
        """Of a person, by name."""

    async def save_search(self, tenant: TenantId, login: UserLogin, search: SavedSearch, at: datetime) -> bool:
        """Keep it, over one of the same name. False: there are SEARCHES_MOST already."""

    async def forget_search(self, tenant: TenantId, login: UserLogin, name: str) -> None:
        """Raises NotFound."""


class NoListening:
    """Nothing is kept."""

    async def comments(self, tenant: TenantId, call_id: CallId) -> Sequence[Comment]:
        """See the port."""
        return ()

    async def add_comment(self, tenant: TenantId, call_id: CallId, made: Comment) -> bool:
        """See the port."""
        return False

    async def edit_comment(
        self, tenant: TenantId, call_id: CallId, comment_id: str, author: UserLogin, body: str, at: datetime
    ) -> Comment:
        """See the port."""
        raise NotFound("nothing is kept here")

    async def delete_comment(self, tenant: TenantId, call_id: CallId, comment_id: str, author: UserLogin) -> float:
        """See the port."""
        raise NotFound("nothing is kept here")

    async def searches(self, tenant: TenantId, login: UserLogin) -> Sequence[SavedSearch]:
        """See the port."""
        return ()

    async def save_search(self, tenant: TenantId, login: UserLogin, search: SavedSearch, at: datetime) -> bool:
        """See the port."""
        return False

    async def forget_search(self, tenant: TenantId, login: UserLogin, name: str) -> None:
        """See the port."""
        raise NotFound("nothing is kept here")
