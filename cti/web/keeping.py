"""Legal holds on recordings, and their deletion. What is done is in the audit trail with it, in one transaction."""

from __future__ import annotations

import re

from aiohttp import web

from cti.domain.errors import NotFound
from cti.domain.keeping import Actor, BeingDeleted, Hold, UnderHold
from cti.domain.model import CallId
from cti.web.auth import address_of, parts_of
from cti.web.calls import call_id_of
from cti.web.context import answer, read_body, read_query, session_of
from cti.web.keepbodies import (
    DeletionRequest,
    LegalHold,
    LegalHoldList,
    LegalHoldQuery,
    LegalHoldRequest,
    ReleaseRequest,
)
from cti.web.problems import Refused


def actor_of(request: web.Request) -> Actor:
    """Who asks, for the trail."""
    return Actor(who=session_of(request).user.login, address=address_of(request))


def hold_body(hold: Hold) -> LegalHold:
    """A hold as the pages know it."""
    return LegalHold(
        hold_id=hold.hold_id,
        call_id=hold.call_id,
        arrived_at=hold.arrived_at,
        reason=hold.reason,
        set_by=hold.set_by,
        set_at=hold.set_at,
        until=hold.until,
        released_at=hold.released_at,
        released_by=hold.released_by,
    )


async def delete_recording(request: web.Request) -> web.Response:
    """POST /api/recordings/{call_id}/deletion: stored, then done within seconds."""
    call_id, wanted = call_id_of(request), await read_body(request, DeletionRequest)
    keeping = parts_of(request).keeping
    try:
        await keeping.order_deletion(session_of(request).user.tenant, call_id, actor_of(request), wanted.reason)
    except UnderHold as error:
        raise Refused(409, "under_hold", detail=str(error)) from error
    return web.Response(status=202)


async def hold_recording(request: web.Request) -> web.Response:
    """POST /api/recordings/{call_id}/holds."""
    call_id, wanted = call_id_of(request), await read_body(request, LegalHoldRequest)
    if wanted.until is not None and wanted.until <= parts_of(request).now():
        raise Refused(400, "bad_request", problems=["until: is over already; write an instant to come, or null"])
    keeping, tenant = parts_of(request).keeping, session_of(request).user.tenant
    try:
        hold = await keeping.hold(tenant, call_id, actor_of(request), wanted.reason, wanted.until)
    except BeingDeleted as error:
        raise Refused(409, "being_deleted") from error
    return answer(hold_body(hold))


async def release_hold(request: web.Request) -> web.Response:
    """POST /api/holds/{hold}/release."""
    text, wanted = request.match_info["hold"], await read_body(request, ReleaseRequest)
    if re.fullmatch(r"[0-9]{1,18}", text) is None:
        raise Refused(404, "no_hold")
    keeping, tenant = parts_of(request).keeping, session_of(request).user.tenant
    try:
        return answer(hold_body(await keeping.release(tenant, int(text), actor_of(request), wanted.reason)))
    except NotFound as error:
        raise Refused(404, "no_hold") from error


async def list_holds(request: web.Request) -> web.Response:
    """GET /api/holds."""
    query, tenant = read_query(request, LegalHoldQuery), session_of(request).user.tenant
    found = await parts_of(request).keeping.holds(
        tenant,
        call_id=CallId(query.call_id) if query.call_id else None,
        counting=not query.all,
        before=query.before,
        limit=query.limit,
    )
    full = len(found) >= query.limit
    return answer(LegalHoldList(holds=[hold_body(hold) for hold in found], next=found[-1].hold_id if full else None))
