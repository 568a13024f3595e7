"""Notes, reason codes and tickets, joined to the database, to the look-up service and to the pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

import asyncpg

from cti.domain.aftercall import (
    TICKET_KIND,
    CallNote,
    CallTicket,
    Reason,
    TicketWish,
    effect_of,
    same_wish,
    ticket_of,
)
from cti.domain.effects import Effect, EffectId
from cti.domain.errors import CallerError, NotAllowed, Unavailable
from cti.domain.model import CallId, QueueId, TenantId
from cti.effects import EffectSender
from cti.linking.client import LookupClient
from cti.linking.tickets import TicketDoer
from cti.store.aftercall import AftercallStore
from cti.store.effects import EffectStore
from cti.wiring.effects import Outbox

# A desk of hundreds asks for some hundred tickets an hour: this many wait after most of a day without the service.
TICKETS_MOST = 1_000
# Between two questions for one ticket that waits. No caller waits for it, and hundreds may wait at once.
PAUSE_MOST_S = 30.0


class StoredAftercall:
    """Implements cti.web.afterports.Aftercall."""

    def __init__(
        self, notes: AftercallStore, effects: EffectStore, sender: EffectSender | None, now: Callable[[], datetime]
    ) -> None:
        """``sender``: None when no look-up service is configured, so that nobody opens tickets."""
        self._notes = notes
        self._effects = effects
        self.sender = sender  # for figures
        self._now = now
        self._trees: Mapping[TenantId, tuple[Reason, ...]] = {}
        self._required: frozenset[tuple[TenantId, QueueId]] = frozenset()
        self.notes = notes.notes
        self.notes_of = notes.notes_of
        # One a key that is being asked for: of two requests that come at once, one begins and the other finds it.
        self._asking: WeakValueDictionary[EffectId, asyncio.Lock] = WeakValueDictionary()

    @property
    def has_tickets(self) -> bool:
        """See the port."""
        return self.sender is not None

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
        found = await self._effects.tickets(tenant, call_id)
        known = {effect.effect_id: effect for effect in self._known_here().values() if effect.tenant == tenant}
        return [ticket_of(known.get(effect.effect_id, effect), self._now()) for effect in found]

    async def ask_ticket(self, wish: TicketWish) -> CallTicket:
        """See the port."""
        if self.sender is None:
            raise NotAllowed("no look-up service is configured: nobody opens tickets")
        lock = self._asking.setdefault(wish.key, asyncio.Lock())
        async with lock:
            known = await self._known(wish)
            if known is None:
                # A wish that is known is answered, however many wait.
                if len(self.sender.live) >= TICKETS_MOST:
                    raise Unavailable(f"{TICKETS_MOST} tickets wait for the look-up service: no more are taken")
                known = effect_of(wish, self._now())
                await self.sender.begin(known)
        return ticket_of(known, self._now())

    async def _known(self, wish: TicketWish) -> Effect | None:
        """The same wish, when the answer to it got lost. Raises CallerError for a key that is another wish's."""
        known = self._known_here().get(wish.key) or await self._effects.effect(wish.tenant, wish.key)
        if known is not None and not same_wish(wish, known):
            raise CallerError("this key is another wish's: make a new one")
        return known

    def _known_here(self) -> Mapping[EffectId, Effect]:
        """Of all desks."""
        if self.sender is None:
            return {}
        return {one.effect_id: one for one in (*self.sender.live, *self.sender.unsaved)}


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
            outbox.store,
            {TICKET_KIND: TicketDoer(lookups, now)},
            clock=now,
            on_settled=lambda *_: None,
            look_most_s=PAUSE_MOST_S,
        )
        cleanup.push_async_callback(sender.stop)
    after = StoredAftercall(AftercallStore(pool), outbox.store, sender, now)
    await after.reload()
    if sender is not None:
        sender.take_over(outbox.of_kind(TICKET_KIND))
    return after
