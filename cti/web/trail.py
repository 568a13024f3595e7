"""The audit trail: who asked for what, from where. Written before the thing is done, unless said there; read by those
who answer for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aiohttp import web

from cti.domain.access import AuditEntry, AuditWanted
from cti.web.auth import address_of, parts_of
from cti.web.context import answer, read_query, session_of
from cti.web.trailbodies import TrailEntry, TrailPage, TrailQuery

_NOTHING: Mapping[str, object] = MappingProxyType({})


async def trail(request: web.Request, what: str, which: str, detail: Mapping[str, object] = _NOTHING) -> None:
    """One line: ``what`` is a slug ("call.moved"), ``which`` the id of the thing.

    No personal data and nobody's words in ``detail``: what stands in the trail can never be erased.
    """
    parts, user = parts_of(request), session_of(request).user
    entry = AuditEntry(
        at=parts.now(),
        tenant=user.tenant,
        who=user.login,
        what=what,
        which=which,
        detail=detail,
        address=address_of(request),
    )
    await parts.audit.add(entry)


async def list_trail(request: web.Request) -> web.Response:
    """GET /api/trail."""
    query = read_query(request, TrailQuery)
    wanted = AuditWanted(**{name: getattr(query, name) for name in TrailQuery.model_fields})
    found = await parts_of(request).audit.page(session_of(request).user.tenant, wanted)
    entries = [
        TrailEntry(
            entry_id=number,
            at=entry.at,
            who=entry.who,
            what=entry.what,
            which=entry.which,
            detail=dict(entry.detail),
            address=entry.address,
        )
        for number, entry in found
    ]
    return answer(TrailPage(entries=entries, next=found[-1][0] if len(found) >= query.limit else None))
