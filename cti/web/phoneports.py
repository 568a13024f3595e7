"""What the web side asks about phones in the browser (cti/wiring/phones.py, cti/store/quality.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from cti.domain.errors import NotFound
from cti.domain.ice import IceWays
from cti.domain.model import AgentId, CallId, QueueId, TenantId
from cti.domain.quality import LineQuality


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneLogIn:
    """With what a page registers at Asterisk, as one agent."""

    url: str  # Asterisk's WebSocket, "ws://…" or "wss://…"
    endpoint: str  # user of the SIP address and of the digest
    domain: str  # host of the SIP address; Asterisk looks at the user alone
    secret: str = field(repr=False)  # password of this log-in's phone; worthless when the log-in ends


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentPhone:
    """What an agent speaks with."""

    in_browser: bool = False  # the agent's page is their phone
    auto_answer: Literal["queue", "always", "never"] = "queue"  # what the agent's own line of the desk file says
    queues: Mapping[QueueId, int] = field(default_factory=dict)  # seconds of ringing, of queues that are answered so
    taken: bool = False  # the phone in the browser is another log-in's now, of the same agent
    ice: IceWays = field(default_factory=IceWays)  # how the sound of the phone in the browser finds its way


class Phones(Protocol):
    """Agents' phones."""

    async def phone_of(self, tenant: TenantId, agent: AgentId, log_in: bytes) -> AgentPhone:
        """The agent's phone, asked by a page of that log-in (its token's SHA-256). Raises NotFound, Unavailable."""

    async def log_in(self, tenant: TenantId, agent: AgentId, log_in: bytes) -> PhoneLogIn:
        """With what this agent's page registers: from now on the phone is this log-in's.

        Raises NotFound for an agent with another phone, Unavailable: PostgreSQL or Asterisk is away.
        """


class Qualities(Protocol):
    """How calls sounded. Both raise Unavailable."""

    async def keep(self, tenant: TenantId, call_id: CallId, measured: LineQuality) -> None:
        """Remember it, unless a longer measurement of the same talk is known."""

    async def of_call(self, tenant: TenantId, call_id: CallId) -> Sequence[LineQuality]:
        """Talk by talk, in order."""


class NoPhones:
    """Every agent has a SIP phone."""

    async def phone_of(self, tenant: TenantId, agent: AgentId, log_in: bytes) -> AgentPhone:
        """See the port."""
        return AgentPhone()

    async def log_in(self, tenant: TenantId, agent: AgentId, log_in: bytes) -> PhoneLogIn:
        """See the port."""
        raise NotFound("no agent has a phone in the browser")


class NoQualities:
    """Nobody measures."""

    async def keep(self, tenant: TenantId, call_id: CallId, measured: LineQuality) -> None:
        """See the port."""

    async def of_call(self, tenant: TenantId, call_id: CallId) -> Sequence[LineQuality]:
        """See the port."""
        return ()
