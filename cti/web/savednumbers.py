"""A desk's phone book: agents look numbers up, supervisors and admins keep it (docs/saved-numbers.md)."""

from __future__ import annotations

import re

from aiohttp import web

from cti.domain.errors import CallerError, NotFound
from cti.domain.model import AgentId, QueueId
from cti.web.auth import parts_of
from cti.web.context import answer, read_body, session_of
from cti.web.problems import Refused
from cti.web.savedbodies import MySavedNumbers, SavedNumber, SavedNumberEntry, SavedNumberList, SavedNumberRequest
from cti.web.savedports import NewSaved, SavedFact
from cti.web.trail import trail

_ID = re.compile(r"[a-z0-9-]{1,64}")


async def my_saved_numbers(request: web.Request) -> web.Response:
    """GET /api/my/saved-numbers."""
    parts, user = parts_of(request), session_of(request).user
    if user.agent is None:
        raise Refused(403, "no_agent")
    facts = await parts.saved.of_agent(user.tenant, user.agent)
    refusals = parts.dialling.refusals(user.tenant, user.agent, [fact.e164 for fact in facts])
    found = [
        SavedNumber(
            id=fact.saved,
            name=fact.name,
            reading=fact.reading,
            e164=fact.e164,
            national=fact.national,
            refused=refused.key if refused else None,
            detail=(refused.detail or None) if refused else None,
        )
        for fact, refused in zip(facts, refusals, strict=True)
    ]
    readings = {str(agent): kana for agent, kana in (await parts.saved.readings(user.tenant)).items()}
    return answer(MySavedNumbers(numbers=found, readings=readings))


async def list_saved_numbers(request: web.Request) -> web.Response:
    """GET /api/saved-numbers."""
    found = await parts_of(request).saved.all(session_of(request).user.tenant)
    return answer(SavedNumberList(numbers=[_entry(fact) for fact in found]))


async def add_saved_number(request: web.Request) -> web.Response:
    """POST /api/saved-numbers."""
    new = _new(await read_body(request, SavedNumberRequest))
    parts, user = parts_of(request), session_of(request).user
    try:
        fact = await parts.saved.add(user.tenant, new, by=user.login, at=parts.now())
    except (NotFound, CallerError) as error:
        raise _refused(error) from error
    await trail(request, "saved_number.added", fact.saved)
    return answer(_entry(fact))


async def change_saved_number(request: web.Request) -> web.Response:
    """PUT /api/saved-numbers/{saved}."""
    new = _new(await read_body(request, SavedNumberRequest))
    parts, user = parts_of(request), session_of(request).user
    saved = _which(request)
    try:
        fact = await parts.saved.change(user.tenant, saved, new, by=user.login, at=parts.now())
    except (NotFound, CallerError) as error:
        raise _refused(error) from error
    await trail(request, "saved_number.changed", fact.saved)
    return answer(_entry(fact))


async def remove_saved_number(request: web.Request) -> web.Response:
    """DELETE /api/saved-numbers/{saved}."""
    parts, user = parts_of(request), session_of(request).user
    saved = _which(request)
    await parts.saved.remove(user.tenant, saved, by=user.login, at=parts.now())
    await trail(request, "saved_number.removed", saved)
    return web.Response(status=204)


def _which(request: web.Request) -> str:
    saved = request.match_info["saved"]
    if not _ID.fullmatch(saved):
        raise Refused(404, "not_found")
    return saved


def _new(wanted: SavedNumberRequest) -> NewSaved:
    return NewSaved(
        name=wanted.name,
        reading=wanted.reading,
        number=wanted.number,
        queues=tuple(QueueId(queue) for queue in wanted.queues),
        agents=tuple(AgentId(agent) for agent in wanted.agents),
    )


def _entry(fact: SavedFact) -> SavedNumberEntry:
    return SavedNumberEntry(
        id=fact.saved,
        name=fact.name,
        reading=fact.reading,
        e164=fact.e164,
        national=fact.national,
        queues=list(fact.queues),
        agents=list(fact.agents),
        by_file=fact.by_file,
        changed_by=fact.changed_by,
        changed_at=fact.changed_at,
    )


def _refused(error: NotFound | CallerError) -> Refused | NotFound:
    """A number that may not be dialled says why; a queue or an agent that is none is a mistake of the body."""
    key = getattr(error, "key", None)
    if key is not None:
        return Refused(409, key, detail=getattr(error, "detail", "") or None)
    if isinstance(error, NotFound):
        return error
    return Refused(400, "bad_request", problems=[str(error)])
