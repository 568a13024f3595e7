"""What the web side asks about dialling out (cti/outbound/desk.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from cti.domain.errors import CallerError
from cti.domain.model import AgentId, CallId, TenantId


class Placed(Protocol):
    """A call that was placed."""

    @property
    def call_id(self) -> CallId: ...
    @property
    def shown(self) -> str: ...


class Ordered(Protocol):
    """What became of an agent's latest order."""

    @property
    def call_id(self) -> CallId: ...
    @property
    def state(self) -> Literal["asked", "taken", "lost"]: ...  # not known yet; Asterisk took it; it came to nothing


class Expected(Protocol):
    """What an agent may expect of dialling."""

    @property
    def number(self) -> str | None: ...
    @property
    def left(self) -> int: ...
    @property
    def order(self) -> Ordered | None: ...  # None: none, or its call is over


class Refusal(Protocol):
    """Why a number is not dialled."""

    @property
    def key(self) -> str: ...  # of the catalogue
    @property
    def detail(self) -> str: ...  # what varies in its text


class Dialling(Protocol):
    """Agents have numbers dialled."""

    async def dial(self, tenant: TenantId, agent: AgentId, text: str) -> Placed:
        """Have a number dialled, the agent's own phone first.

        Raises CallerError with a ``key`` of the catalogue and a ``detail``, NotFound, Unavailable: nobody is called.
        """

    def dialling(self, tenant: TenantId, agent: AgentId) -> Expected:
        """What the agent may expect now. From memory."""

    def refusal(self, tenant: TenantId, agent: AgentId, text: str) -> Refusal | None:
        """Why this number would not be dialled now, their own phone aside; None: it would be. From memory."""

    def refusals(self, tenant: TenantId, agent: AgentId, texts: Sequence[str]) -> Sequence[Refusal | None]:
        """The same for each of these."""


class _Off(CallerError):
    key, detail = "dial_off", ""


class _Nothing:
    number: str | None = None
    left = 0
    order: Ordered | None = None


class NoDialling:
    """Nobody dials out."""

    async def dial(self, tenant: TenantId, agent: AgentId, text: str) -> Placed:
        """See the port."""
        raise _Off("this server does not dial out")

    def dialling(self, tenant: TenantId, agent: AgentId) -> Expected:
        """See the port."""
        return _Nothing()

    def refusal(self, tenant: TenantId, agent: AgentId, text: str) -> Refusal | None:
        """See the port."""
        return _Off("this server does not dial out")

    def refusals(self, tenant: TenantId, agent: AgentId, texts: Sequence[str]) -> Sequence[Refusal | None]:
        """See the port."""
        return [self.refusal(tenant, agent, text) for text in texts]
