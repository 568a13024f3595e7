"""What the parts need from each other, as protocols. Implementations are joined in ``cti.app`` only."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from cti.domain.events import Event
from cti.domain.model import AgentId, CallId, ChannelName, Offer, TenantId
from cti.domain.signals import Signal


class SignalSink(Protocol):
    """The one ordered queue in front of the call desk."""

    def post(self, signal: Signal) -> None:
        """Put a signal in line. Never blocks; keeps the order of posting."""


class EventSink(Protocol):
    """The bus, seen by those who publish."""

    def publish(self, event: Event) -> None:
        """Hand a fact to every subscriber's queue. Never blocks, never raises for a subscriber's sake."""


class Telephony(Protocol):
    """What routing and the desk may ask of Asterisk. Every call has a deadline inside; raises Unavailable past it."""

    def offer(self, offer: Offer, *, channel: ChannelName, endpoint: str, also: Sequence[str] = ()) -> Awaitable[None]:
        """Ring the agent's endpoint for the caller's channel: sets CTI_OFFER, then redirects to cti-connect.

        ``also`` are endpoints that ring at the same time: Asterisk connects the first to answer and stops the others.
        May send at once; whatever it raises is raised where the answer is awaited.
        """

    async def take_back(self, *, channel: ChannelName) -> None:
        """Redirect the caller back to the waiting loop (withdraws a ringing offer)."""

    async def stop_ring(self, *, leg: ChannelName) -> None:
        """Stop one phone of several that ring for a caller. The caller is not lost if it was answered just now."""

    async def treat(self, *, channel: ChannelName, treatment: str) -> None:
        """Redirect the caller to the treatment of that name (cti-treat)."""

    async def set_variables(self, *, channel: ChannelName, variables: Mapping[str, str]) -> None:
        """Set channel variables. Values with CR, LF or NUL are refused with CallerError."""

    async def hang_up(self, *, channel: ChannelName) -> None:
        """Hang a channel up."""


class Directory(Protocol):
    """Who is who on the desk: agents and their endpoints, as loaded from the configuration."""

    def agent_of_endpoint(self, endpoint: str) -> tuple[TenantId, AgentId] | None:
        """The agent whose phone this is, or None."""

    def endpoint_of(self, tenant: TenantId, agent: AgentId) -> str:
        """The agent's endpoint name, e.g. "demo-sato"."""


class CallReader(Protocol):
    """A look at live calls, for those who draw them."""

    def live(self, call_id: CallId) -> object | None:
        """The live call, or None."""
