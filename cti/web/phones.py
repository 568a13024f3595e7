"""One's own phone: what it is, with what a phone in the browser registers at Asterisk, and how its calls sounded."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aiohttp import web

from cti.domain.errors import NotFound
from cti.domain.model import AgentId, Call, TenantId
from cti.domain.quality import LineQuality
from cti.web.auth import parts_of
from cti.web.calls import call_id_of
from cti.web.context import TOKEN_SHA256, answer, read_body, session_of
from cti.web.phonebodies import (
    AutoAnswer,
    HoldsRequest,
    IceBody,
    IceServerBody,
    MyPhone,
    PhoneLogInBody,
    QualityRequest,
)
from cti.web.problems import Refused

# A page tells the last of a call when it is over, and tries again while the server is away.
REPORT_LATE = timedelta(minutes=10)


def socket_origin(url: str) -> str:
    """Scheme, host and port of a WebSocket's address, as the Content-Security-Policy names it.

    >>> socket_origin("wss://cti.example.com/sip/ws")
    'wss://cti.example.com'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _agent_of(request: web.Request) -> AgentId:
    agent = session_of(request).user.agent
    if agent is None:
        raise Refused(403, "no_agent")
    return agent


async def my_phone(request: web.Request) -> web.Response:
    """GET /api/my/phone."""
    agent, tenant = _agent_of(request), session_of(request).user.tenant
    try:
        found = await parts_of(request).phones.phone_of(tenant, agent, request[TOKEN_SHA256])
    except NotFound as error:
        raise Refused(403, "no_agent") from error
    policy = AutoAnswer(agent=found.auto_answer, queues=dict(found.queues.items()))
    servers = [
        IceServerBody(urls=list(one.urls), username=one.username, credential=one.credential)
        for one in found.ice.servers
    ]
    return answer(
        MyPhone(
            phone="browser" if found.in_browser else "sip",
            auto_answer=policy,
            taken=found.taken,
            ice=IceBody(servers=servers, relay_only=found.ice.relay_only),
        )
    )


async def _of_page(request: web.Request) -> tuple[TenantId, AgentId]:
    """Whose phone this page is."""
    agent, tenant = _agent_of(request), session_of(request).user.tenant
    try:
        found = await parts_of(request).phones.phone_of(tenant, agent, request[TOKEN_SHA256])
    except NotFound as error:
        raise Refused(403, "no_agent") from error
    if not found.in_browser:  # its leg is alive, whatever became of the page
        raise Refused(409, "no_browser_phone")
    return tenant, agent


async def my_phone_is_here(request: web.Request) -> web.Response:
    """POST /api/my/phone/here."""
    tenant, agent = await _of_page(request)
    parts_of(request).desk.phone_anew(tenant, agent)
    return web.Response(status=204)


async def bring_my_call_back(request: web.Request) -> web.Response:
    """POST /api/my/phone/back."""
    tenant, agent = await _of_page(request)
    with suppress(NotFound):  # the old leg has just ended by itself: the call comes back all the same
        await parts_of(request).talks.bring_back(tenant, agent)
    return web.Response(status=204)


async def tell_my_holds(request: web.Request) -> web.Response:
    """PUT /api/my/calls/{call_id}/holds."""
    tenant, agent = await _of_page(request)
    call_id, told = call_id_of(request), await read_body(request, HoldsRequest)
    parts, now = parts_of(request), parts_of(request).now()
    holds = [(now - timedelta(seconds=one.began_ago_s), _ago(now, one.ended_ago_s)) for one in told.holds]
    if not parts.talks.held_alone(tenant, agent, call_id, holds):
        raise Refused(404, "not_my_call")
    return web.Response(status=204)


def _ago(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now - timedelta(seconds=seconds)


async def log_in_my_phone(request: web.Request) -> web.Response:
    """POST /api/my/phone."""
    agent, tenant = _agent_of(request), session_of(request).user.tenant
    try:
        found = await parts_of(request).phones.log_in(tenant, agent, request[TOKEN_SHA256])
    except NotFound as error:
        raise Refused(409, "no_browser_phone") from error
    return answer(PhoneLogInBody(url=found.url, user=found.endpoint, domain=found.domain, secret=found.secret))


def on_the_line_at(call: Call, agent: AgentId) -> datetime | None:
    """When the agent came on the line of this call, the last time; None: they never were."""
    talks = [talk.answered_at for talk in call.talks if talk.agent == agent]
    asked = [one.answered_at for one in call.consultations if one.second == agent and one.answered_at is not None]
    return max((*talks, *asked), default=None)


async def report_my_quality(request: web.Request) -> web.Response:
    """PUT /api/my/calls/{call_id}/quality."""
    agent, tenant, call_id = _agent_of(request), session_of(request).user.tenant, call_id_of(request)
    told = await read_body(request, QualityRequest)
    parts, now = parts_of(request), parts_of(request).now()
    call = await parts.calls.get(tenant, call_id)
    talk_at = None if call is None else on_the_line_at(call, agent)
    if call is None or talk_at is None:
        raise Refused(404, "not_my_call")
    if call.ended_at is not None and now - call.ended_at > REPORT_LATE:
        raise Refused(409, "call_long_over")
    measured = LineQuality(agent=agent, talk_at=talk_at, reported_at=now, **told.model_dump())
    await parts.qualities.keep(tenant, call_id, measured)
    return web.Response(status=204)
