"""Remarks at a second of a recording, and people's own searches, in PostgreSQL. Every query names its tenant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from cti.domain.errors import NotFound
from cti.domain.listening import COMMENTS_MOST, SEARCHES_MOST, Comment, SavedSearch
from cti.domain.model import CallId, TenantId, UserLogin
from cti.store.away import deadline

_COMMENT = """
SELECT c.comment_id, c.at_s, c.author, coalesce(u.name, c.author) AS author_name, c.body, c.created_at, c.edited_at
  FROM call_comments c LEFT JOIN users u ON u.tenant = c.tenant AND u.login = c.author
 WHERE c.tenant = $1 AND c.call_id = $2
"""
_ADD = """
INSERT INTO call_comments (tenant, call_id, comment_id, at_s, author, body, created_at)
SELECT $1, $2, $3, $4, $5, $6, $7
 WHERE (SELECT count(*) FROM call_comments WHERE tenant = $1 AND call_id = $2) < $8
"""
_EDIT = """
UPDATE call_comments SET body = $5, edited_at = $6
 WHERE tenant = $1 AND call_id = $2 AND comment_id = $3 AND author = $4
"""
_DELETE = """
DELETE FROM call_comments WHERE tenant = $1 AND call_id = $2 AND comment_id = $3 AND author = $4 RETURNING at_s
"""
_SEARCHES = "SELECT name, query FROM saved_searches WHERE tenant = $1 AND login = $2 ORDER BY name LIMIT 100"
_SAVE = """
INSERT INTO saved_searches (tenant, login, name, query, saved_at)
SELECT $1, $2, $3, $4, $5
 WHERE EXISTS (SELECT FROM saved_searches WHERE tenant = $1 AND login = $2 AND name = $3)
    OR (SELECT count(*) FROM saved_searches WHERE tenant = $1 AND login = $2) < $6
ON CONFLICT (tenant, login, name) DO UPDATE SET query = excluded.query, saved_at = excluded.saved_at
"""
_FORGET = "DELETE FROM saved_searches WHERE tenant = $1 AND login = $2 AND name = $3"


class ListeningStore:
    """Every method raises Unavailable when PostgreSQL is away."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def comments(self, tenant: TenantId, call_id: CallId) -> Sequence[Comment]:
        """Of a call, by their second."""
        async with deadline():
            rows = await self._pool.fetch(f"{_COMMENT} ORDER BY c.at_s, c.created_at", tenant, UUID(call_id))
        return [_comment(row) for row in rows]

    async def add_comment(self, tenant: TenantId, call_id: CallId, made: Comment) -> bool:
        """Keep one. False: there are COMMENTS_MOST already."""
        values = (UUID(made.comment_id), made.at_s, made.author, made.body, made.created_at)
        async with deadline():
            said = await self._pool.execute(_ADD, tenant, UUID(call_id), *values, COMMENTS_MOST)
        return bool(said.endswith(" 1"))

    async def edit_comment(
        self, tenant: TenantId, call_id: CallId, comment_id: str, author: UserLogin, body: str, at: datetime
    ) -> Comment:
        """Write one's own anew. Raises NotFound for another's, too."""
        key = (tenant, UUID(call_id), UUID(comment_id))
        async with deadline(), self._pool.acquire() as connection, connection.transaction():
            said = await connection.execute(_EDIT, *key, author, body, at)
            if said.endswith(" 0"):
                raise NotFound("no such remark of yours")
            row = await connection.fetchrow(f"{_COMMENT} AND c.comment_id = $3", *key)
        return _comment(row)

    async def delete_comment(self, tenant: TenantId, call_id: CallId, comment_id: str, author: UserLogin) -> float:
        """Take one's own away; returns its second. Raises NotFound for another's, too."""
        async with deadline():
            at_s = await self._pool.fetchval(_DELETE, tenant, UUID(call_id), UUID(comment_id), author)
        if at_s is None:
            raise NotFound("no such remark of yours")
        return float(at_s)

    async def searches(self, tenant: TenantId, login: UserLogin) -> Sequence[SavedSearch]:
        """Of a person, by name."""
        async with deadline():
            rows = await self._pool.fetch(_SEARCHES, tenant, login)
        return [SavedSearch(name=row["name"], query=row["query"]) for row in rows]

    async def save_search(self, tenant: TenantId, login: UserLogin, search: SavedSearch, at: datetime) -> bool:
        """Keep it, over one of the same name. False: there are SEARCHES_MOST already."""
        async with deadline():
            said = await self._pool.execute(_SAVE, tenant, login, search.name, search.query, at, SEARCHES_MOST)
        return bool(said.endswith(" 1"))

    async def forget_search(self, tenant: TenantId, login: UserLogin, name: str) -> None:
        """Raises NotFound."""
        async with deadline():
            said = await self._pool.execute(_FORGET, tenant, login, name)
        if said.endswith(" 0"):
            raise NotFound("no such search of yours")


def _comment(row: Any) -> Comment:
    return Comment(**{**row, "comment_id": str(row["comment_id"])})
