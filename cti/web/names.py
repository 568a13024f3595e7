"""Names of queues, agents and people, for pages whose own data has only their ids and log-in names."""

from __future__ import annotations

from aiohttp import web

from cti.web.agentview import named_queue
from cti.web.auth import parts_of
from cti.web.context import answer, session_of
from cti.web.namebodies import AgentName, NameList, PersonName


async def list_names(request: web.Request) -> web.Response:
    """GET /api/names. People who were switched off too: what they did once still names them."""
    parts, tenant = parts_of(request), session_of(request).user.tenant
    live = parts.desk.live(tenant)
    people = await parts.evaluations.people(tenant)
    return answer(
        NameList(
            queues=[named_queue(tenant, fact.queue, parts.names) for fact in live.queues],
            agents=[AgentName(id=one.agent, name=one.name) for one in live.agents],
            people=[PersonName(login=login, name=name) for login, name, _ in people],
        )
    )
