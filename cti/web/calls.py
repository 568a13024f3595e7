"""Calls: the list and the contact record."""

from __future__ import annotations

import re
import unicodedata

from aiohttp import web

from cti.domain.errors import Unavailable
from cti.domain.model import CallId
from cti.web import cursors
from cti.web.afterview import NOTHING_KEPT, Kept
from cti.web.auth import parts_of
from cti.web.bodies import CallPage, CallQuery
from cti.web.callview import call_record, call_summary
from cti.web.context import answer, read_query, session_of
from cti.web.ports import CallFilter, PageKey
from cti.web.problems import Refused
from cti.web.reasons import reason_required
from cti.web.redaction import call_for, digits_for


def digits_of(number: str | None) -> str | None:
    """What of a number can be found in E.164: "090-1234" is looked for as "901234". None: nothing was asked.

    A leading zero is Japan's trunk prefix, which E.164 does not have.
    """
    if number is None:
        return None
    plain = unicodedata.normalize("NFKC", number)  # an input method may leave them wide: ０９０
    digits = re.sub(r"[^0-9]", "", plain)
    if not digits:
        raise Refused(400, "bad_request", problems=["number: write some digits"])
    return digits if plain.strip().startswith("+") else digits.removeprefix("0")


def call_id_of(request: web.Request) -> CallId:
    """The call in the path. What cannot be an id is not found, and never reaches the database."""
    text = request.match_info["call_id"]
    if not cursors.is_call_id(text):
        raise Refused(404, "not_found")
    return CallId(text)


async def list_calls(request: web.Request) -> web.Response:
    """GET /api/calls."""
    query, user = read_query(request, CallQuery), session_of(request).user
    wanted = CallFilter(
        since=query.since,
        until=query.until,
        queue=query.queue,
        agent=query.agent,
        end_reason=query.end_reason,
        number_part=digits_for(user, digits_of(query.number)),
        limit=query.limit,
        after=cursors.read(query.after),
    )
    calls = await parts_of(request).calls.page(user.tenant, wanted)
    full = len(calls) >= query.limit
    key = PageKey(at=calls[-1].arrived_at, call_id=calls[-1].call_id) if full else None
    page = CallPage(
        calls=[call_summary(call_for(user, c)) for c in calls], next=None if key is None else cursors.write(key)
    )
    return answer(page)


async def get_call(request: web.Request) -> web.Response:
    """GET /api/calls/{call_id}."""
    parts, tenant, call_id = parts_of(request), session_of(request).user.tenant, call_id_of(request)
    call = await parts.calls.get(tenant, call_id)
    if call is None:
        raise Refused(404, "not_found")
    try:
        recording = await parts.recordings.get(tenant, call_id)
    except Unavailable:
        recording = None  # the record of the call is worth more than its recording's state
    try:
        measured = await parts.qualities.of_call(tenant, call_id)
    except Unavailable:
        measured = ()
    try:
        kept = Kept(
            notes=await parts.aftercall.notes(tenant, call_id),
            tickets=await parts.aftercall.tickets(tenant, call_id),
            reasons=parts.aftercall.reasons(tenant),
            links=await parts.callers.links(tenant, call_id),
            marks=await parts.callers.marks(tenant, call_id),
            reason_required=reason_required(parts, tenant, call.queue),
        )
    except Unavailable:
        kept = NOTHING_KEPT
    return answer(call_record(call_for(session_of(request).user, call), recording, parts.names, measured, kept))
