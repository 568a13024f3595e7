"""What the web side asks of the other parts. Implementations are joined to these in ``cti/wiring`` only.

Every async method may raise ``Unavailable``: the page then says so, and goes on with what it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cti.domain.access import AuditEntry, AuditWanted, Credentials, Session, User
from cti.domain.callbacks import Callback, CallbackId
from cti.domain.consult import Command
from cti.domain.errors import NotFound
from cti.domain.model import (
    AgentId,
    AgentState,
    Call,
    CallId,
    EndReason,
    PhoneState,
    QueueId,
    SkillId,
    SkillLevel,
    TenantId,
    UserLogin,
)
from cti.domain.pop import Pop, PopPhase

# --- People ----------------------------------------------------------------------------------------


class Users(Protocol):
    """People who log in (cti/store/users.py)."""

    async def only_tenant(self) -> TenantId | None:
        """The tenant, when there is exactly one."""

    async def credentials(self, tenant: str, login: str) -> Credentials | None:
        """An active user with the password's hash, or None."""

    async def set_password(self, tenant: TenantId, login: UserLogin, password_hash: str) -> None:
        """Replace the password; it no longer counts as the first one."""


class Sessions(Protocol):
    """Log-ins that are still good (cti/store/sessions.py)."""

    async def create(
        self, token_sha256: bytes, user: User, *, now: datetime, expires_at: datetime, address: str
    ) -> None:
        """Remember a log-in."""

    async def find(self, token_sha256: bytes, now: datetime) -> Session | None:
        """The session, or None when it is over."""

    async def touch(self, token_sha256: bytes, now: datetime) -> None:
        """It was used."""

    async def end(self, token_sha256: bytes) -> None:
        """Log out."""

    async def end_others(self, tenant: TenantId, login: UserLogin, keep: bytes) -> list[bytes]:
        """End all sessions of a user but one; returns the hashes of the tokens that ended."""

    async def sweep(self, now: datetime) -> int:
        """Delete what is over; returns how many."""


class Audit(Protocol):
    """The trail (cti/store/audit.py)."""

    async def add(self, entry: AuditEntry) -> None:
        """Write one entry; returns when it is committed."""

    async def page(self, tenant: TenantId, wanted: AuditWanted) -> Sequence[tuple[int, AuditEntry]]:
        """Entries with their numbers, newest first, at most ``limit``."""


# --- The desk, now ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentStatus:
    """An agent, now."""

    agent: AgentId
    name: str
    state: AgentState
    reason: str  # slug
    since: datetime  # of the state
    phone: PhoneState
    until: datetime | None = None  # when after-call work ends by itself
    phone_since: datetime | None = None
    skills: tuple[SkillLevel, ...] = ()
    call_id: CallId | None = None  # the call they ring for or are in
    call_queue: QueueId | None = None
    call_phase: PopPhase | None = None
    call_since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingFact:
    """A caller in a queue."""

    call_id: CallId
    since: datetime  # first entry into a queue
    attempts: int = 0
    offered_to: AgentId | None = None
    priority: int = 0  # with what waiting has added
    expected_s: float | None = None  # half of the callers in this place wait less; None: nobody is at work


@dataclass(frozen=True, kw_only=True, slots=True)
class HoursFact:
    """What a queue's calendar says now."""

    open: bool
    name: tuple[str, str]  # of the day, Japanese and English; empty for a weekday
    until: datetime | None  # when that changes; None: not within a year


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueFact:
    """A queue, now."""

    queue: QueueId
    service_level_s: int
    waiting: tuple[WaitingFact, ...]  # in the order they will be served, at most WAITING_SHOWN
    waiting_count: int
    talking: int
    agents_available: int
    agents_logged_in: int
    nobody_for: int = 0  # callers whom nobody who is logged in could ever take
    hours: HoursFact | None = None  # None: always open


# More waiting callers than this are a number on the page, not lines.
WAITING_SHOWN = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveFacts:
    """A tenant's desk, now."""

    queues: tuple[QueueFact, ...]
    agents: tuple[AgentStatus, ...]
    asterisk_up: bool


class Desk(Protocol):
    """The routing side: who is where. Answers from memory, without waiting."""

    def agent(self, tenant: TenantId, agent: AgentId) -> AgentStatus | None:
        """One agent, or None when there is no such agent."""

    def live(self, tenant: TenantId) -> LiveFacts:
        """All of a tenant."""

    async def choose_state(self, tenant: TenantId, agent: AgentId, state: AgentState, reason: str) -> None:
        """The agent chose a state. Raises CallerError with a sentence when it cannot be."""

    def phone_anew(self, tenant: TenantId, agent: AgentId) -> None:
        """Their page has just become their phone: what rang on it before nobody can answer any more."""


