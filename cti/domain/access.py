"""Who may do what: people who log in, their sessions, and the trail of what was looked at. Frozen records only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cti.domain.model import AgentId, TenantId, UserLogin


class Right(StrEnum):
    """What may be done with recordings and with what is known of a person. Each is a right of its own."""

    LISTEN = "listen"  # hear it in the browser; every listen is in the trail
    DOWNLOAD = "download"  # take it away as a file
    DELETE = "delete"  # before its time
    UNREDACTED = "unredacted"  # see callers' numbers whole; without it the last four digits
    HOLD = "hold"  # keep it from being deleted, and say how long recordings are kept
    PAUSE = "pause"  # pause the recording of a call that goes on; agents may do it in their own calls
    PERSON = "person"  # disclose and erase all that is known of a person
    TRAIL = "trail"  # read who heard, took, changed and deleted what


_R = Right
# The one table of who may what with recordings. Roles add up: somebody who listens and downloads has both roles.
ROLE_RIGHTS: Mapping[str, frozenset[Right]] = {
    "agent": frozenset(),
    "supervisor": frozenset({_R.UNREDACTED, _R.PAUSE}),  # they see callers' numbers all day, on the board
    "qa": frozenset({_R.LISTEN}),
    "admin": frozenset({_R.UNREDACTED, _R.TRAIL}),
    "integrator": frozenset({_R.PAUSE}),  # a payment page, while it takes a card number
    "download": frozenset({_R.DOWNLOAD}),
    "unredacted": frozenset({_R.UNREDACTED}),
    "privacy": frozenset({_R.DELETE, _R.HOLD, _R.PERSON, _R.UNREDACTED, _R.TRAIL}),
}


def rights_of(roles: Iterable[str]) -> frozenset[Right]:
    """What somebody with these roles may. A role that is not in the table gives nothing."""
    return frozenset(right for role in roles for right in ROLE_RIGHTS.get(role, ()))


def holders(*rights: Right) -> frozenset[str]:
    """The roles with at least one of these rights."""
    return frozenset(role for role, has in ROLE_RIGHTS.items() if not has.isdisjoint(rights))


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A person who logs in."""

    tenant: TenantId
    login: UserLogin
    name: str
    roles: frozenset[str]  # of ROLE_RIGHTS
    must_change: bool  # still the first password
    agent: AgentId | None  # the phone this person works at; none: no agent
    tenant_name: str
    language: str  # the tenant's default: "ja" or "en"
    time_zone: str  # IANA name

    def may(self, right: Right) -> bool:
        """Whether one of this person's roles gives the right."""
        return right in rights_of(self.roles)


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What a password is checked against."""

    user: User
    password_hash: str = field(repr=False)  # argon2id, encoded


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A log-in that is still good."""

    user: User
    created_at: datetime
    seen_at: datetime  # last use, to the minute
    expires_at: datetime  # at the latest


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """Somebody did something that must be traceable. Written once, never changed."""

    at: datetime
    tenant: str
    who: str  # log-in name
    what: str  # slug: "recording.listened", "session.opened", "session.refused", "password.changed", …
    which: str = ""  # the thing: a call's id, a log-in name
    detail: Mapping[str, Any] = field(default_factory=dict)  # JSON-able, no personal data
    address: str = ""  # where they came from


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditWanted:
    """Which entries; None: any."""

    which: str | None = None  # the thing, whole
    who: str | None = None  # log-in name, whole
    what: str | None = None  # how it begins: "recording." is everything about recordings
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None  # number of the last entry of the page before
    limit: int = 50
