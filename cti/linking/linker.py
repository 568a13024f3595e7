"""Joins calls to the integrator's records while they ring: asks early, never makes anyone wait.

A call's arrival starts a look-up by its number, the end of the menu another one if there is more to ask with.
Whatever is known, at once or later, is published as ``CallLinked`` with the caller card; a service that is away
is asked again a few times while the call lives. ``handle`` only starts things: no ring waits for an answer.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cti.domain.events import CallEnded, CallEvent, CallLeftMenu, CallLinked, Event
from cti.domain.model import Call, CallerKind, CallId, CallState, Link, LinkConfidence, MenuFacts, TenantId
from cti.domain.ports import EventSink
from cti.linking.card import empty_card, filled_card
from cti.linking.contract import (
    WORTH_ANOTHER_TRY,
    Card,
    LookupAnswer,
    LookupFault,
    LookupRequest,
    LookupResult,
    Lookups,
    LookupStatus,
)
from cti.linking.matching import match, nobody

log = logging.getLogger(__name__)

# While the call lives: soon, for a hiccup; later, for a restart of the service. Then a person can search.
RETRY_S = (2.0, 5.0, 15.0, 30.0)
# Questions under way: 20 calls a second for 1.5 s are 30; more is a storm that asking would feed.
MAX_QUESTIONS = 100
# Calls remembered: far more than one machine carries. Only the ends that a full queue dropped fill it.
MAX_LIVE = 5000
# Cards kept, ended calls' too, for after-call work: some 10 KiB each.
MAX_CARDS = 2000

_KEYED = re.compile(r"[0-9]{1,20}", re.ASCII)
_LANGUAGES = ("ja", "en")


class Cards:
    """Caller cards by call, the most recent ones."""

    def __init__(self, size: int = MAX_CARDS) -> None:
        self._size = size
        self._kept: OrderedDict[CallId, Card] = OrderedDict()

    def get(self, call_id: CallId) -> Card | None:
        """The call's card as of now, or None if there never was one or it is long ago."""
        return self._kept.get(call_id)

    def put(self, call_id: CallId, card: Card) -> None:
        """Keep a card; the oldest makes room."""
        self._kept[call_id] = card
        self._kept.move_to_end(call_id)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)


@dataclass(kw_only=True, slots=True)
class _Live:
    """What the linker remembers of a call."""

    call: Call
    asked: LookupRequest | None = None  # the newest question
    known: LookupResult | None = None  # the newest result with an answer
    said: tuple[Link, str, Card] | None = None  # last published


