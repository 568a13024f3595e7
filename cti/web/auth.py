"""Who may do what: the guard in front of every route, driven by the table in ``routes``.

The cookie holds 32 random bytes; only their SHA-256 is kept. A request that changes something, and the socket,
must come from an allowed ``Origin``. A session that was found is remembered for a few seconds, and used for ten
minutes while the database is away, so that a desk goes on working through its restart.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from cti.domain.access import Session
from cti.domain.errors import Unavailable
from cti.web import addresses
from cti.web.context import PARTS, SESSION, SETTINGS, TOKEN_SHA256, WebParts
from cti.web.problems import Refused
from cti.web.routes import ROUTES, Route

log = logging.getLogger(__name__)

COOKIE = "kakehashi_session"
TOKEN_BYTES = 32
# A role taken away or a user switched off takes effect after this at the latest.
FRESH_S = 5.0
# How long a session is believed while the database cannot be asked.
BELIEVED_S = 600.0
# "Last use" is kept to the minute: more would be a write a request.
TOUCH_S = 60.0
MAX_REMEMBERED = 10_000
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

BY_NAME: Mapping[str, Route] = {route.name: route for route in ROUTES}


def new_token() -> str:
    """A fresh session token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(kw_only=True, slots=True)
class _Remembered:
    session: Session
    asked_s: float  # monotonic, when the database said so


class Guard:
    """Finds sessions and refuses what is not allowed."""

    def __init__(self, parts: WebParts) -> None:
        self._parts = parts
        self._known: OrderedDict[bytes, _Remembered] = OrderedDict()

    async def find(self, token_sha256: bytes) -> Session | None:
        """The session, or None. Raises Unavailable when the database is away and nothing is remembered."""
        now_s = self._parts.monotonic()
        known = self._known.get(token_sha256)
        if known is not None and now_s - known.asked_s < FRESH_S:
            return known.session
        now = self._parts.now()
        try:
            session = await self._parts.sessions.find(token_sha256, now)
            if session is not None and (now - session.seen_at).total_seconds() >= TOUCH_S:
                await self._parts.sessions.touch(token_sha256, now)
        except Unavailable:
            if known is not None and now_s - known.asked_s < BELIEVED_S and known.session.expires_at > now:
                return known.session
            raise
        if session is None:
            self.forget(token_sha256)
            return None
        self._known[token_sha256] = _Remembered(session=session, asked_s=now_s)
        self._known.move_to_end(token_sha256)
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return session

    def forget(self, token_sha256: bytes) -> None:
        """The session ended, or what it may do has changed."""
        self._known.pop(token_sha256, None)

    async def admit(self, request: web.Request, route: Route) -> None:
        """Refuse, or put the session into the request."""
        if request.method not in SAFE_METHODS or route.name == "agent_socket":
            check_origin(request)
        if route.roles is None:
            return
        token = request.cookies.get(COOKIE)
        if not token or len(token) > 100:
            raise Refused(401, "not_logged_in")
        token_sha256 = digest(token)
        session = await self.find(token_sha256)
        if session is None:
            raise Refused(401, "not_logged_in")
        if session.user.roles.isdisjoint(route.roles):
            raise Refused(403, "not_allowed")
        if session.user.must_change and not route.first_password:
            raise Refused(403, "must_change_password")
        request[SESSION] = session
        request[TOKEN_SHA256] = token_sha256


GUARD = web.AppKey("guard", Guard)


def check_origin(request: web.Request) -> None:
    """Refuse what another site, or nobody, asks for."""
    origin = request.headers.get("Origin")
    if origin is None or origin not in request.app[SETTINGS].origins:
        log.warning("A request from an origin that is not allowed was refused.", extra={"route": request.path})
        raise Refused(403, "wrong_origin")


def address_of(request: web.Request) -> str:
    """Where the request came from: for the throttle and for the trail."""
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", []))
    return addresses.origin_of(request.remote or "", forwarded, request.app[SETTINGS].trusted_proxies)


def parts_of(request: web.Request) -> WebParts:
    """The parts behind the pages."""
    return request.app[PARTS]
