"""The audit trail of the pages: who asked for what, from where. Written before the thing is done, unless said there."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aiohttp import web

from cti.domain.access import AuditEntry
from cti.web.auth import address_of, parts_of
from cti.web.context import session_of

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