class Talks(Protocol):
    """What agents ask for the call they talk in (cti/transfers.py)."""

    async def ask(self, tenant: TenantId, agent: AgentId, command: Command, to: str = "") -> None:
        """Carry it out; returns when it is confirmed. Raises CallerError with a ``key``, NotFound, Unavailable."""

    async def bring_back(self, tenant: TenantId, agent: AgentId) -> bool:
        """Their page was loaded anew in mid-call: let the call come back to it. Raises NotFound, Unavailable."""

    def held_alone(
        self, tenant: TenantId, agent: AgentId, call_id: CallId, holds: Sequence[tuple[datetime, datetime | None]]
    ) -> bool:
        """Their phone held the caller by itself while we were away: from, and to (None: still). False: not theirs."""

    def talk(self, tenant: TenantId, agent: AgentId) -> Call | None:
        """The live call that this agent is on the line with, as the one who has the caller or who was asked."""


class Names(Protocol):
    """Names of things as the desk file has them: (Japanese, English). An unknown id is its own name."""

    def queue(self, tenant: TenantId, queue: QueueId) -> tuple[str, str]:
        """A queue's names."""

    def skill(self, tenant: TenantId, skill: SkillId) -> tuple[str, str]:
        """A skill's names."""

    def reason(self, tenant: TenantId, stored: str) -> tuple[str, str]:
        """Why an agent was chosen, in words: from what the call keeps of it."""


class Pops(Protocol):
    """What agents are shown now (cti/screenpop.py)."""

    def current(self, tenant: TenantId, agent: AgentId) -> Pop | None:
        """The pop on this agent's screen."""


# --- Calls -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class PageKey:
    """Where a page ends: the next one begins after this, newest first."""

    at: datetime
    call_id: CallId


@dataclass(frozen=True, kw_only=True, slots=True)
class CallFilter:
    """Which calls; None: any."""

    since: datetime | None = None
    until: datetime | None = None
    queue: str | None = None
    agent: str | None = None
    end_reason: EndReason | None = None
    number_part: str | None = None  # digits, part of the caller's E.164
    limit: int = 50
    after: PageKey | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """A queue since some instant."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    in_time: int = 0  # answered within the queue's service level
    asa_s: float | None = None  # mean wait of answered calls


class Calls(Protocol):
    """Calls, closed and live."""

    async def page(self, tenant: TenantId, wanted: CallFilter) -> Sequence[Call]:
        """At most ``limit`` calls, newest arrival first, by (arrived_at, call_id) descending."""

    async def get(self, tenant: TenantId, call_id: CallId) -> Call | None:
        """One call."""

    async def of_agent(self, tenant: TenantId, agent: AgentId, since: datetime) -> Sequence[Call]:
        """Calls that were offered to or answered by this agent, arrived since, newest first, at most 200."""

    async def figures(self, tenant: TenantId, since: datetime) -> Mapping[QueueId, Figures]:
        """Figures of closed calls that arrived since, by queue."""


# --- Callbacks ---


class Callbacks(Protocol):
    """People who keep their place and are called back (routing/callbacks.py)."""

    def open(self, tenant: TenantId) -> Sequence[Callback]:
        """Those that are open, in the order of their places. From memory."""

    async def newest(self, tenant: TenantId, limit: int) -> Sequence[Callback]:
        """Open and ended, newest first, as stored."""

    async def cancel(self, tenant: TenantId, callback_id: CallbackId) -> Callback:
        """End one, on disk when it returns. Raises NotFound, Unavailable, CallerError while its person is called."""


class NoCallbacks:
    """Nobody keeps places."""

    def open(self, tenant: TenantId) -> Sequence[Callback]:
        """See the port."""
        return ()

    async def newest(self, tenant: TenantId, limit: int) -> Sequence[Callback]:
        """See the port."""
        return ()

    async def cancel(self, tenant: TenantId, callback_id: CallbackId) -> Callback:
        """See the port."""
        raise NotFound("no such callback is open")


# --- Recordings ------------------------------------------------------------------------------------


# --- Running ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class PartState:
    """Whether a part that the server needs is there."""

    ready: bool
    since: datetime
    why: str | None = None  # of a part that is not ready; of one that is: what somebody should look at


class Readiness(Protocol):
    """What is ready: lease, ami, routing, postgres, recording, disk, s3, lookup, ivr, webhooks. Answers from memory."""

    def parts(self) -> Mapping[str, PartState]:
        """Each part by name."""
