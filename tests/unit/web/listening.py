"""What those who listen keep, in memory. Implements cti.web.listenports.Listening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cti.domain.errors import NotFound
from cti.domain.listening import COMMENTS_MOST, SEARCHES_MOST, Comment, SavedSearch
from cti.domain.model import CallId, TenantId, UserLogin


class FakeListening:
    def __init__(self) -> None:
        self.kept: dict[tuple[TenantId, CallId], list[Comment]] = {}
        self.own: dict[tuple[TenantId, UserLogin], dict[str, SavedSearch]] = {}

    async def comments(self, tenant: TenantId, call_id: CallId) -> Sequence[Comment]:
        return sorted(self.kept.get((tenant, call_id), ()), key=lambda one: one.at_s)

    async def add_comment(self, tenant: TenantId, call_id: CallId, made: Comment) -> bool:
        kept = self.kept.setdefault((tenant, call_id), [])
        if len(kept) >= COMMENTS_MOST:
            return False
        kept.append(made)
        return True

    def _own(self, tenant: TenantId, call_id: CallId, comment_id: str, author: UserLogin) -> tuple[list[Comment], int]:
        kept = self.kept.get((tenant, call_id), [])
        for place, one in enumerate(kept):
            if (one.comment_id, one.author) == (comment_id, author):
                return kept, place
        raise NotFound("no such remark of yours")

    async def edit_comment(
        self, tenant: TenantId, call_id: CallId, comment_id: str, author: UserLogin, body: str, at: datetime
    ) -> Comment:
        kept, place = self._own(tenant, call_id, comment_id, author)
        kept[place] = replace(kept[place], body=body, edited_at=at)
        return kept[place]

    async def delete_comment(self, tenant: TenantId, call_id: CallId, comment_id: str, author: UserLogin) -> float:
        kept, place = self._own(tenant, call_id, comment_id, author)
        return kept.pop(place).at_s

    async def searches(self, tenant: TenantId, login: UserLogin) -> Sequence[SavedSearch]:
        own = self.own.get((tenant, login), {})
        return [own[name] for name in sorted(own)]

    async def save_search(self, tenant: TenantId, login: UserLogin, search: SavedSearch, at: datetime) -> bool:
        own = self.own.setdefault((tenant, login), {})
        if search.name not in own and len(own) >= SEARCHES_MOST:
            return False
        own[search.name] = search
        return True

    async def forget_search(self, tenant: TenantId, login: UserLogin, name: str) -> None:
        if self.own.get((tenant, login), {}).pop(name, None) is None:
            raise NotFound("no such search of yours")
