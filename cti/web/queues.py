"""Queues and agents, now. The live page subscribes to the socket's topic instead (cti/web/hub.py)."""

from __future__ import annotations

from aiohttp import web

from cti.web.agentview import board
from cti.web.auth import parts_of
from cti.web.context import answer, session_of
from cti.web.hub import HUB


async def get_queues(request: web.Request) -> web.Response:
    """GET /api/queues."""
    parts, user = parts_of(request), session_of(request).user
    figures = await request.app[HUB].figures(user.tenant, user.time_zone)
    return answer(board(user.tenant, parts.desk.live(user.tenant), parts.names, figures))
