"""What agents say of the caller they talk with: which member it is, and what verified them. docs/callers.md."""

from __future__ import annotations

from aiohttp import web

from cti.domain.model import CallId
from cti.domain.pop import PopPhase
from cti.domain.verification import NotSaid, Person
from cti.web.auth import parts_of
from cti.web.callerbodies import MemberRequest, StepRequest
from cti.web.calls import call_id_of
from cti.web.context import WebParts, read_body, session_of
from cti.web.problems import Refused
from cti.web.trail import trail

# Whoever only rang heard nothing, and whose part is over hears nothing any more.
_CONNECTED = (PopPhase.TALKING, PopPhase.HELD)


async def choose_member(request: web.Request) -> web.Response:
    """POST /api/my/calls/{call_id}/member."""
    wanted = await read_body(request, MemberRequest)
    parts, call_id = parts_of(request), call_id_of(request)
    by = _person(request, parts, call_id)
    # First the trail: who decided is known even if the rest fails. Whom they chose is in the call's links: what stands
    # in the trail can never be erased.
    await trail(request, "call.member_chosen", call_id, {"chosen": wanted.member_id is not None})
    try:
        await parts.callers.choose(session_of(request).user.tenant, call_id, wanted.member_id, by)
    except NotSaid as error:
        raise Refused(409, error.key, detail=str(error)) from error
    return web.Response(status=204)


async def mark_step(request: web.Request) -> web.Response:
    """POST /api/my/calls/{call_id}/verification."""
    wanted = await read_body(request, StepRequest)
    parts, call_id = parts_of(request), call_id_of(request)
    by = _person(request, parts, call_id)
    await trail(request, "call.verification", call_id, {"step": wanted.step, "result": wanted.result.value})
    try:
        await parts.callers.mark(session_of(request).user.tenant, call_id, wanted.step, wanted.result, by)
    except NotSaid as error:
        raise Refused(409, error.key, detail=str(error)) from error
    return web.Response(status=204)


def _person(request: web.Request, parts: WebParts, call_id: CallId) -> Person:
    """Who asks. Raises Refused unless they are on the line with this caller."""
    user = session_of(request).user
    if user.agent is None:
        raise Refused(403, "no_agent")
    shown = parts.pops.current(user.tenant, user.agent)
    if shown is None or shown.call_id != call_id or shown.phase not in _CONNECTED:
        raise Refused(409, "no_talk")
    return Person(login=user.login, agent=user.agent, name=user.name)
