"""The feed of messages for other systems: read in order, from any number on."""

from __future__ import annotations

from aiohttp import web

from cti.web.auth import parts_of
from cti.web.context import answer, read_query, session_of
from cti.web.outgoingbodies import OutgoingPage, OutgoingQuery


async def list_outgoing(request: web.Request) -> web.Response:
    """GET /api/outgoing."""
    wanted = read_query(request, OutgoingQuery)
    feed, tenant = parts_of(request).feed, session_of(request).user.tenant
    # Before the messages: whoever sees the head sees everything up to it, so what is not there then was deleted.
    head = await feed.head(tenant)
    messages = await feed.after(tenant, wanted.after, wanted.limit)
    last = messages[-1].id if messages else max(wanted.after, head)
    page = {
        "messages": [message.as_json() for message in messages],
        "next": last,
        "head": max(last if messages else 0, head),
    }
    return answer(OutgoingPage.model_validate(page))
