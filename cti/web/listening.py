"""Remarks at a second of a recording, and searches of one's own. What is said about a call is in the audit trail."""

from __future__ import annotations

from uuid import uuid4

from aiohttp import web

from cti.domain.listening import COMMENTS_MOST, SEARCHES_MOST, Comment, SavedSearch
from cti.domain.model import CallId, TenantId
from cti.web import cursors
from cti.web.auth import parts_of
from cti.web.calls import call_id_of
from cti.web.context import answer, read_body, session_of
from cti.web.listenbodies import (
    CommentBody,
    CommentEditRequest,
    CommentList,
    CommentRequest,
    SavedSearchBody,
    SavedSearchList,
    SavedSearchRequest,
)
from cti.web.problems import Refused
from cti.web.trail import trail


def _body(comment: Comment, login: str) -> CommentBody:
    return CommentBody(
        comment_id=comment.comment_id,
        at_s=comment.at_s,
        author=comment.author_name,
        text=comment.body,
        created_at=comment.created_at,
        edited_at=comment.edited_at,
        mine=comment.author == login,
    )


async def _known(request: web.Request) -> tuple[TenantId, CallId]:
    """The call in the path. Raises Refused 404 when there is nothing of it to remark on."""
    tenant, call_id = session_of(request).user.tenant, call_id_of(request)
    if await parts_of(request).recordings.get(tenant, call_id) is None:
        raise Refused(404, "not_found")
    return tenant, call_id


def _comment_id(request: web.Request) -> str:
    text = request.match_info["comment_id"]
    if not cursors.is_call_id(text):  # a UUID, too
        raise Refused(404, "not_found")
    return text


async def list_comments(request: web.Request) -> web.Response:
    """GET /api/recordings/{call_id}/comments."""
    user = session_of(request).user
    found = await parts_of(request).listening.comments(user.tenant, call_id_of(request))
    return answer(CommentList(comments=[_body(one, user.login) for one in found]))


async def add_comment(request: web.Request) -> web.Response:
    """POST /api/recordings/{call_id}/comments. The trail is written first: a remark that it does not know is none."""
    wanted = await read_body(request, CommentRequest)
    tenant, call_id = await _known(request)
    parts, user = parts_of(request), session_of(request).user
    made = Comment(
        comment_id=str(uuid4()),
        at_s=round(wanted.at_s, 3),
        author=user.login,
        author_name=user.name,
        body=wanted.text,
        created_at=parts.now(),
    )
    await trail(request, "comment.added", call_id, {"comment": made.comment_id, "second": made.at_s})
    if not await parts.listening.add_comment(tenant, call_id, made):
        raise Refused(409, "too_many", detail=f"{COMMENTS_MOST}")
    return answer(_body(made, user.login), status=201)


async def edit_comment(request: web.Request) -> web.Response:
    """PUT /api/recordings/{call_id}/comments/{comment_id}."""
    wanted, comment_id = await read_body(request, CommentEditRequest), _comment_id(request)
    tenant, call_id = await _known(request)
    parts, user = parts_of(request), session_of(request).user
    edited = await parts.listening.edit_comment(tenant, call_id, comment_id, user.login, wanted.text, parts.now())
    await trail(request, "comment.edited", call_id, {"comment": comment_id, "second": edited.at_s})
    return answer(_body(edited, user.login))


async def delete_comment(request: web.Request) -> web.Response:
    """DELETE /api/recordings/{call_id}/comments/{comment_id}."""
    user, call_id, comment_id = session_of(request).user, call_id_of(request), _comment_id(request)
    at_s = await parts_of(request).listening.delete_comment(user.tenant, call_id, comment_id, user.login)
    await trail(request, "comment.deleted", call_id, {"comment": comment_id, "second": at_s})
    return web.Response(status=204)


async def my_searches(request: web.Request) -> web.Response:
    """GET /api/my/searches."""
    user = session_of(request).user
    found = await parts_of(request).listening.searches(user.tenant, user.login)
    return answer(SavedSearchList(searches=[SavedSearchBody(name=one.name, query=one.query) for one in found]))


async def save_my_search(request: web.Request) -> web.Response:
    """PUT /api/my/searches."""
    wanted = await read_body(request, SavedSearchRequest)
    parts, user = parts_of(request), session_of(request).user
    search = SavedSearch(name=wanted.name, query=wanted.query)
    if not await parts.listening.save_search(user.tenant, user.login, search, parts.now()):
        raise Refused(409, "too_many", detail=f"{SEARCHES_MOST}")
    return answer(SavedSearchBody(name=search.name, query=search.query))


async def forget_my_search(request: web.Request) -> web.Response:
    """DELETE /api/my/searches/{name}."""
    user = session_of(request).user
    await parts_of(request).listening.forget_search(
        user.tenant, user.login, request.match_info["name"].replace("\0", "")
    )
    return web.Response(status=204)
