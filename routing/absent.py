"""Calls that wait without a channel: places kept for callers who hung up (docs/callbacks.md).

They stand in the engine like any other waiting call, with their age. When it is their turn nobody can be redirected:
``Places.turn`` is told instead, and the call that is then placed waits under the same id.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from cti.domain.callend import nobody_there
from cti.domain.model import Call, CallId, Offer, QueueId, SkillLevel, TenantId
from routing import model as m
from routing.dispatch import Dispatcher, Room
from routing.model import Where


class Places(Protocol):
    """Who keeps places (routing.callbacks)."""

    def place_of(self, call: Call) -> datetime | None:
        """Since when a call's age counts, when it took a place over; None: since its own entry."""

    def turn(self, offer: Offer) -> None:
        """It is the turn of a call without a channel: ``offer.agent`` is held for it. Never blocks."""


class NoPlaces:
    """Nobody keeps any."""

    def place_of(self, call: Call) -> datetime | None:
        """See Places."""
        return None

    def turn(self, offer: Offer) -> None:
        """See Places."""


class Absentees:
    """The routing service, seen by those who keep places."""

    def __init__(
        self,
        *,
        room: Callable[[TenantId], Room],
        tell: Callable[[Room, m.Told], None],
        wait: Callable[[Room, Call, datetime], None],
        dispatch: Dispatcher,
        now: Callable[[], datetime],
    ) -> None:
        self._room = room
        self._tell = tell
        self._wait = wait
        self._dispatch = dispatch
        self._now = now
        self._dispatch.turn = lambda offer: self.places.turn(offer)
        self.places: Places = NoPlaces()

    def keep(
        self,
        tenant: TenantId,
        call_id: CallId,
        *,
        queue: QueueId,
        queued_at: datetime,
        skills: tuple[SkillLevel, ...],
        language: str,
    ) -> None:
        """Put a call without a channel in line, at the place its age gives it."""
        self._dispatch.absent.add(call_id)
        told = m.CallWaits(
            call_id=call_id,
            queue=queue,
            queued_at=queued_at,
            skills=skills,
            language=language,
            admitted=True,
            patient=True,
        )
        self._tell(self._room(tenant), told)

    def let_go(self, tenant: TenantId, call_id: CallId) -> None:
        """Out of the line."""
        self._dispatch.absent.discard(call_id)
        self._tell(self._room(tenant), m.CallGone(call_id=call_id))

    def failed(self, offer: Offer) -> None:
        """The turn could not be used: the agent is free again, the place is kept, another try follows soon."""
        self._tell(self._room(offer.tenant), m.OfferFailed(offer_id=offer.offer_id))

    def withhold(self, tenant: TenantId, call_id: CallId) -> bool:
        """Nobody is rung for this waiting caller from now on. False: somebody is rung already, or it does not wait."""
        room = self._room(tenant)
        call = room.engine.call(call_id)
        if call is None or call.where in (Where.OFFERED, Where.TREATED):
            return False
        room.announcer.leave(call_id)
        self._tell(room, m.CallGone(call_id=call_id))
        return True

    def put_back(self, call: Call) -> None:
        """A caller who was withheld waits again, with their age."""
        room = self._room(call.tenant)
        if room.engine.call(call.call_id) is None:  # else it waits already, and telling again would end its offer
            self._wait(room, call, self._now())

    def anew(self, call: Call) -> None:
        """A caller who waits is taken in again, at the place that is known now."""
        room = self._room(call.tenant)
        self._tell(room, m.CallGone(call_id=call.call_id))
        self._wait(room, call, self._now())

    def here(self, call: Call) -> bool:
        """A call with a channel waits: whether it is the place of a callback, which is nobody who listens yet."""
        self._dispatch.absent.discard(call.call_id)
        return nobody_there(call.extra)
