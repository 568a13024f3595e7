"""Which calls are to be scored: drawn from a seed, stored, handed out. docs/evaluations.md."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import uuid
from collections.abc import Mapping

from aiohttp import web

from cti.domain.model import AgentId
from cti.domain.sampling import Rule, RuleKind, draw, hand_out
from cti.domain.samplingrun import DrawnMeanwhile, SampleItem, SampleRun, Wanted
from cti.web.auth import parts_of
from cti.web.context import answer, read_body, session_of
from cti.web.problems import Refused
from cti.web.samplebodies import (
    SampleBody,
    SampleItemBody,
    SampleList,
    SampleRequest,
    SampleRule,
    SampleWork,
    Scorer,
)
from cti.web.trail import trail

# Somebody else's draw at the same moment is met once or not at all.
DRAWS_MOST = 5


def _rule(said: SampleRule) -> Rule:
    return Rule(
        kind=said.kind, per_agent=said.per_agent, seconds=said.seconds, reasons=frozenset(said.reasons)
    )  # fmt: skip


def _item(found: SampleItem) -> SampleItemBody:
    return SampleItemBody(
        sample=found.sample_id, place=found.place, call_id=found.call_id, agent=found.agent, form=found.form_id,
        because=found.because, detail={name: _said(value) for name, value in found.detail.items()},
        assignee=found.assignee, done=found.done,
    )  # fmt: skip


def _said(value: object) -> str | float:
    return float(value) if isinstance(value, int | float) else str(value)


def _body(run: SampleRun, items: list[SampleItem]) -> SampleBody:
    return SampleBody(
        id=run.sample_id, form=run.form_id, seed=run.seed, since=run.since, until=run.until,
        candidates=run.candidates, short={str(agent): n for agent, n in run.short.items()},
        made_at=run.made_at, made_by=run.made_by,
        items=[_item(one) for one in items if one.sample_id == run.sample_id],
    )  # fmt: skip


async def _scorers(request: web.Request) -> list[Scorer]:
    people = await parts_of(request).evaluations.people(session_of(request).user.tenant, gone=False)
    return [Scorer(login=login, name=name) for login, name, roles in people if "qa" in roles]


async def list_samples(request: web.Request) -> web.Response:
    """GET /api/evaluation-samples."""
    parts, tenant = parts_of(request), session_of(request).user.tenant
    runs, items = await parts.samples.runs(tenant), list(await parts.samples.items(tenant))
    return answer(SampleList(samples=[_body(run, items) for run in runs], people=await _scorers(request)))


async def my_samples(request: web.Request) -> web.Response:
    """GET /api/my/evaluation-samples."""
    user = session_of(request).user
    found = await parts_of(request).samples.items(user.tenant, assignee=user.login)
    return answer(SampleWork(items=[_item(one) for one in found]))


async def draw_sample(request: web.Request) -> web.Response:
    """POST /api/evaluation-samples."""
    wanted = await read_body(request, SampleRequest)
    parts, user = parts_of(request), session_of(request).user
    forms = {one.form_id for one in await parts.evaluation_forms.newest(user.tenant) if one.active}
    if wanted.form not in forms:
        raise Refused(409, "no_such_form")
    logins = await parts.samples.agents(user.tenant)
    known = {one.login for one in await _scorers(request)}
    strange = [f"people: {login[:64]!r} does not score calls here" for login in wanted.people if login not in known]
    strange += [f"agents: {agent[:64]!r} is no agent here" for agent in wanted.agents if agent not in logins]
    if strange:
        raise Refused(400, "bad_request", problems=strange)
    seed, sample_id = wanted.seed or secrets.token_hex(8), uuid.uuid4().hex
    for _ in range(DRAWS_MOST):
        run, items = await _drawn(request, wanted, logins, seed, sample_id)
        detail = {"form": run.form_id, "seed": seed, "n": len(items)}
        await trail(request, "evaluation_sample.made", run.sample_id, detail)
        with contextlib.suppress(DrawnMeanwhile):  # then those calls are no candidates any more
            await parts.samples.add(user.tenant, run, items)
            return answer(_body(run, items))
    raise Refused(409, "drawn_meanwhile")


async def _drawn(
    request: web.Request, wanted: SampleRequest, logins: Mapping[AgentId, str], seed: str, sample_id: str
) -> tuple[SampleRun, list[SampleItem]]:
    parts, user = parts_of(request), session_of(request).user
    agents = [AgentId(agent) for agent in wanted.agents] or list(logins)
    days = max((rule.days for rule in wanted.rules if rule.kind is RuleKind.REPEAT_CALLER), default=0)
    asked = Wanted(form_id=wanted.form, since=wanted.since, until=wanted.until, agents=agents, repeat_days=days)
    candidates = await parts.samples.candidates(user.tenant, asked)
    rules = [_rule(rule) for rule in wanted.rules]
    # Some seconds of processor time for a quarter of a large desk.
    made = await asyncio.to_thread(draw, candidates, rules, agents, seed)
    given = hand_out(made.chosen, wanted.people, logins)
    run = SampleRun(
        sample_id=sample_id, form_id=wanted.form, seed=seed,
        plan=[rule.model_dump(mode="json") for rule in wanted.rules], since=wanted.since, until=wanted.until,
        candidates=len(candidates), short=made.short, made_at=parts.now(), made_by=user.login,
    )  # fmt: skip
    items = [
        SampleItem(
            sample_id=run.sample_id, form_id=run.form_id, place=place, call_id=one.call_id, agent=one.agent,
            because=one.because, detail=one.detail, assignee=who,
        )
        for place, (one, who) in enumerate(zip(made.chosen, given, strict=True), 1)
    ]  # fmt: skip
    return run, items
