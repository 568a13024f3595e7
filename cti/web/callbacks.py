"""Callers who keep their place and are called back: listed, and cancelled by a person of the desk."""

from __future__ import annotations

import re

from aiohttp import web

from cti.domain.callbacks import Callback, CallbackId
from cti.domain.errors import CallerError, NotFound
from cti.domain.phone import national
from cti.web.auth import parts_of
from cti.web.bodies import CallbackLine, CallbackPage, CallbackQuery
from cti.web.context import answer, read_query, session_of
from cti.web.problems import Refused
from cti.web.trail import trail

_ID = re.compile(r"[0-9a-f]{32}")


def _line(callback: Callback) -> CallbackLine:
    return CallbackLine(
        callback_id=callback.callback_id,
        state=callback.state,
        queue=callback.queue,
        number=national(callback.number),
        language=callback.language,
        queued_at=callback.queued_at,
        asked_at=callback.asked_at,
        tries=callback.tries,
        not_before=callback.not_before,
        ended_at=callback.ended_at,
        outcome=callback.outcome,
        origin=callback.origin,
        attempt=callback.attempt,
        successor=callback.successor,
    )


async def list_callbacks(request: web.Request) -> web.Response:
    """GET /api/callbacks."""
    wanted = read_query(request, CallbackQuery)
    parts, tenant = parts_of(request), session_of(request).user.tenant
    if wanted.all == "true":
        found = await parts.callbacks.newest(tenant, wanted.limit)
    else:
        found = parts.callbacks.open(tenant)[: wanted.limit]
    return answer(CallbackPage(callbacks=[_line(callback) for callback in found]))


async def cancel_callback(request: web.Request) -> web.Response:
    """POST /api/callbacks/{callback_id}/cancel."""
    callback_id = request.match_info["callback_id"]
    if not _ID.fullmatch(callback_id):
        raise Refused(404, "not_found")
    parts, user = parts_of(request), session_of(request).user
    # First the trail: who ends a promise is known even if the rest fails.
    await trail(request, "callback.cancelled", callback_id)
    try:
        ended = await parts.callbacks.cancel(user.tenant, CallbackId(callback_id))
    except NotFound as error:
        raise Refused(404, "not_found") from error
    except CallerError as error:
        raise Refused(409, "not_now", detail=str(error)) from error
    return answer(_line(ended))
