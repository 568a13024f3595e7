"""Tickets through the look-up service, each once: a stored effect whose id is the contract's Idempotency-Key.

The service answers the same key with the same ticket for 24 hours at least, so to ask again is to look what became of
it. After REPEAT_FOR nobody asks any more: a person has to look. docs/linking.md, docs/decisions/0222.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from cti.domain.aftercall import TicketDo, may_repeat, request_of
from cti.domain.effects import Declined, Effect, MaybeDone, NeverKnown
from cti.domain.errors import NotFound, PeerError, Unavailable
from cti.linking.client import TicketRefused
from cti.linking.contract import Ticket

# The token is ours to mend, and the wish is still good then.
OURS = frozenset({401, 403})


class TicketWriter(Protocol):
    """Who opens tickets (cti.linking.client.LookupClient)."""

    async def open_ticket(self, key: str, body: dict[str, object]) -> Ticket:
        """Open one; the same key is the same ticket. Raises Unavailable, TicketRefused, NotFound, PeerError."""

    async def join_ticket(self, key: str, ticket_id: str, body: dict[str, object]) -> Ticket:
        """Put a call into one; the same."""


class TicketDoer:
    """Implements cti.domain.effects.Doer."""

    def __init__(self, writer: TicketWriter, clock: Callable[[], datetime]) -> None:
        self._writer = writer
        self._clock = clock

    async def send(self, effect: Effect) -> str:
        """See the protocol."""
        try:
            return await self._ask(effect)
        except (Unavailable, NeverKnown) as error:
            raise MaybeDone(str(error)) from error

    async def look(self, effect: Effect) -> str:
        """See the protocol."""
        if not may_repeat(effect, self._clock()):
            raise NeverKnown("the service need not know the key any more")
        return await self._ask(effect)

    async def _ask(self, effect: Effect) -> str:
        """The ticket's id. Raises Unavailable, Declined, NeverKnown."""
        key, body = effect.effect_id, request_of(effect)
        try:
            if effect.body["do"] == TicketDo.JOIN:
                ticket = await self._writer.join_ticket(key, effect.body["ticket_id"], body)
            else:
                ticket = await self._writer.open_ticket(key, body)
        except NotFound as error:
            raise Declined("not_found") from error
        except TicketRefused as error:
            if error.status in OURS:
                raise Unavailable(str(error)) from error
            if error.code == "key_reused":  # it was asked for in other words, by an older version of ours
                raise NeverKnown(str(error)) from error
            raise Declined(error.code or "refused") from error
        except PeerError as error:  # it may have been done, and the answer is none
            raise Unavailable(str(error)) from error
        return ticket.ticket_id
