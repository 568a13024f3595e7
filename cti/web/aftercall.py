"""What agents keep of their calls: notes that save by themselves, reasons, tickets. docs/aftercall.md."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from cti.domain.aftercall import CallNote, NoteChanged, TicketDo, TicketWish, choosable
from cti.domain.effects import EffectId
from cti.domain.errors import CallerError, NotAllowed
from cti.domain.model import AgentId, Call, CallId, QueueId, TenantId
from cti.domain.pop import PopPhase
from cti.web import afterview
from cti.web.afterbodies import CallAfter, NoteRequest, NoteSaved, TicketLine, TicketRequest
from cti.web.auth import parts_of
from cti.web.calls import call_id_of
from cti.web.context import WebParts, answer, read_body, session_of
from cti.web.problems import Refused
from cti.web.reasons import reason_required
from cti.web.trail import trail

# What was promised to a caller is written up the same day or the next morning; later words need another way.
WRITABLE = timedelta(hours=36)
# One entry of the trail a sitting: a note saves itself every second while somebody types.
SITTING = timedelta(minutes=10)


async def list_reasons(request: web.Request) -> web.Response:
    """GET /api/reasons."""
    return answer(afterview.tree(parts_of(request).aftercall.reasons(session_of(request).user.tenant)))


async def my_call_after(request: web.Request) -> web.Response:
    """GET /api/my/calls/{call_id}/after."""
    parts, user, call_id = parts_of(request), session_of(request).user, call_id_of(request)
    agent, queue = await _own_call(request, parts, call_id)
    reasons = parts.aftercall.reasons(user.tenant)
    notes = await parts.aftercall.notes(user.tenant, call_id)
    tickets = await parts.aftercall.tickets(user.tenant, call_id)
    return answer(
        CallAfter(
            call_id=call_id,
            mine=afterview.mine(next((one for one in notes if one.agent == agent), None)),
            others=[afterview.note(one, reasons) for one in notes if one.agent != agent],
            tickets=[afterview.ticket(one) for one in tickets],
            reason_required=reason_required(parts, user.tenant, queue),
            has_tickets=parts.aftercall.has_tickets,
        )
    )


async def save_my_note(request: web.Request) -> web.Response:
    """PUT /api/my/calls/{call_id}/note."""
    wanted = await read_body(request, NoteRequest)
    parts, user, call_id = parts_of(request), session_of(request).user, call_id_of(request)
    agent, _ = await _own_call(request, parts, call_id)
    before = next((one for one in await parts.aftercall.notes(user.tenant, call_id) if one.agent == agent), None)
    _check_reasons(wanted.reasons, before, parts, user.tenant)
    now = parts.now()
    note = CallNote(
        tenant=user.tenant,
        call_id=call_id,
        agent=agent,
        version=wanted.version,
        note=wanted.note,
        reasons=tuple(dict.fromkeys(wanted.reasons)),
        changed_at=now,
    )
    if before is None or now - before.changed_at > SITTING:
        detail = {"version": wanted.version}
        await trail(request, "call.noted", call_id, detail)
    try:
        saved = await parts.aftercall.save(note)
    except NoteChanged as changed:
        return answer(NoteSaved(saved=False, mine=afterview.mine(changed.stored)))
    return answer(NoteSaved(saved=True, mine=afterview.mine(saved)))


async def ask_ticket(request: web.Request) -> web.Response:
    """POST /api/my/calls/{call_id}/tickets."""
    wanted = await read_body(request, TicketRequest)
    parts, user, call_id = parts_of(request), session_of(request).user, call_id_of(request)
    agent, _ = await _own_call(request, parts, call_id)
    wish = TicketWish(
        key=EffectId(wanted.key),
        tenant=user.tenant,
        call_id=call_id,
        agent=agent,
        login=user.login,
        do=TicketDo(wanted.do),
        ticket_id=wanted.ticket_id if wanted.do == "join" else "",
        category=wanted.category,
        title=wanted.title.strip(),
        note=wanted.note,
        member_id=wanted.member_id,
        reservation_id=wanted.reservation_id,
    )
    # First the trail: who asks is known even if the rest fails.
    await trail(request, "ticket.asked", call_id, {"key": wanted.key, "do": wanted.do})
    try:
        asked = await parts.aftercall.ask_ticket(wish)
    except NotAllowed as error:
        raise Refused(409, "no_tickets") from error
    except CallerError as error:
        raise Refused(409, "not_now", detail=str(error)) from error
    line: TicketLine = afterview.ticket(asked)
    return answer(line, status=202)


async def _own_call(request: web.Request, parts: WebParts, call_id: CallId) -> tuple[AgentId, QueueId | None]:
    """Who asks, and the call's queue. Raises Refused unless they talk in this call, or did not long ago."""
    user = session_of(request).user
    if user.agent is None:
        raise Refused(403, "no_agent")
    shown = parts.pops.current(user.tenant, user.agent)
    if shown is not None and shown.call_id == call_id and shown.phase is not PopPhase.RINGING:
        return user.agent, shown.queue
    call = await parts.calls.get(user.tenant, call_id)
    if call is None or not _took_part(call, user.agent):
        raise Refused(404, "not_found")
    if call.ended_at is not None and parts.now() - call.ended_at > WRITABLE:
        raise Refused(409, "too_late")
    return user.agent, call.queue


def _took_part(call: Call, agent: AgentId) -> bool:
    # A phone that only rang heard nothing of the call.
    asked = {consultation.second for consultation in call.consultations if consultation.answered_at is not None}
    return agent in asked or any(talk.agent == agent for talk in call.talks)


def _check_reasons(wanted: list[str], before: CallNote | None, parts: WebParts, tenant: TenantId) -> None:
    """Only what can be chosen now, or was chosen before the tree changed."""
    known = choosable(parts.aftercall.reasons(tenant))
    kept = () if before is None else before.reasons
    strange = [reason for reason in wanted if reason not in known and reason not in kept]
    if strange:
        raise Refused(400, "no_such_reason", problems=[f"reasons: {reason[:64]!r} is none" for reason in strange])
