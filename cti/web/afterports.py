"""What the web side asks for notes, reason codes and tickets (cti/wiring/aftercall.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cti.domain.aftercall import CallNote, CallTicket, Reason, TicketWish
from cti.domain.errors import NotAllowed, Unavailable
from cti.domain.model import AgentId, CallId, QueueId, TenantId


class Aftercall(Protocol):
    """What agents keep of a call. Every async method may raise ``Unavailable``."""

    @property
    def has_tickets(self) -> bool:
        """Whether there is a service that opens tickets."""

    def reasons(self, tenant: TenantId) -> Sequence[Reason]:
        """The desk's tree in the order of its file, those switched off too. From memory."""

    def reason_required(self, tenant: TenantId, queue: QueueId | None) -> bool:
        """Whether each call of the queue needs a reason. From memory."""

    async def notes(self, tenant: TenantId, call_id: CallId) -> Sequence[CallNote]:
        """What the agents of a call wrote, in the order in which they began."""

    async def notes_of(self, tenant: TenantId, agent: AgentId, calls: Sequence[CallId]) -> Sequence[CallNote]:
        """What one agent wrote about these calls."""

    async def save(self, wanted: CallNote) -> CallNote:
        """Save over ``wanted.version``. Raises NoteChanged, with what is there, when that is another."""

    async def tickets(self, tenant: TenantId, call_id: CallId) -> Sequence[CallTicket]:
        """Tickets that were asked for in a call, oldest first, as far as they have come."""

    async def ask_ticket(self, wish: TicketWish) -> CallTicket:
        """Store the wish, then ask for it meanwhile. The same wish again is answered with what became of it.

        Raises CallerError when its key is another wish's, NotAllowed without a service.
        """


class NoAftercall:
    """Nothing is kept."""

    has_tickets = False

    def reasons(self, tenant: TenantId) -> Sequence[Reason]:
        """See the port."""
        return ()

    def reason_required(self, tenant: TenantId, queue: QueueId | None) -> bool:
        """See the port."""
        return False

    async def notes(self, tenant: TenantId, call_id: CallId) -> Sequence[CallNote]:
        """See the port."""
        return ()

    async def notes_of(self, tenant: TenantId, agent: AgentId, calls: Sequence[CallId]) -> Sequence[CallNote]:
        """See the port."""
        return ()

    async def save(self, wanted: CallNote) -> CallNote:
        """See the port."""
        raise Unavailable("nothing is kept here")

    async def tickets(self, tenant: TenantId, call_id: CallId) -> Sequence[CallTicket]:
        """See the port."""
        return ()

    async def ask_ticket(self, wish: TicketWish) -> CallTicket:
        """See the port."""
        raise NotAllowed("nobody opens tickets here")
