"""Servers that help a page's sound through NAT and firewalls: STUN and TURN, and log-ins for TURN that lapse. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class IceServer:
    """One entry of what browsers call iceServers."""

    urls: tuple[str, ...]  # "stun:…", "turn:…", "turns:…"
    username: str | None = None  # of TURN
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class IceWays:
    """What a page is told."""

    servers: tuple[IceServer, ...] = ()
    relay_only: bool = False  # sound goes through TURN and no other way


def turn_log_in(secret: str, name: str, now: datetime, lifetime_s: int) -> tuple[str, str]:
    """User and password of a TURN server that shares ``secret`` with us; worthless after ``lifetime_s`` on its clock.

    The scheme of draft-uberti-behave-turn-rest-00, coturn's ``use-auth-secret``: the user is the epoch second at which
    it lapses, a colon and a name for the log; the password is the Base64 of HMAC-SHA1 of the user under the secret.
    """
    user = f"{int(now.timestamp()) + lifetime_s}:{name}"
    digest = hmac.new(secret.encode(), user.encode(), hashlib.sha1).digest()
    return user, base64.b64encode(digest).decode()
