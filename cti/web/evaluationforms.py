"""Forms that calls are scored on over HTTP, and what was scored as a file. docs/evaluations.md."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import web

from cti.domain.errors import KakehashiError, NotFound
from cti.domain.evaluation import Evaluation, EvaluationFilter
from cti.domain.evaluationform import FormChanged, form_problems
from cti.web import evaluationexport as export
from cti.web import evaluationview as view
from cti.web.actions import id_of
from cti.web.auth import parts_of
from cti.web.context import answer, read_body, read_query, session_of
from cti.web.evaluationbodies import ExportQuery, FormActiveRequest, FormList, FormPublished, FormRequest
from cti.web.evaluations import filter_of, seen_by
from cti.web.problems import Refused
from cti.web.trail import trail

log = logging.getLogger(__name__)

# Some 1 MB of rows at a time, whatever is exported.
EXPORT_PAGE = 200


def _form_id(request: web.Request) -> str:
    return id_of(request, "form", "not_found")


async def list_evaluation_forms(request: web.Request) -> web.Response:
    """GET /api/evaluation-forms."""
    found = await parts_of(request).evaluation_forms.newest(session_of(request).user.tenant)
    return answer(FormList(forms=[view.form_line(one) for one in found]))


async def get_evaluation_form(request: web.Request) -> web.Response:
    """GET /api/evaluation-forms/{form}."""
    versions = await parts_of(request).evaluation_forms.history(session_of(request).user.tenant, _form_id(request))
    if not versions:
        raise Refused(404, "not_found")
    return answer(view.form_history(versions))


async def publish_evaluation_form(request: web.Request) -> web.Response:
    """PUT /api/evaluation-forms/{form}."""
    wanted, form_id = await read_body(request, FormRequest), _form_id(request)
    parts, user = parts_of(request), session_of(request).user
    if not view.is_form_id(form_id):
        raise Refused(400, "bad_form", problems=["id: lower-case letters, digits and '-', beginning with a letter"])
    form = view.read_form(wanted.form)
    problems = [f"{'.'.join(str(step) for step in where)}: {what}" for where, what in form_problems(form)]
    if problems:
        raise Refused(400, "bad_form", problems=problems)
    await trail(request, "evaluation_form.published", form_id, {"after": wanted.after, "note": wanted.note})
    try:
        version = await parts.evaluation_forms.publish(
            user.tenant, form_id, form, after=wanted.after, by=user.login, note=wanted.note, at=parts.now()
        )
    except FormChanged as error:
        raise Refused(409, "form_changed", detail=str(error)) from error
    return answer(FormPublished(version=version))


async def set_evaluation_form_active(request: web.Request) -> web.Response:
    """PUT /api/evaluation-forms/{form}/active."""
    wanted, form_id = await read_body(request, FormActiveRequest), _form_id(request)
    await trail(request, "evaluation_form.switched", form_id, {"active": wanted.active})
    try:
        await parts_of(request).evaluation_forms.set_active(session_of(request).user.tenant, form_id, wanted.active)
    except NotFound as error:
        raise Refused(404, "not_found") from error
    return web.Response(status=204)


async def export_evaluations(request: web.Request) -> web.StreamResponse:
    """GET /api/evaluation-export. In pages, so that a year of scores is never in memory at once."""
    query = read_query(request, ExportQuery)
    wanted = replace(filter_of(request, query), limit=EXPORT_PAGE, after=None, drafts_of=None)
    detail = query.model_dump(mode="json", exclude={"limit", "after"}, exclude_none=True)
    await trail(request, "evaluation.exported", "", detail)
    is_csv = query.format == "csv"
    pages = _pages(request, wanted)
    first = await anext(pages, None)  # so that a database that is away is a 503, not half a file
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8" if is_csv else "application/json",
            "Content-Disposition": f'attachment; filename="evaluations.{query.format}"',
            "Cache-Control": "no-store",
        }
    )
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    send = _send_csv if is_csv else _send_json
    try:
        async for piece in send(first, pages, bom=query.bom):
            await response.write(piece.encode())
    except KakehashiError:
        # Half a file has gone: the connection is cut, so that nobody takes it for a whole one.
        log.exception("An export broke off while it was sent.", extra={"action": "export"})
        response.force_close()
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


_Page = tuple[list[Evaluation], view.Seen]


async def _pages(request: web.Request, wanted: EvaluationFilter) -> AsyncIterator[_Page]:
    parts, tenant = parts_of(request), session_of(request).user.tenant
    while True:
        found = list(await parts.evaluations.page(tenant, wanted))
        if not found:
            return
        yield found, await seen_by(request, found)
        if len(found) < EXPORT_PAGE:
            return
        wanted = replace(wanted, after=(found[-1].began_at, found[-1].evaluation_id))


async def _send_csv(first: _Page | None, pages: AsyncIterator[_Page], *, bom: bool) -> AsyncIterator[str]:
    begin = export.BOM if bom else ""
    if first is None:
        yield begin + export.csv_text([], view.Seen(login="", names={}, versions={}), header=True)
        return
    yield begin + export.csv_text(*first, header=True)
    async for found, seen in pages:
        yield export.csv_text(found, seen, header=False)


async def _send_json(first: _Page | None, pages: AsyncIterator[_Page], *, bom: bool) -> AsyncIterator[str]:
    """One array; a file that breaks off is not JSON, and is seen to be cut."""
    yield "["
    if first is not None:
        yield ",\n".join(export.json_lines(*first))
        async for found, seen in pages:
            yield ",\n" + ",\n".join(export.json_lines(found, seen))
    yield "]\n"
