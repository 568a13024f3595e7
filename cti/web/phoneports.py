"""What the web side asks about phones in the browser (cti/wiring/phones.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from cti.domain.errors import NotFound
from cti.domain.model import AgentId, TenantId


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneLogIn:
    """With what a page registers at Asterisk, as one agent."""

    url: str  # Asterisk's WebSocket, "ws://…" or "wss://…"
    endpoint: str  # user of the SIP address and of the digest
    domain: str  # host of the SIP address; Asterisk looks at the user alone
    secret: str = field(repr=False)  # the password of the endpoint in pjsip.conf


class Phones(Protocol):
    """Agents' phones."""

    async def in_browser(self, tenant: TenantId, agent: AgentId) -> bool:
        """Whether the agent's page is their phone. Raises NotFound, Unavailable."""

    async def log_in(self, tenant: TenantId, agent: AgentId) -> PhoneLogIn:
        """With what this agent's page registers. Raises NotFound for an agent with another phone, Unavailable."""


class NoPhones:
    """Every agent has a SIP phone."""

    async def in_browser(self, tenant: TenantId, agent: AgentId) -> bool:
        """See the port."""
        return False

    async def log_in(self, tenant: TenantId, agent: AgentId) -> PhoneLogIn:
        """See the port."""
        raise NotFound("no agent has a phone in the browser")
