"""Disclosure and erasure of all that is known of a person."""

from __future__ import annotations

import re
from contextlib import aclosing

from aiohttp import web

from cti.domain.errors import KakehashiError
from cti.domain.person import Erasure, Person
from cti.domain.phone import parse_caller
from cti.web.auth import address_of, parts_of
from cti.web.context import answer, read_body, read_query, session_of
from cti.web.keeping import hold_body
from cti.web.peoplebodies import ErasureBody, ErasureList, ErasureQuery, PersonCounts, PersonRequest
from cti.web.problems import Refused
from cti.web.recordings import log
from cti.web.trail import trail

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def person_of(request: web.Request, wanted: PersonRequest) -> Person:
    """Whom a request is about. Raises Refused 400 naming what is no number."""
    numbers, problems = [], []
    for place, written in enumerate(wanted.numbers):
        e164 = parse_caller(written, "").e164
        if e164 is None:
            problems.append(f"numbers.{place}: is no telephone number; write it with its area code")
        else:
            numbers.append(e164)
    if not wanted.numbers and wanted.member_id is None:
        problems.append("numbers: write a number or a member_id")
    if problems:
        raise Refused(400, "bad_request", problems=problems)
    tenant = session_of(request).user.tenant
    return Person(tenant=tenant, numbers=tuple(dict.fromkeys(numbers)), member_id=wanted.member_id)


def _body(erasure: Erasure) -> ErasureBody:
    return ErasureBody(
        erasure_id=erasure.erasure_id,
        state=erasure.state.value,
        reference=erasure.reference,
        asked_by=erasure.asked_by,
        asked_at=erasure.asked_at,
        done_at=erasure.done_at,
        calls=erasure.calls,
        counts=dict(erasure.counts),
        held=dict(erasure.held),
        waiting=erasure.waiting,
    )


async def look_person(request: web.Request) -> web.Response:
    """POST /api/people/counts. In the trail before the answer: without whom, as everything about people there."""
    wanted = await read_body(request, PersonRequest)
    person = person_of(request, wanted)
    # Who looks whom up can be read later, as who heard whom.
    await trail(request, "person.looked_up", "", {"reference": wanted.reference})
    found = await parts_of(request).people.look(person)
    held = [hold_body(hold) for hold in found.held]
    return answer(PersonCounts(counts=dict(found.counts), held=held, live=list(found.live)))


async def export_person(request: web.Request) -> web.StreamResponse:
    """POST /api/people/export."""
    wanted = await read_body(request, PersonRequest)
    who, person = session_of(request).user.login, person_of(request, wanted)
    pieces = parts_of(request).people.export(person, by=who, address=address_of(request), reference=wanted.reference)
    headers = {"Content-Disposition": 'attachment; filename="disclosure.zip"', "Cache-Control": "private, no-store"}
    response = web.StreamResponse(headers=headers)
    response.content_type = "application/zip"
    async with aclosing(pieces):  # type: ignore[type-var]
        first = await anext(pieces)  # so that a database that is away is a 503, not half an archive
        await response.prepare(request)
        try:
            await response.write(first)
            async for piece in pieces:
                await response.write(piece)
        except (ConnectionError, TimeoutError):
            pass  # they left; the trail says that it was begun
        except KakehashiError:
            log.exception("A disclosure broke off while it was sent.", extra={"action": "export"})
            response.force_close()
            if request.transport is not None:
                request.transport.abort()
    return response


async def erase_person(request: web.Request) -> web.Response:
    """POST /api/people/erasures."""
    wanted = await read_body(request, PersonRequest)
    erasure = await parts_of(request).people.order(
        person_of(request, wanted),
        by=session_of(request).user.login,
        address=address_of(request),
        reference=wanted.reference,
    )
    return answer(_body(erasure), status=202)


async def get_erasure(request: web.Request) -> web.Response:
    """GET /api/people/erasures/{erasure}."""
    text = request.match_info["erasure"]
    found = None
    if _UUID.fullmatch(text):
        found = await parts_of(request).people.find(session_of(request).user.tenant, text)
    if found is None:
        raise Refused(404, "not_found")
    return answer(_body(found))


async def list_erasures(request: web.Request) -> web.Response:
    """GET /api/people/erasures."""
    query = read_query(request, ErasureQuery)
    found = await parts_of(request).people.newest(session_of(request).user.tenant, query.limit)
    return answer(ErasureList(erasures=[_body(erasure) for erasure in found]))
