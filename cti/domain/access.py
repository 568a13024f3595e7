"""Who may do what: people who log in, their sessions, and the trail of what was looked at. Frozen records only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cti.domain.model import AgentId, TenantId, UserLogin


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A person who logs in."""

    tenant: TenantId
    login: UserLogin
    name: str
    roles: frozenset[str]  # of "agent", "supervisor", "qa", "admin", "integrator"
    must_change: bool  # still the first password
    agent: AgentId | None  # the phone this person works at; none: no agent
    tenant_name: str
    language: str  # the tenant's default: "ja" or "en"
    time_zone: str  # IANA name


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
