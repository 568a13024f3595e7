"""Queues and agents, now. The live page subscribes to the socket's topic instead (cti/web/hub.py)."""

from __future__ import annotations

from aiohttp import web

from cti.web.context import answer, session_of
from cti.web.hub import HUB


async def get_queues(request: web.Request) -> web.Response:
    """GET /api/queues."""
    user = session_of(request).user
    return answer(await request.app[HUB].boards.board(user.tenant, user.time_zone))
