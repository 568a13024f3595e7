"""Typed in-process bus: a bounded queue and a task per subscriber.

``publish`` never blocks and never raises for a subscriber's sake. Each subscriber sees the events it asked for in
the order of publishing. One that cannot keep up loses events, is told so at the place of the gap (``overflowed``),
and then goes on; nobody else notices. One that raises loses that event only.

A prompt subscriber is called by ``publish`` itself while nothing waits in its line: what a person waits for must not
wait for a turn of the loop as well (docs/decisions/0126-straight-to-the-pop.md). What it publishes meanwhile is handed
out when everybody has got the event that it was called for: nobody sees an effect before its cause.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from cti.domain.events import Event

log = logging.getLogger(__name__)

E = TypeVar("E", bound=Event)
Handler = Callable[[E], Awaitable[None] | None]
Overflowed = Callable[[int], Awaitable[None] | None]

# Some 10 events a call: a subscriber may fall 100 calls behind before it counts as stuck.
DEFAULT_MAXSIZE = 1000
# A plain (not async) handler never yields by itself; after this many the loop gets its turn, well under 1 ms.
YIELD_EVERY = 32
# So many events a prompt subscriber takes before one goes through its line, which gives the loop its turn in a burst.
PROMPT_MOST = 32
SUBSCRIBER_FAILED = "a subscriber failed on an event"


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscriberStats:
    """Counters of one subscriber, for /metrics."""

    delivered: int  # handler returned
    failed: int  # handler raised
    dropped: int  # lost to overflow
    queued: int  # waiting now


class Subscription:
    """One subscriber's queue and task. Made by :meth:`Bus.subscribe`."""

    def __init__(
        self,
        name: str,
        handler: Callable[[Any], Awaitable[None] | None],
        kinds: tuple[type[Event], ...],
        maxsize: int,
        overflowed: Overflowed | None,
        prompt: bool,
    ) -> None:
        self.name = name
        self.kinds = kinds
        self._prompt = prompt
        self._at_work = False
        self._prompt_left = PROMPT_MOST  # until the line's own task has had a turn
        self._handler = handler
        self._maxsize = maxsize
        self._overflowed = overflowed
        self._queue: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._gap = 0  # events lost since the last report; while > 0 nothing is queued behind the gap
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._delivered = 0
        self._failed = 0
        self._dropped = 0

    @property
    def stats(self) -> SubscriberStats:
        """Counters as of now."""
        return SubscriberStats(
            delivered=self._delivered, failed=self._failed, dropped=self._dropped, queued=len(self._queue)
        )

    def put(self, event: Event) -> None:
        """Queue an event, or count it as lost; a prompt subscriber that is up to date takes it now."""
        if self._closing:
            return
        if self._may_take_now():
            self._prompt_left -= 1
            self._take_now(event)
            return
        if self._gap or len(self._queue) >= self._maxsize:
            if not self._gap:
                log.warning("a subscriber is too slow and loses events", extra={"subscriber": self.name})
            self._gap += 1
            self._dropped += 1
        else:
            self._queue.append(event)
        self._wake.set()

    def start(self) -> None:
        """Begin to deliver."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"bus:{self.name}")

    async def stop(self, deadline_s: float) -> int:
        """Deliver what is queued within ``deadline_s``, then end. Returns how many events were left."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            _, pending = await asyncio.wait({self._task}, timeout=deadline_s)
            for task in pending:
                task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        left = len(self._queue)
        if left:
            log.warning("a subscriber did not drain in time", extra={"subscriber": self.name, "left": left})
        self._queue.clear()
        return left

    async def _run(self) -> None:
        turn = 0
        while True:
            while self._queue:
                await self._deliver(self._queue.popleft())
                turn += 1
                if turn % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
            if self._gap:
                await self._report_gap()
            elif self._closing:
                return
            else:
                self._prompt_left = PROMPT_MOST
                self._wake.clear()
                await self._wake.wait()

    def _may_take_now(self) -> bool:
        waits = self._queue or self._gap or self._at_work
        return self._prompt and self._task is not None and self._prompt_left > 0 and not waits

    def _take_now(self, event: Event) -> None:
        self._at_work = True
        try:
            self._handler(event)
        except Exception:
            self._failed += 1
            log.exception(SUBSCRIBER_FAILED, extra={"subscriber": self.name, "action": type(event).__name__})
        else:
            self._delivered += 1
        finally:
            self._at_work = False

    async def _deliver(self, event: Event) -> None:
        self._at_work = True
        try:
            waiting = self._handler(event)
            if inspect.isawaitable(waiting):
                await waiting
        except Exception:
            self._failed += 1
            log.exception(SUBSCRIBER_FAILED, extra={"subscriber": self.name, "action": type(event).__name__})
        else:
            self._delivered += 1
        finally:
            self._at_work = False

    async def _report_gap(self) -> None:
        lost, self._gap = self._gap, 0
        if self._overflowed is None:
            return
        try:
            waiting = self._overflowed(lost)
            if inspect.isawaitable(waiting):
                await waiting
        except Exception:
            log.exception("a subscriber failed to catch up after a gap", extra={"subscriber": self.name})


