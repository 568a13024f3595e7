"""One's own phone: what it is, and for a phone in the browser, with what it registers at Asterisk."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from cti.domain.errors import NotFound
from cti.domain.model import AgentId
from cti.web.auth import parts_of
from cti.web.context import answer, session_of
from cti.web.phonebodies import MyPhone, PhoneLogInBody
from cti.web.problems import Refused


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
        there = await parts_of(request).phones.in_browser(tenant, agent)
    except NotFound as error:
        raise Refused(403, "no_agent") from error
    return answer(MyPhone(phone="browser" if there else "sip"))


async def log_in_my_phone(request: web.Request) -> web.Response:
    """POST /api/my/phone."""
    agent, tenant = _agent_of(request), session_of(request).user.tenant
    try:
        found = await parts_of(request).phones.log_in(tenant, agent)
    except NotFound as error:
        raise Refused(409, "no_browser_phone") from error
    return answer(PhoneLogInBody(url=found.url, user=found.endpoint, domain=found.domain, secret=found.secret))