class Linker:
    """Subscribes to call events, publishes ``CallLinked``."""

    def __init__(
        self,
        lookups: Lookups,
        events: EventSink,
        clock: Callable[[], datetime],
        *,
        language_of: Callable[[TenantId], str] = lambda _: "ja",
        retry_s: Sequence[float] = RETRY_S,
        max_questions: int = MAX_QUESTIONS,
    ) -> None:
        """``clock`` gives aware UTC; ``language_of`` a tenant's language, until the caller chose one."""
        self.cards = Cards()
        self._lookups = lookups
        self._events = events
        self._clock = clock
        self._language_of = language_of
        self._retry_s = tuple(retry_s)
        self._max_questions = max_questions
        self._questions = 0
        self._live: dict[CallId, _Live] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def handle(self, event: Event) -> None:
        """Take one event from the bus. Returns at once."""
        if not isinstance(event, CallEvent) or isinstance(event, CallLinked):
            return
        if isinstance(event, CallEnded) or event.call.state is CallState.ENDED:
            live = self._live.pop(event.call_id, None)
            if live is not None:
                live.call = event.call
            return
        live = self._live.get(event.call_id)
        if live is None:  # arrived; or already here when we started, and resync told us
            if len(self._live) >= MAX_LIVE:
                del self._live[next(iter(self._live))]
            live = self._live[event.call_id] = _Live(call=event.call)
            self._ask(live)
            return
        live.call = event.call
        if isinstance(event, CallLeftMenu):
            self._ask(live)

    async def stop(self) -> None:
        """Drop the questions under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._live.clear()

    async def settled(self) -> None:
        """Wait until no question is under way or planned. For tests and a graceful stop."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ask(self, live: _Live) -> None:
        request = self._request(live.call)
        if request.kind is not CallerKind.NUMBER and request.reservation_number is None:
            # Nothing to ask with: that nobody is known is all there is to know, and true now.
            now = self._clock()
            link = nobody(live.call.caller)
            self._say(live, link, LookupStatus.LIVE, empty_card(link, LookupStatus.LIVE, now))
            return
        if live.known is not None and live.known.answer is not None:
            # The answer to the number may hold the keyed booking already: no need to wait for the next one.
            self._match(live, live.known, live.known.answer, live.known.status)
        if live.asked is not None and live.asked.topic() == request.topic():
            return
        if live.asked is None:
            self.cards.put(live.call.call_id, empty_card(None, "pending"))
        live.asked = request
        task = asyncio.create_task(self._question(live, request), name="look-up")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _request(self, call: Call) -> LookupRequest:
        menu = call.menu
        keyed = menu.reservation_number if menu is not None else None
        # A menu may store anything; the contract asks for digits, and a question outside it would be refused.
        keyed = keyed if keyed and _KEYED.fullmatch(keyed) else None
        language = menu.language if menu is not None else self._language_of(call.tenant)
        return LookupRequest(
            call_id=call.call_id,
            kind=call.caller.kind,
            number=call.caller.e164,
            number_called=call.number_called,
            reservation_number=keyed,
            language=language if language in _LANGUAGES else "ja",
        )

    async def _question(self, live: _Live, request: LookupRequest) -> None:
        """Ask until there is an answer, a newer question, the end of the call, or no patience left."""
        for pause_s in (*self._retry_s, None):
            result = await self._look_up(request)
            # The answer to an earlier, smaller question still helps; its failure says nothing new.
            if live.asked is request or (live.known is None and result.answer is not None):
                self._take(live, result)
            if result.fault not in WORTH_ANOTHER_TRY or pause_s is None:
                return
            if live.asked is not request or live.call.call_id not in self._live:
                return
            await asyncio.sleep(pause_s)
            if live.asked is not request or live.call.call_id not in self._live:
                return

    async def _look_up(self, request: LookupRequest) -> LookupResult:
        if self._questions >= self._max_questions:
            return LookupResult(asked=request, status=LookupStatus.UNAVAILABLE, fault=LookupFault.BUSY)
        self._questions += 1
        try:
            return await self._lookups.look_up(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the call goes on and agents are told
            log.error("A look-up raised", extra={"call_id": request.call_id, "error": type(error).__name__})
            return LookupResult(asked=request, status=LookupStatus.UNAVAILABLE, fault=LookupFault.DOWN)
        finally:
            self._questions -= 1

    def _take(self, live: _Live, result: LookupResult) -> None:
        if result.answer is not None:
            live.known = result
            self._match(live, result, result.answer, result.status)
        elif live.known is not None and live.known.answer is not None:
            # An earlier answer of this call, to a smaller question.
            self._match(live, live.known, live.known.answer, LookupStatus.STALE)
        else:
            fault = result.fault.value if result.fault is not None else LookupFault.DOWN.value
            link = Link(confidence=LinkConfidence.NONE, score=0.0, why=f"lookup_{fault}")
            self._say(live, link, result.status, empty_card(link, result.status))

    def _match(self, live: _Live, result: LookupResult, answer: LookupAnswer, status: LookupStatus) -> None:
        menu: MenuFacts | None = live.call.menu
        found = match(live.call.caller, menu, answer, asked_reservation=result.asked.reservation_number)
        self._say(live, found.link, status, filled_card(found, answer, menu, status))

    def _say(self, live: _Live, link: Link, status: LookupStatus, card: Card) -> None:
        said = (link, status.value, card)
        if live.said == said:
            return
        live.said = said
        call = live.call = replace(live.call, link=link)
        self.cards.put(call.call_id, card)
        self._events.publish(
            CallLinked(at=self._clock(), tenant=call.tenant, call=call, link=link, status=status.value, card=card)
        )
