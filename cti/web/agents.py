"""What agents ask for themselves: their state and their calls of today."""

from __future__ import annotations

from aiohttp import web

from cti.domain.errors import CallerError
from cti.domain.model import AgentId
from cti.web.agentview import agent_body
from cti.web.auth import parts_of
from cti.web.bodies import MyCalls, MyStates, StateLine, StateRequest
from cti.web.context import answer, midnight, read_body, session_of, zone_of_tenant
from cti.web.hub import HUB
from cti.web.problems import Refused
from cti.web.reasons import check_reason, lines_of_today
from cti.web.states import check_state


def _agent_of(request: web.Request) -> AgentId:
    agent = session_of(request).user.agent
    if agent is None:
        raise Refused(403, "no_agent")
    return agent


async def set_my_state(request: web.Request) -> web.Response:
    """PUT /api/my/state."""
    wanted = await read_body(request, StateRequest)
    agent, parts, tenant = _agent_of(request), parts_of(request), session_of(request).user.tenant
    state, reason = check_state(wanted.state, wanted.reason)
    await check_reason(parts, tenant, agent, state)
    try:
        await parts.desk.choose_state(tenant, agent, state, reason)
    except Refused:
        raise
    except CallerError as error:
        raise Refused(400, "state_refused", detail=str(error)) from error
    status = request.app[HUB].status(tenant, agent)
    if status is None:
        raise Refused(403, "no_agent")
    return answer(agent_body(tenant, status, parts.names))


async def my_calls_today(request: web.Request) -> web.Response:
    """GET /api/my/calls/today."""
    agent, parts, user = _agent_of(request), parts_of(request), session_of(request).user
    return answer(MyCalls(calls=await lines_of_today(parts, user, agent)))


async def my_states_today(request: web.Request) -> web.Response:
    """GET /api/my/states/today."""
    agent, parts, user = _agent_of(request), parts_of(request), session_of(request).user
    begin = midnight(parts.now(), zone_of_tenant(user.time_zone))
    found = await parts.supervision.states_of(user.tenant, agent, begin)
    lines = [StateLine(state=one.state, reason=one.reason, since=max(one.since, begin)) for one in found]
    return answer(MyStates(states=lines))