class Bus:
    """The bus. Implements :class:`cti.domain.ports.EventSink`."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, Subscription] = {}
        self._routes: dict[type[Event], tuple[Subscription, ...]] = {}
        self._handing_out = False
        self._meanwhile: deque[Event] = deque()  # published by prompt subscribers while an event is handed out
        self._running = False
        self._stopped = False

    def subscribe(
        self,
        name: str,
        handler: Handler[E],
        *,
        kinds: tuple[type[E], ...],
        maxsize: int = DEFAULT_MAXSIZE,
        overflowed: Overflowed | None = None,
        prompt: bool = False,
    ) -> Subscription:
        """Call ``handler`` for each event that is one of ``kinds`` (subclasses count), in order.

        ``handler`` may be a plain or an async function. ``overflowed(n)`` is called at the place of a gap of ``n``
        lost events: fetch a snapshot there. ``prompt`` asks for plain handlers that are quick and publish nothing they
        must see themselves at once. Raises ValueError for a name already taken, and for a prompt async handler.
        """
        if prompt and inspect.iscoroutinefunction(handler):
            raise ValueError(f"the prompt subscriber {name!r} must be a plain function")
        if name in self._subscriptions:
            raise ValueError(f"a subscriber called {name!r} is already there")
        subscription = Subscription(name, handler, kinds, maxsize, overflowed, prompt)
        self._subscriptions[name] = subscription
        self._routes.clear()
        if self._running:
            subscription.start()
        return subscription

    async def unsubscribe(self, name: str, *, deadline_s: float = 1.0) -> None:
        """Take a subscriber off and let it finish. An unknown name is fine."""
        subscription = self._subscriptions.pop(name, None)
        self._routes.clear()
        if subscription is not None:
            await subscription.stop(deadline_s)

    def publish(self, event: Event) -> None:
        """Hand ``event`` to every subscriber's queue. Before ``start`` it waits there; after ``stop`` it is dropped."""
        if self._stopped:
            return
        if self._handing_out:
            self._meanwhile.append(event)
            return
        self._handing_out = True
        try:
            self._hand_out(event)
            while self._meanwhile:
                self._hand_out(self._meanwhile.popleft())
        finally:
            self._handing_out = False

    def _hand_out(self, event: Event) -> None:
        kind = type(event)
        route = self._routes.get(kind)
        if route is None:
            route = tuple(s for s in self._subscriptions.values() if issubclass(kind, s.kinds))
            self._routes[kind] = route
        for subscription in route:
            subscription.put(event)

    async def start(self) -> None:
        """Begin to deliver."""
        self._running = True
        for subscription in self._subscriptions.values():
            subscription.start()

    async def stop(self, deadline_s: float = 5.0) -> Mapping[str, int]:
        """Take nothing more, drain all queues together within ``deadline_s``. Returns what was left, by subscriber."""
        self._stopped = True
        self._running = False
        names = list(self._subscriptions)
        left = await asyncio.gather(*(self._subscriptions[n].stop(deadline_s) for n in names))
        return {name: count for name, count in zip(names, left, strict=True) if count}

    def stats(self) -> Mapping[str, SubscriberStats]:
        """Counters by subscriber."""
        return {name: s.stats for name, s in self._subscriptions.items()}
