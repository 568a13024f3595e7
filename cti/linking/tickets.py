"""Tickets through the look-up service, each once: a stored effect whose id is the contract's Idempotency-Key.

The service answers the same key with the same ticket for 24 hours at least, so to ask again is to look what became of
it. After REPEAT_FOR nobody asks any more: a person has to look. docs/linking.md, docs/decisions/0222.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from cti.domain.aftercall import TicketDo, may_repeat, request_of
from cti.domain.effects import Declined, Effect, MaybeDone, NeverKnown
from cti.domain.errors import NotFound, PeerError, Unavailable
from cti.linking.breaker import Breaker
from cti.linking.client import TicketLater, TicketRefused
from cti.linking.contract import Ticket

# The token is ours to mend, and the wish is still good then.
OURS = frozenset({401, 403})
# Of the client's 32 connections: a caller's look-up must never wait behind tickets.
LANES = 4
# The contract's own words: after five failures in a row, one question per ten seconds.
FAILURES = 5
REST_S = 10.0


class TicketWriter(Protocol):
    """Who opens tickets (cti.linking.client.LookupClient)."""

    async def open_ticket(self, key: str, body: dict[str, object]) -> Ticket:
        """Open one; the same key is the same ticket. Raises Unavailable, TicketRefused, NotFound, PeerError."""

    async def join_ticket(self, key: str, ticket_id: str, body: dict[str, object]) -> Ticket:
        """Put a call into one; the same."""


class TicketDoer:
    """Implements cti.domain.effects.Doer."""

    def __init__(
        self, writer: TicketWriter, clock: Callable[[], datetime], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._monotonic = monotonic
        self._lanes = asyncio.Semaphore(LANES)
        # Not the look-ups' own: a ticket system may be away while callers are known, and the other way round.
        self._breaker = Breaker(failures=FAILURES, rest_s=REST_S)

    async def send(self, effect: Effect) -> str:
        """See the protocol."""
        try:
            return await self._ask(effect)
        except (Unavailable, NeverKnown) as error:
            raise MaybeDone(str(error)) from error

    async def look(self, effect: Effect) -> str:
        """See the protocol."""
        if not may_repeat(effect, self._clock()):
            raise NeverKnown("too_late")  # the service need not know the key any more
        return await self._ask(effect)

    async def _ask(self, effect: Effect) -> str:
        """The ticket's id, when it is this one's turn. Raises Unavailable, Declined, NeverKnown."""
        async with self._lanes:
            if not self._breaker.may_ask(self._monotonic()):
                raise Unavailable("the look-up service did not answer others: it is left alone for a while")
            try:
                found = await self._asked(effect)
            except Unavailable as error:
                rest_s = error.retry_after_s if isinstance(error, TicketLater) else 0.0
                self._breaker.failed(self._monotonic(), retry_after_s=rest_s)
                raise
            except (Declined, NeverKnown):
                self._breaker.succeeded()
                raise
            except BaseException:
                self._breaker.gave_up(self._monotonic())
                raise
            self._breaker.succeeded()
            return found

    async def _asked(self, effect: Effect) -> str:
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
                raise NeverKnown(error.code) from error
            raise Declined(error.code or "refused") from error
        except PeerError as error:  # it may have been done, and the answer is none
            raise Unavailable(str(error)) from error
        return ticket.ticket_id
