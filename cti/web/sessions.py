"""Log in, log out, who am I, change my password."""

from __future__ import annotations

import logging
from datetime import timedelta

from aiohttp import web

from cti.domain.access import AuditEntry, Credentials, Session, User, rights_of
from cti.domain.errors import KakehashiError
from cti.domain.model import AgentId, AgentState, TenantId
from cti.web.agentview import agent_body
from cti.web.auth import COOKIE, GUARD, address_of, digest, new_token, parts_of
from cti.web.boardparts import UserBody
from cti.web.bodies import LoginRequest, Me, PasswordRequest
from cti.web.context import SESSION_S, TOKEN_SHA256, WebParts, answer, read_body, session_of
from cti.web.hub import HUB
from cti.web.passwords import Passwords
from cti.web.problems import Refused
from cti.web.texts import break_reasons
from cti.web.throttle import Throttle

log = logging.getLogger(__name__)

PASSWORDS = web.AppKey("passwords", Passwords)
THROTTLE = web.AppKey("throttle", Throttle)


def user_body(user: User) -> UserBody:
    """A person as the pages know them."""
    return UserBody(login=user.login, name=user.name, roles=sorted(user.roles), must_change=user.must_change)


def me_body(request: web.Request, user: User) -> Me:
    """Who is logged in, with their phone."""
    parts = parts_of(request)
    status = parts.desk.agent(user.tenant, user.agent) if user.agent is not None else None
    return Me(
        tenant=user.tenant,
        tenant_name=user.tenant_name,
        language=user.language,
        time_zone=user.time_zone,
        user=user_body(user),
        rights=sorted(rights_of(user.roles)),
        agent=None if status is None else agent_body(user.tenant, status, parts.names),
        break_reasons=list(break_reasons()),
        server_time=parts.now(),
    )


async def _audit(request: web.Request, tenant: str, who: str, what: str, **detail: object) -> None:
    parts = parts_of(request)
    entry = AuditEntry(
        at=parts.now(), tenant=tenant, who=who, what=what, which=who, detail=detail, address=address_of(request)
    )
    await parts.audit.add(entry)


async def _right_person(request: web.Request, wanted: LoginRequest) -> Credentials:
    """Check the password. Unknown log-in, wrong password and switched-off user look and last the same."""
    parts, throttle = parts_of(request), request.app[THROTTLE]
    tenant = wanted.tenant or await parts.users.only_tenant() or ""
    key, address = f"{tenant}/{wanted.login}", address_of(request)
    wait_s = throttle.wait_s(key, address, parts.monotonic())
    if wait_s > 0:
        parts.metrics.logins.labels("throttled").inc()
        raise Refused(429, "too_many_tries", headers={"Retry-After": str(wait_s)})
    # Counted before the check: a hundred at once must not all get in before the first has failed.
    throttle.failed(key, address, parts.monotonic())
    found = await parts.users.credentials(tenant, wanted.login)
    fits = await request.app[PASSWORDS].check(wanted.password, found.password_hash if found else None)
    if found is None or not fits:
        parts.metrics.logins.labels("refused").inc()
        await _audit(request, tenant, wanted.login, "session.refused")
        raise Refused(401, "wrong_log_in")
    throttle.succeeded(key, address)
    return found


async def login(request: web.Request) -> web.Response:
    """POST /api/login."""
    wanted = await read_body(request, LoginRequest)
    found = await _right_person(request, wanted)
    parts, user = parts_of(request), found.user
    token, now = new_token(), parts.now()
    await parts.sessions.create(
        digest(token),
        user,
        now=now,
        expires_at=now + timedelta(seconds=SESSION_S),
        address=address_of(request),
    )
    await _audit(request, user.tenant, user.login, "session.opened")
    parts.metrics.logins.labels("ok").inc()
    response = answer(me_body(request, user))
    response.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_S,
        path="/",
        httponly=True,
        samesite="Strict",
        # The guard has checked Origin, so it is there and ours.
        secure=request.headers["Origin"].startswith("https://"),
    )
    return response


async def logout(request: web.Request) -> web.Response:
    """POST /api/logout."""
    parts, session, token_sha256 = parts_of(request), session_of(request), request[TOKEN_SHA256]
    await parts.sessions.end(token_sha256)
    request.app[GUARD].forget(token_sha256)
    hub = request.app[HUB]
    elsewhere = hub.is_elsewhere(session.user, token_sha256)
    hub.session_ended(token_sha256)
    if session.user.agent is not None and not elsewhere:
        await _leave_desk(parts, session.user.tenant, session.user.agent)
    await _audit(request, session.user.tenant, session.user.login, "session.closed")
    response = web.Response(status=204, headers={"Clear-Site-Data": '"cache"'})
    response.del_cookie(COOKIE, path="/")
    return response


async def _leave_desk(parts: WebParts, tenant: TenantId, agent: AgentId) -> None:
    """Who logs out takes no more calls. A closed tab or a broken line leaves the state: the desk phone goes on."""
    try:
        await parts.desk.choose_state(tenant, agent, AgentState.OFFLINE, "logged_out")
    except KakehashiError:
        log.warning("An agent who logged out could not be set offline.", exc_info=True)


async def me(request: web.Request) -> web.Response:
    """GET /api/me."""
    return answer(me_body(request, session_of(request).user))


async def change_password(request: web.Request) -> web.Response:
    """PUT /api/me/password. All other sessions of this user end."""
    wanted = await read_body(request, PasswordRequest)
    session: Session = session_of(request)
    user, parts = session.user, parts_of(request)
    await _right_person(request, LoginRequest(tenant=user.tenant, login=user.login, password=wanted.current))
    if wanted.new == wanted.current:
        raise Refused(400, "same_password")
    await parts.users.set_password(user.tenant, user.login, await request.app[PASSWORDS].hash(wanted.new))
    for ended in await parts.sessions.end_others(user.tenant, user.login, request[TOKEN_SHA256]):
        request.app[GUARD].forget(ended)
        request.app[HUB].session_ended(ended)
    request.app[GUARD].forget(request[TOKEN_SHA256])
    await _audit(request, user.tenant, user.login, "password.changed")
    return web.Response(status=204)
