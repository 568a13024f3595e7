"""Scores of calls over HTTP: who writes one, who reads it, who says it is wrong, who decides. docs/evaluations.md."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web

from cti.domain import evaluationsteps as steps
from cti.domain.errors import CallerError, NotAllowed, NotFound
from cti.domain.evaluation import Evaluation, EvaluationChanged, EvaluationFilter, EvaluationState, NotNow, Step, move
from cti.domain.evaluationform import Form
from cti.domain.model import AgentId, Call, CallId
from cti.web import cursors
from cti.web import evaluationview as view
from cti.web.auth import parts_of
from cti.web.calls import call_id_of
from cti.web.context import answer, read_body, read_query, session_of
from cti.web.evaluationbodies import (
    BeginRequest,
    CallEvaluations,
    DisputeRequest,
    DraftRequest,
    EvaluationBody,
    EvaluationPage,
    EvaluationQuery,
    EvaluationSaved,
    ReviewRequest,
    SeenRequest,
)
from cti.web.ports import PageKey
from cti.web.problems import Refused
from cti.web.trail import trail

_ID = re.compile(r"[0-9a-f]{32}")


def refused(error: CallerError) -> Refused:
    """What it means that a step was not taken."""
    match error:
        case steps.BadAnswers():
            return Refused(400, "bad_answers", problems=error.problems)
        case steps.TooLate():
            return Refused(409, "dispute_over", detail=str(error))
        case NotNow():
            return Refused(409, "evaluation_not_now", detail=str(error))
        case NotAllowed():
            return Refused(403, "own_evaluation")
        case NotFound():
            return Refused(404, "not_found", detail=str(error))
    return Refused(409, "evaluation_changed")


async def seen_by(request: web.Request, found: Sequence[Evaluation]) -> view.Seen:
    """What is needed to show these to whoever asks."""
    parts, user = parts_of(request), session_of(request).user
    versions = await parts.evaluation_forms.some(user.tenant, [(one.form_id, one.form_version) for one in found])
    people = await parts.evaluations.people(user.tenant)
    return view.Seen(login=user.login, names={login: name for login, name, _ in people}, versions=versions)


async def _shown(request: web.Request, found: Evaluation) -> web.Response:
    return answer(await _body(request, found))


async def _body(request: web.Request, found: Evaluation) -> EvaluationBody:
    parts, seen = parts_of(request), await seen_by(request, [found])
    newest = {one.form_id: one.version for one in await parts.evaluation_forms.newest(found.tenant)}
    return view.whole(found, seen, newest.get(found.form_id, found.form_version))


async def _form_of(request: web.Request, found: Evaluation) -> Form:
    key = (found.form_id, found.form_version)
    return (await parts_of(request).evaluation_forms.some(found.tenant, [key]))[key].form


async def _stored(request: web.Request) -> Evaluation:
    """The score in the path. Raises Refused 404 when there is none."""
    text = request.match_info["evaluation"]
    found = None
    if _ID.fullmatch(text):
        found = await parts_of(request).evaluations.get(session_of(request).user.tenant, text)
    if found is None:
        raise Refused(404, "not_found")
    return found


async def _own_draft(request: web.Request) -> Evaluation:
    """A score that this person writes; submitted ones too. Anybody else's does not exist."""
    found = await _stored(request)
    if found.evaluator != session_of(request).user.login:
        raise Refused(404, "not_found")
    return found


async def own_work(request: web.Request) -> Evaluation:
    """A score of this agent's own work that was submitted."""
    found, user = await _stored(request), session_of(request).user
    if user.agent is None or found.agent != user.agent or found.state is EvaluationState.DRAFT:
        raise Refused(404, "not_found")
    return found


def _talked(call: Call) -> list[AgentId]:
    """Who talked, in order."""
    return list(dict.fromkeys(talk.agent for talk in call.talks))


# --- Of a call -------------------------------------------------------------------------------------


