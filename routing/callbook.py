"""Which callbacks are open, which of them stand in line and which are being called; each change is stored soon."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Iterable
from datetime import datetime
from typing import Any, Protocol

from cti.domain.callbacks import Callback, CallbackId, CallbackState
from cti.domain.effects import EffectId
from cti.domain.errors import Unavailable
from cti.domain.model import CallId, TenantId

log = logging.getLogger(__name__)

RETRY_S = 2.0
# Marks in Asterisk that are of no use any more: each attempt takes one away, so there are never more than a few.
MOST_FORGOTTEN = 1_000


class CallbackStore(Protocol):
    """Where callbacks are kept (cti.store.effects)."""

    async def save(self, *records: Any) -> None:
        """Returns when all are on disk. Raises Unavailable."""


class CallbackBook:
    """Everything the keeper remembers. One event loop."""

    def __init__(self, store: CallbackStore) -> None:
        self.store = store
        self.open: dict[CallbackId, Callback] = {}
        self.in_line: dict[CallId, CallbackId] = {}  # by the call that will be placed: it has no channel yet
        self.attempts: dict[CallId, CallbackId] = {}  # by the call that is being placed, or was
        self.places: dict[CallId, datetime] = {}  # ages of calls that took a place over
        self.revoked: set[CallId] = set()  # attempts that were ended by a decision: hung up wherever they show
        self._useless: deque[EffectId] = deque(maxlen=MOST_FORGOTTEN)
        self._tasks: set[asyncio.Task[None]] = set()

    def restore(self, callbacks: Iterable[Callback]) -> None:
        """What the process before left."""
        for callback in callbacks:
            if not callback.open:
                if callback.successor is not None:
                    self.places[callback.successor] = callback.queued_at
                continue
            self.open[callback.callback_id] = callback
            if callback.state is CallbackState.CALLING and callback.attempt is not None:
                self.attempts[callback.attempt] = callback.callback_id

    def of_attempt(self, call_id: CallId) -> Callback | None:
        """The callback whose attempt this call is."""
        return self.open.get(self.attempts.get(call_id, CallbackId("")))

    def of_line(self, call_id: CallId) -> Callback | None:
        """The callback that stands in line as this call."""
        return self.open.get(self.in_line.get(call_id, CallbackId("")))

    def of_origin(self, call_id: CallId) -> Callback | None:
        """The callback that was promised in this call."""
        return next((c for c in self.open.values() if c.origin == call_id), None)

    def of_number(self, tenant: TenantId, number: str) -> list[Callback]:
        """Callbacks to this number."""
        return [c for c in self.open.values() if c.tenant == tenant and c.number == number]

    def line_of(self, callback_id: CallbackId) -> CallId | None:
        """As which call a callback stands in line."""
        return next((call_id for call_id, known in self.in_line.items() if known == callback_id), None)

    def change(self, callback: Callback) -> asyncio.Task[None]:
        """Remember it, and store it soon: what a crash loses of an attempt is found again from the effect's mark.

        Returns what ends when it is on disk, for those who promise that it is.
        """
        if callback.open:
            self.open[callback.callback_id] = callback
        else:
            self.open.pop(callback.callback_id, None)
        return self.spawn(self._save(callback))

    async def _save(self, callback: Callback) -> None:
        while True:
            try:
                await self.store.save(callback)
            except Unavailable:
                newest = self.open.get(callback.callback_id, callback)
                if newest.version > callback.version:
                    return  # a later word is being stored
                await asyncio.sleep(RETRY_S)
                continue
            return

    def forget(self, effect_id: EffectId | None) -> None:
        """The mark of this effect is of no use any more."""
        if effect_id is not None:
            self._useless.append(effect_id)

    def useless(self) -> EffectId | None:
        """A mark to take away with the next attempt."""
        return self._useless.popleft() if self._useless else None

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Work that nobody has to wait for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("work on a callback failed", exc_info=task.exception())

    async def stop(self) -> None:
        """End all work."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
