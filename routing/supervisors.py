"""The routing service, seen by supervisors: they act on waiting calls, and ask why a call still waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from cti.domain.errors import NotFound
from cti.domain.model import CallId, QueueId, TenantId
from routing import model as m
from routing.dispatch import Room
from routing.why import Why, why_waiting


class Supervisors:
    """Answers at once; what a wish leads to is carried out like any decision of the engine."""

    def __init__(
        self,
        *,
        rooms: Mapping[TenantId, Room],
        tell: Callable[..., None],
        now: Callable[[], datetime],
    ) -> None:
        self._rooms = rooms
        self._tell = tell
        self._now = now
        # Given before a restart: each is taken when its call is found.
        self.given: dict[tuple[TenantId, CallId], int] = {}

    def why(self, tenant: TenantId, call_id: CallId) -> Why | None:
        """Why a call waits; None when it does not."""
        room = self._rooms.get(tenant)
        call = room.engine.call(call_id) if room is not None else None
        return why_waiting(room.engine, call, self._now()) if room is not None and call is not None else None

    def without_hope(self) -> dict[tuple[TenantId, QueueId], int]:
        """Per queue how many callers wait for somebody who is not there: for nobody who is not offline."""
        found = {(tenant, line.rule.queue): 0 for tenant, room in self._rooms.items() for line in room.engine.queues()}
        for tenant, room in self._rooms.items():
            for call in room.engine.calls():
                if room.engine.hopeless(call):
                    found[tenant, call.queue.queue] += 1
        return found

    def move(self, tenant: TenantId, call_id: CallId, to: QueueId, *, by: str) -> Why:
        """Send a waiting caller to another queue, with their age.

        Raises NotFound (no such queue, or the call does not wait), CallerError saying why not now, Unavailable.
        """
        room = self._room(tenant)
        self._tell(room, m.MoveCall(call_id=call_id, to=to, by=by), by=by)
        return self._after(tenant, call_id)

    def prioritise(self, tenant: TenantId, call_id: CallId, priority: int | None, *, by: str) -> Why:
        """Give a waiting call a priority of its own; None: the queue's again. Raises NotFound and CallerError."""
        room = self._room(tenant)
        self._tell(room, m.SetPriority(call_id=call_id, priority=priority, by=by), by=by)
        self.given.pop((tenant, call_id), None)  # a newer word
        return self._after(tenant, call_id)

    def _room(self, tenant: TenantId) -> Room:
        room = self._rooms.get(tenant)
        if room is None:
            raise NotFound(f"no desk {tenant!r}")
        return room

    def _after(self, tenant: TenantId, call_id: CallId) -> Why:
        why = self.why(tenant, call_id)
        if why is None:
            raise NotFound("this call does not wait any more")
        return why