async def call_evaluations(request: web.Request) -> web.Response:
    """GET /api/calls/{call_id}/evaluations."""
    call_id, parts, user = call_id_of(request), parts_of(request), session_of(request).user
    call = await parts.calls.get(user.tenant, call_id)
    found = list(await parts.evaluations.of_call(user.tenant, call_id))
    if call is None and not found:
        raise Refused(404, "not_found")
    shown, hidden = view.visible(found, user.login)
    seen = await seen_by(request, shown)
    forms = [one for one in await parts.evaluation_forms.newest(user.tenant) if one.active]
    return answer(
        CallEvaluations(
            call_id=call_id,
            agents=[] if call is None else [agent for agent in _talked(call) if agent != user.agent],
            forms=[view.form_line(one) for one in forms],
            evaluations=[view.line(one, seen) for one in shown],
            comparisons=view.comparisons(shown, seen),
            hidden=hidden,
        )
    )


async def begin_evaluation(request: web.Request) -> web.Response:
    """POST /api/calls/{call_id}/evaluations."""
    wanted = await read_body(request, BeginRequest)
    call_id, parts, user = call_id_of(request), parts_of(request), session_of(request).user
    call = await parts.calls.get(user.tenant, call_id)
    if call is None:
        raise Refused(404, "not_found")
    if wanted.agent not in _talked(call):
        raise Refused(409, "no_part")
    if wanted.agent == user.agent:
        raise Refused(403, "own_evaluation")
    form = next((one for one in await parts.evaluation_forms.newest(user.tenant) if one.form_id == wanted.form), None)
    if form is None or not form.active:
        raise Refused(409, "no_such_form")
    now = parts.now()
    draft = Evaluation(
        evaluation_id=uuid.uuid4().hex, tenant=user.tenant, call_id=call_id, agent=AgentId(wanted.agent),
        form_id=form.form_id, form_version=form.version, evaluator=user.login, state=EvaluationState.DRAFT, version=1,
        began_at=now, changed_at=now,
    )  # fmt: skip
    detail = {"agent": wanted.agent, "form": wanted.form, "version": form.version}
    await trail(request, "evaluation.begun", call_id, detail)
    try:
        begun = await parts.evaluations.begin(draft)
    except CallerError as error:
        raise refused(error) from error
    return await _shown(request, begun)


# --- Of its scorer ---------------------------------------------------------------------------------


async def save_evaluation(request: web.Request) -> web.Response:
    """PUT /api/evaluations/{evaluation}."""
    wanted = await read_body(request, DraftRequest)
    before, parts = await _own_draft(request), parts_of(request)
    answers = view.read_answers(wanted.answers)

    async def other(stored: Evaluation) -> web.Response:
        # An answer that got lost is repeated with the same words: that is no conflict.
        same = stored.answers == answers and stored.note == wanted.note
        return answer(EvaluationSaved(saved=same, evaluation=await _body(request, stored)))

    if wanted.version != before.version:
        return await other(before)
    try:
        form = await _form_of(request, before)
        saved = await parts.evaluations.put(steps.save(before, form, answers, wanted.note, parts.now()))
    except EvaluationChanged as changed:
        return await other(changed.stored)
    except CallerError as error:
        raise refused(error) from error
    return answer(EvaluationSaved(saved=True, evaluation=await _body(request, saved)))


def _check_seen(version: int, before: Evaluation) -> None:
    if version != before.version:
        raise Refused(409, "evaluation_changed")


async def submit_evaluation(request: web.Request) -> web.Response:
    """POST /api/evaluations/{evaluation}/submit."""
    wanted = await read_body(request, SeenRequest)
    before, parts = await _own_draft(request), parts_of(request)
    _check_seen(wanted.version, before)
    try:
        done = steps.submit(before, await _form_of(request, before), parts.now())
        await trail(request, "evaluation.submitted", before.call_id, _detail(done))
        stored = await parts.evaluations.put(done)
    except CallerError as error:
        raise refused(error) from error
    return await _shown(request, stored)


def _detail(found: Evaluation) -> dict[str, object]:
    """What the trail keeps of a score: no words."""
    return {"evaluation": found.evaluation_id, "agent": found.agent, "form": found.form_id, "score": found.tenths}


async def discard_evaluation(request: web.Request) -> web.Response:
    """POST /api/evaluations/{evaluation}/discard."""
    wanted = await read_body(request, SeenRequest)
    before, parts = await _own_draft(request), parts_of(request)
    _check_seen(wanted.version, before)
    try:
        move(before.state, Step.DISCARD)
        await trail(request, "evaluation.discarded", before.call_id, _detail(before))
        await parts.evaluations.discard(before)
    except CallerError as error:
        raise refused(error) from error
    return web.Response(status=204)


