"""What supervisors do to waiting calls and to agents: move, priority, state, skills. Each audited before it is done.

The trail says who asked for what; what came of it is among the call's decisions, in the agent's state, in the versions.
"""

from __future__ import annotations

from aiohttp import web

from cti.domain.errors import CallerError, ConfigError, NotFound
from cti.domain.model import AgentId, CallId, QueueId, SkillId
from cti.web.actionbodies import (
    AgentSkills,
    AgentStateRequest,
    MoveRequest,
    PriorityRequest,
    SkillList,
    SkillsRequest,
)
from cti.web.actionports import SkillsFact, WaitFact
from cti.web.actionview import waiting_body
from cti.web.agentview import agent_body
from cti.web.auth import parts_of
from cti.web.boardparts import SkillBody
from cti.web.calls import call_id_of
from cti.web.context import answer, read_body, session_of
from cti.web.hub import HUB
from cti.web.parts import Named
from cti.web.problems import Refused
from cti.web.states import check_state
from cti.web.trail import trail

LONGEST_ID = 64


def id_of(request: web.Request, name: str, key: str) -> str:
    """An id in the path. What cannot be one is not found, and never reaches the database."""
    text = request.match_info[name]
    if not 0 < len(text) <= LONGEST_ID or not text.isprintable():
        raise Refused(404, key)
    return text


async def _waits(request: web.Request, call_id: CallId) -> WaitFact:
    """The call, which must be in line. Raises Refused: unknown, over, or its phone rings already."""
    parts, tenant = parts_of(request), session_of(request).user.tenant
    fact = parts.supervision.waiting(tenant, call_id)
    if fact is None:
        known = await parts.calls.get(tenant, call_id) is not None
        raise Refused(409, "not_waiting") if known else Refused(404, "not_found")
    if fact.where == "offered":
        raise Refused(409, "rings_already", detail=f"the phone of agent {fact.offered_to!r} rings for it")
    return fact


async def move_call(request: web.Request) -> web.Response:
    """POST /api/waiting/{call_id}/move."""
    wanted, call_id = await read_body(request, MoveRequest), call_id_of(request)
    parts, user = parts_of(request), session_of(request).user
    fact = await _waits(request, call_id)
    await trail(request, "call.moved", call_id, {"from": fact.queue, "to": wanted.queue})
    try:
        moved = parts.supervision.move(user.tenant, call_id, QueueId(wanted.queue), by=user.login)
    except NotFound as error:
        if parts.supervision.waiting(user.tenant, call_id) is None:  # it ended while the trail was written
            raise Refused(409, "not_waiting") from error
        raise Refused(400, "no_such_queue", problems=[f"queue: {error}"]) from error
    except CallerError as error:
        raise Refused(409, "not_now", detail=str(error)) from error
    request.app[HUB].boards.redraw(user.tenant)
    return answer(waiting_body(user.tenant, moved, parts.names))


async def prioritise_call(request: web.Request) -> web.Response:
    """PUT /api/waiting/{call_id}/priority."""
    wanted, call_id = await read_body(request, PriorityRequest), call_id_of(request)
    parts, user = parts_of(request), session_of(request).user
    fact = await _waits(request, call_id)
    await trail(request, "call.prioritised", call_id, {"from": fact.own_priority, "to": wanted.priority})
    try:
        now = parts.supervision.prioritise(user.tenant, call_id, wanted.priority, by=user.login)
    except CallerError as error:
        raise Refused(409, "not_now", detail=str(error)) from error
    request.app[HUB].boards.redraw(user.tenant)
    return answer(waiting_body(user.tenant, now, parts.names))


async def set_agent_state(request: web.Request) -> web.Response:
    """PUT /api/agents/{agent}/state."""
    wanted = await read_body(request, AgentStateRequest)
    agent = AgentId(id_of(request, "agent", "no_such_agent"))
    parts, user = parts_of(request), session_of(request).user
    state, reason = check_state(wanted.state, wanted.reason)
    if parts.desk.agent(user.tenant, agent) is None:
        raise Refused(404, "no_such_agent")
    await trail(request, "agent.state_set", agent, {"state": state.value, "reason": reason})
    try:
        parts.supervision.set_state(user.tenant, agent, state, reason, by=user.login)
    except NotFound as error:
        raise Refused(404, "no_such_agent") from error
    except CallerError as error:
        raise Refused(409, "state_refused", detail=str(error)) from error
    status = request.app[HUB].status(user.tenant, agent)
    if status is None:
        raise Refused(404, "no_such_agent")
    return answer(agent_body(user.tenant, status, parts.names))


async def list_skills(request: web.Request) -> web.Response:
    """GET /api/skills."""
    found = await parts_of(request).supervision.skills(session_of(request).user.tenant)
    return answer(SkillList(skills=[Named(id=skill, name_ja=ja, name_en=en) for skill, (ja, en) in found]))


def _skills_body(request: web.Request, fact: SkillsFact) -> AgentSkills:
    names, tenant = parts_of(request).names, session_of(request).user.tenant
    skills = []
    for one in fact.skills:
        ja, en = names.skill(tenant, one.skill)
        skills.append(SkillBody(id=one.skill, name_ja=ja, name_en=en, level=one.level))
    return AgentSkills(agent=fact.agent, skills=skills, set_by=fact.set_by, set_at=fact.set_at)


async def get_agent_skills(request: web.Request) -> web.Response:
    """GET /api/agents/{agent}/skills."""
    agent = AgentId(id_of(request, "agent", "no_such_agent"))
    try:
        fact = await parts_of(request).supervision.agent_skills(session_of(request).user.tenant, agent)
    except NotFound as error:
        raise Refused(404, "no_such_agent") from error
    return answer(_skills_body(request, fact))


async def set_agent_skills(request: web.Request) -> web.Response:
    """PUT /api/agents/{agent}/skills."""
    wanted = await read_body(request, SkillsRequest)
    agent = AgentId(id_of(request, "agent", "no_such_agent"))
    parts, user = parts_of(request), session_of(request).user
    skills = {SkillId(skill): level for skill, level in wanted.skills.items()}
    await trail(request, "agent.skills_set", agent, {"skills": dict(wanted.skills)})
    try:
        fact = await parts.supervision.set_skills(user.tenant, agent, skills, by=user.login)
    except NotFound as error:
        raise Refused(404, "no_such_agent") from error
    except ConfigError as error:
        raise Refused(400, "bad_request", problems=error.problems) from error
    request.app[HUB].boards.redraw(user.tenant)
    return answer(_skills_body(request, fact))
