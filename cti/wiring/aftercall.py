"""Notes, reason codes and tickets, joined to the database, to the look-up service and to the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

import asyncpg

from cti.domain.aftercall import (
    TICKET_KIND,
    CallNote,
    CallTicket,
    Reason,
    TicketWish,
    effect_of,
    ticket_of,
)
from cti.domain.effects import Effect
from cti.domain.errors import CallerError, NotAllowed, Unavailable
from cti.domain.model import CallId, QueueId, TenantId
from cti.effects import EffectSender
from cti.linking.client import LookupClient
from cti.linking.tickets import TicketDoer
from cti.store.aftercall import AftercallStore
from cti.store.effects import EffectStore
from cti.wiring.effects import Outbox

# Each asks once in five seconds at most while it waits; a desk of hundreds asks for some hundred tickets an hour.
TICKETS_MOST = 1_000


class StoredAftercall:
    """Implements cti.web.afterports.Aftercall."""

    def __init__(
        self, notes: AftercallStore, effects: EffectStore, sender: EffectSender | None, now: Callable[[], datetime]
    ) -> None:
        """``sender``: None when no look-up service is configured, so that nobody opens tickets."""
        self._notes = notes
        self._effects = effects
        self._sender = sender
        self._now = now
        self._trees: Mapping[TenantId, tuple[Reason, ...]] = {}
        self._required: frozenset[tuple[TenantId, QueueId]] = frozenset()
        self.notes = notes.notes

    @property
    def has_tickets(self) -> bool:
        """See the port."""
        return self._sender is not None

    async def reload(self) -> None:
        """Read reasons again. Raises Unavailable; what was read before stays in use."""
        self._trees, self._required = await self._notes.tree()

    def reasons(self, tenant: TenantId) -> Sequence[Reason]:
        """See the port."""
        return self._trees.get(tenant, ())

    def reason_required(self, tenant: TenantId, queue: QueueId | None) -> bool:
        """See the port."""
        return queue is not None and (tenant, queue) in self._required

    async def save(self, wanted: CallNote) -> CallNote:
        """See the port."""
        return await self._notes.save(wanted, self._now())

    async def tickets(self, tenant: TenantId, call_id: CallId) -> Sequence[CallTicket]:
        """See the port. What the sender knows is newer than what is stored."""
        live = {effect.effect_id: effect for effect in self._live()}
        found = await self._effects.tickets(tenant, call_id)
        return [ticket_of(live.get(effect.effect_id, effect), self._now()) for effect in found]

    async def ask_ticket(self, wish: TicketWish) -> CallTicket:
        """See the port."""
        if self._sender is None:
            raise NotAllowed("no look-up service is configured: nobody opens tickets")
        if len(self._live()) >= TICKETS_MOST:
            raise Unavailable(f"{TICKETS_MOST} tickets wait for the look-up service: no more are taken")
        known = await self._known(wish)
        if known is None:
            known = effect_of(wish, self._now())
            await self._sender.begin(known)
        return ticket_of(known, self._now())

    async def _known(self, wish: TicketWish) -> Effect | None:
        """The same wish, when the answer to it got lost. Raises CallerError for a key that is another wish's."""
        live = {effect.effect_id: effect for effect in self._live()}
        known = live.get(wish.key) or await self._effects.effect(wish.tenant, wish.key)
        if known is None:
            return None
        if known.tenant != wish.tenant or known.kind != TICKET_KIND or known.body["call_id"] != wish.call_id:
            raise CallerError("this key is another wish's: make a new one")
        return known

    def _live(self) -> Sequence[Effect]:
        return () if self._sender is None else self._sender.live


async def start(
    pool: asyncpg.Pool[Any],
    outbox: Outbox,
    lookups: LookupClient | None,
    now: Callable[[], datetime],
    cleanup: AsyncExitStack,
) -> StoredAftercall:
    """Tickets that were left are asked for again, each under its key. Raises Unavailable."""
    sender = None
    if lookups is not None:
        sender = EffectSender(
            outbox.store, {TICKET_KIND: TicketDoer(lookups, now)}, clock=now, on_settled=lambda *_: None
        )
        cleanup.push_async_callback(sender.stop)
    after = StoredAftercall(AftercallStore(pool), outbox.store, sender, now)
    await after.reload()
    if sender is not None:
        sender.take_over(outbox.of_kind(TICKET_KIND))
    return after