# --- To read ---------------------------------------------------------------------------------------


async def list_evaluations(request: web.Request) -> web.Response:
    """GET /api/evaluations."""
    return await _page(request, filter_of(request, read_query(request, EvaluationQuery)))


def filter_of(request: web.Request, query: EvaluationQuery) -> EvaluationFilter:
    """What a query looks for, by whoever asks."""
    key = cursors.read(query.after)
    return EvaluationFilter(
        agent=query.agent,
        form=query.form,
        state=query.state,
        evaluator=query.evaluator,
        least_tenths=None if query.least is None else round(query.least * 10),
        most_tenths=None if query.most is None else round(query.most * 10),
        since=query.since,
        until=query.until,
        drafts_of=session_of(request).user.login,
        waits_for=session_of(request).user.login,
        after=None if key is None else (key.at, uuid.UUID(key.call_id).hex),
        limit=query.limit,
    )


async def _page(request: web.Request, wanted: EvaluationFilter) -> web.Response:
    found = await parts_of(request).evaluations.page(session_of(request).user.tenant, wanted)
    seen = await seen_by(request, found)
    full = len(found) >= wanted.limit
    # A cursor is an instant and an id of a call's shape; a score's has the same.
    key = PageKey(at=found[-1].began_at, call_id=CallId(str(uuid.UUID(found[-1].evaluation_id)))) if full else None
    lines = [view.line(one, seen) for one in found]
    return answer(EvaluationPage(evaluations=lines, next=None if key is None else cursors.write(key)))


async def get_evaluation(request: web.Request) -> web.Response:
    """GET /api/evaluations/{evaluation}."""
    found, user = await _stored(request), session_of(request).user
    of_call = await parts_of(request).evaluations.of_call(user.tenant, found.call_id)
    shown, _ = view.visible(of_call, user.login)
    if found.evaluation_id not in {one.evaluation_id for one in shown}:
        if found.state is EvaluationState.DRAFT:
            raise Refused(404, "not_found")
        raise Refused(409, "own_draft_first")
    return await _shown(request, found)


async def my_evaluations(request: web.Request) -> web.Response:
    """GET /api/my/evaluations."""
    query, user = read_query(request, EvaluationQuery), session_of(request).user
    if user.agent is None:
        raise Refused(403, "no_agent")
    own = query.model_copy(update={"agent": user.agent})
    return await _page(request, replace(filter_of(request, own), drafts_of=None))


async def my_evaluation(request: web.Request) -> web.Response:
    """GET /api/my/evaluations/{evaluation}."""
    return await _shown(request, await own_work(request))


# --- Disputes --------------------------------------------------------------------------------------


async def dispute_evaluation(request: web.Request) -> web.Response:
    """POST /api/my/evaluations/{evaluation}/dispute."""
    wanted = await read_body(request, DisputeRequest)
    before, parts = await own_work(request), parts_of(request)
    _check_seen(wanted.version, before)
    try:
        done = steps.dispute(before, await _form_of(request, before), wanted.reason, parts.now())
        await trail(request, "evaluation.disputed", before.call_id, _detail(done))
        stored = await parts.evaluations.put(done)
    except CallerError as error:
        raise refused(error) from error
    return await _shown(request, stored)


async def review_evaluation(request: web.Request) -> web.Response:
    """POST /api/evaluations/{evaluation}/review."""
    wanted = await read_body(request, ReviewRequest)
    before, parts, user = await _stored(request), parts_of(request), session_of(request).user
    if before.state is EvaluationState.DRAFT:
        raise Refused(404, "not_found")
    if before.agent == user.agent:
        raise Refused(403, "own_evaluation")
    _check_seen(wanted.version, before)
    answers = None if wanted.answers is None else view.read_answers(wanted.answers)
    try:
        form = await _form_of(request, before)
        done = steps.review(before, form, by=user.login, answers=answers, words=wanted.note, at=parts.now())
        await trail(request, "evaluation.reviewed", before.call_id, {**_detail(done), "outcome": wanted.outcome.value})
        stored = await parts.evaluations.put(done)
    except CallerError as error:
        raise refused(error) from error
    return await _shown(request, stored)
