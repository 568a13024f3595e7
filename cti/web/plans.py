"""A queue's plan over HTTP: read, checked, published, put back. And why a call was routed as it was."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from cti.domain.errors import CallerError, ConfigError, NotFound
from cti.domain.model import QueueId
from cti.web.actionbodies import PlanCheck, PlanCheckRequest, PlanPublished, PlanRequest, RevertRequest
from cti.web.actions import id_of
from cti.web.actionview import decisions_body, plan_body, step_bodies, waiting_body
from cti.web.agentview import named_queue
from cti.web.auth import parts_of
from cti.web.calls import call_id_of
from cti.web.context import answer, read_body, session_of
from cti.web.problems import Refused
from cti.web.trail import trail


def _queue_of(request: web.Request) -> QueueId:
    return QueueId(id_of(request, "queue", "no_such_queue"))


def _refused(error: CallerError) -> Refused:
    """What it means that a plan was not taken: what it names is not there, it is wrong, or somebody was quicker."""
    match error:
        case NotFound():
            return Refused(404, "not_found", detail=str(error))
        case ConfigError():
            return Refused(400, "bad_plan", problems=error.problems)
    return Refused(409, "plan_changed", detail=str(error))


async def get_plan(request: web.Request) -> web.Response:
    """GET /api/queues/{queue}/plan."""
    queue, parts, tenant = _queue_of(request), parts_of(request), session_of(request).user.tenant
    try:
        fact = await parts.supervision.plan(tenant, queue)
    except NotFound as error:
        raise Refused(404, "no_such_queue") from error
    return answer(plan_body(named_queue(tenant, queue, parts.names), fact))


async def check_plan(request: web.Request) -> web.Response:
    """POST /api/queues/{queue}/plan/check."""
    wanted, queue = await read_body(request, PlanCheckRequest), _queue_of(request)
    try:
        fact = await parts_of(request).supervision.check_plan(session_of(request).user.tenant, queue, wanted.plan)
    except CallerError as error:
        raise _refused(error) from error
    return answer(PlanCheck(steps=step_bodies(fact.steps), warnings=list(fact.warnings)))


async def publish_plan(request: web.Request) -> web.Response:
    """POST /api/queues/{queue}/plan."""
    wanted, queue = await read_body(request, PlanRequest), _queue_of(request)
    parts, user = parts_of(request), session_of(request).user
    await trail(request, "plan.published", queue, {"after": wanted.after, "note": wanted.note})
    try:
        done = await parts.supervision.publish_plan(
            user.tenant, queue, wanted.plan, by=user.login, note=wanted.note, after=wanted.after
        )
    except CallerError as error:
        raise _refused(error) from error
    return _published(done)


async def revert_plan(request: web.Request) -> web.Response:
    """POST /api/queues/{queue}/plan/revert."""
    wanted, queue = await read_body(request, RevertRequest), _queue_of(request)
    parts, user = parts_of(request), session_of(request).user
    detail = {"version": wanted.version, "after": wanted.after, "note": wanted.note}
    await trail(request, "plan.reverted", queue, detail)
    try:
        done = await parts.supervision.revert_plan(
            user.tenant, queue, wanted.version, by=user.login, note=wanted.note, after=wanted.after
        )
    except CallerError as error:
        raise _refused(error) from error
    return _published(done)


def _published(done: tuple[int, Sequence[str]]) -> web.Response:
    version, warnings = done
    return answer(PlanPublished(version=version, warnings=list(warnings)))


async def call_decisions(request: web.Request) -> web.Response:
    """GET /api/calls/{call_id}/decisions."""
    call_id, parts, tenant = call_id_of(request), parts_of(request), session_of(request).user.tenant
    found = await parts.supervision.decisions(tenant, call_id)
    fact = parts.supervision.waiting(tenant, call_id)
    if not found and fact is None and await parts.calls.get(tenant, call_id) is None:
        raise Refused(404, "not_found")
    waiting = None if fact is None else waiting_body(tenant, fact, parts.names)
    return answer(decisions_body(call_id, found, waiting))
