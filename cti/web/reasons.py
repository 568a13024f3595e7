"""Reasons that a queue's calls need: held at the end of after-call work, marked in an agent's day."""

from __future__ import annotations

import asyncio

from cti.domain.access import User
from cti.domain.aftercall import choosable, without_reason
from cti.domain.errors import Unavailable
from cti.domain.model import AgentId, AgentState, QueueId, TenantId
from cti.domain.pop import PopPhase
from cti.web.callview import call_line
from cti.web.context import WebParts, midnight, zone_of_tenant
from cti.web.parts import CallLine
from cti.web.problems import Refused

# How long a state that somebody chose may wait for the database to say whether a reason is there: people wait with it.
ASK_S = 1.0


def reason_required(parts: WebParts, tenant: TenantId, queue: QueueId | None) -> bool:
    """Whether each call of the queue needs a reason, and there are some to choose from."""
    after = parts.aftercall
    return after.reason_required(tenant, queue) and bool(choosable(after.reasons(tenant)))


async def check_reason(parts: WebParts, tenant: TenantId, agent: AgentId, state: AgentState) -> None:
    """Raises Refused when after-call work would be finished without a reason that the queue's calls need.

    Only "available" is held, and only by a database that answers: docs/decisions/0253.
    """
    shown = parts.pops.current(tenant, agent)
    if state is not AgentState.AVAILABLE or shown is None or shown.phase is not PopPhase.ENDED:
        return
    status = parts.desk.agent(tenant, agent)  # the pop of who left after-call work goes a moment later
    if status is None or status.state is not AgentState.WRAP_UP:
        return
    if not reason_required(parts, tenant, shown.queue):
        return
    try:
        async with asyncio.timeout(ASK_S):
            notes = await parts.aftercall.notes(tenant, shown.call_id)
    except (Unavailable, TimeoutError):
        return
    if not any(note.agent == agent and note.reasons for note in notes):
        raise Refused(409, "reason_missing")


async def lines_of_today(parts: WebParts, user: User, agent: AgentId) -> list[CallLine]:
    """An agent's calls since the tenant's midnight, newest first. Raises Unavailable."""
    calls = await parts.calls.of_agent(user.tenant, agent, midnight(parts.now(), zone_of_tenant(user.time_zone)))
    asking = [call for call in calls if reason_required(parts, user.tenant, call.queue)]
    notes = await parts.aftercall.notes_of(user.tenant, agent, [call.call_id for call in asking]) if asking else []
    missing = {
        call.call_id
        for call in asking
        if agent in without_reason(call, [note for note in notes if note.call_id == call.call_id])
    }
    return [call_line(call, agent, parts.names, reason_missing=call.call_id in missing) for call in calls]
