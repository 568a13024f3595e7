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
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cti.domain.errors import Unavailable
from cti.domain.events import CallEnded, CallEvent, CallLeftMenu, CallLinked, Event
from cti.domain.model import Call, CallerKind, CallId, CallState, Link, LinkConfidence, MenuFacts, QueueId, TenantId
from cti.domain.ports import EventSink
from cti.domain.verification import Choice, NotSaid, Said, StepMark, Subject, VerificationPolicy
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
from cti.linking.matching import CHOSEN, Match, chosen, match, nobody
from cti.linking.remarks import Earlier, EarlierCalls, with_remarks

log = logging.getLogger(__name__)

# While the call lives: soon, for a hiccup; later, for a restart of the service. Then a person can search.
RETRY_S = (2.0, 5.0, 15.0, 30.0)
# Questions under way: 20 calls a second for 1.5 s are 30; more is a storm that asking would feed.
MAX_QUESTIONS = 100
# Earlier calls read at once: the database has others to answer, and a burst of callers waits a moment here instead.
EARLIER_AT_ONCE = 4
# Then the part says "unavailable": a database that hangs must not gather the readers of every call that rings.
EARLIER_S = 5.0
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
    told: tuple[Link, LookupStatus, Card] | None = None  # by the look-up, without what the desk adds
    said: tuple[Link, str, Card] | None = None  # last published
    people: Said = field(default_factory=Said)  # what agents say of the caller
    earlier: Earlier | None = None


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
        policy_of: Callable[[TenantId, QueueId | None], VerificationPolicy | None] = lambda *_: None,
        earlier: EarlierCalls | None = None,
        earlier_s: float = EARLIER_S,
        people: Mapping[CallId, Said] | None = None,
    ) -> None:
        """``clock`` gives aware UTC; ``language_of`` a tenant's language, until the caller chose one.

        ``people``: what agents said before we were started, of calls that may be alive.
        """
        self.cards = Cards()
        self._lookups = lookups
        self._events = events
        self._clock = clock
        self._language_of = language_of
        self._retry_s = tuple(retry_s)
        self._max_questions = max_questions
        self._policy_of = policy_of
        self._earlier = earlier
        self._earlier_s = earlier_s
        self._people = dict(people or {})
        self._reading = asyncio.Semaphore(EARLIER_AT_ONCE)
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
            people = self._people.pop(event.call_id, Said())
            live = self._live[event.call_id] = _Live(call=event.call, people=people)
            self._ask(live)
            return
        moved = event.call.queue != live.call.queue
        live.call = event.call
        if isinstance(event, CallLeftMenu):
            self._ask(live)
        if moved:
            self._tell(live)  # another queue may have another policy

    # --- What agents say ---------------------------------------------------------------------------

    def candidates(self, tenant: TenantId, call_id: CallId) -> frozenset[str]:
        """Members who may be calling. Raises NotSaid when the call is over."""
        live = self._alive(tenant, call_id)
        members = live.told[2].get("members") if live.told is not None else None
        listed = members.get("members") if isinstance(members, Mapping) else None
        return frozenset(str(one["member_id"]) for one in listed or ())

    def linked(self, tenant: TenantId, call_id: CallId) -> tuple[Link, VerificationPolicy | None, Said]:
        """Whom the call is linked to now, and what that means. Raises NotSaid when the call is over or new."""
        live = self._alive(tenant, call_id)
        if live.told is None:
            raise NotSaid("caller_pending", "who is calling is still looked up: try again in a moment")
        return live.told[0], self._policy_of(tenant, live.call.queue), live.people

    def found(self, tenant: TenantId, call_id: CallId) -> Link:
        """What counts when no person decides. Raises NotSaid when the call is over."""
        live = self._alive(tenant, call_id)
        if live.known is None or live.known.answer is None:
            return nobody(live.call.caller)
        return self._matched(live, live.known, live.known.answer).link

    def as_chosen(self, tenant: TenantId, call_id: CallId, member_id: str) -> Link:
        """What counts when this member is chosen. Raises NotSaid when the call is over."""
        live = self._alive(tenant, call_id)
        if live.known is None or live.known.answer is None:
            return Link(confidence=LinkConfidence.BY_AGENT, score=1.0, why=CHOSEN, member_id=member_id)
        return chosen(self._matched(live, live.known, live.known.answer), live.known.answer, member_id).link

    def choose(self, tenant: TenantId, call_id: CallId, choice: Choice | None) -> None:
        """A person decided, and it is stored: from now on it counts. None: what the look-up found counts again."""
        live = self._alive(tenant, call_id)
        live.people = replace(live.people, choice=choice)
        self._ask(live)
        if live.known is None or live.known.answer is None:
            self._unknown(live, LookupStatus.UNAVAILABLE)

    def mark(self, tenant: TenantId, call_id: CallId, mark: StepMark) -> None:
        """A step of the verification was marked, and it is stored."""
        live = self._alive(tenant, call_id)
        live.people = replace(live.people, marks=(*live.people.marks, mark))
        self._tell(live)

    def _alive(self, tenant: TenantId, call_id: CallId) -> _Live:
        live = self._live.get(call_id)
        if live is None or live.call.tenant != tenant:
            raise NotSaid("call_over", "the call is over: nothing more can be said of its caller")
        return live

    # --- Questions ---------------------------------------------------------------------------------

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
        request = self._request(live)
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
        self._start(self._question(live, request), "look-up")

    def _request(self, live: _Live) -> LookupRequest:
        call, menu = live.call, live.call.menu
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
            member_id=None if live.people.choice is None else live.people.choice.member_id,
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
        if result.fault is LookupFault.REFUSED and result.asked.member_id is not None and live.known is not None:
            return  # a service from before this key: what it said of all who may be calling stays true
        if result.answer is not None:
            live.known = result
            self._match(live, result, result.answer, result.status)
        elif live.known is not None and live.known.answer is not None:
            # An earlier answer of this call, to a smaller question.
            self._match(live, live.known, live.known.answer, LookupStatus.STALE)
        else:
            self._unknown(live, result.status, result.fault or LookupFault.DOWN)

    def _unknown(self, live: _Live, status: LookupStatus, fault: LookupFault = LookupFault.DOWN) -> None:
        """There is no answer: whom a person chose is all there is."""
        link = Link(confidence=LinkConfidence.NONE, score=0.0, why=f"lookup_{fault.value}")
        choice = live.people.choice
        if choice is not None:
            link = Link(confidence=LinkConfidence.BY_AGENT, score=1.0, why=CHOSEN, member_id=choice.member_id)
        self._say(live, link, status, empty_card(link, status))

    def _matched(self, live: _Live, result: LookupResult, answer: LookupAnswer) -> Match:
        asked = result.asked.reservation_number
        return match(live.call.caller, live.call.menu, answer, asked_reservation=asked)

    def _match(self, live: _Live, result: LookupResult, answer: LookupAnswer, status: LookupStatus) -> None:
        menu: MenuFacts | None = live.call.menu
        found = self._matched(live, result, answer)
        of = None
        if live.people.choice is not None:
            of = live.people.choice.member_id
            found = chosen(found, answer, of)
        self._say(live, found.link, status, filled_card(found, answer, menu, status, of=of))

    def _say(self, live: _Live, link: Link, status: LookupStatus, card: Card) -> None:
        live.told = (link, status, card)
        self._recall(live, link)
        self._tell(live)

    def _tell(self, live: _Live) -> None:
        """Publish what the look-up told and what the desk knows itself, when it is news."""
        if live.told is None:
            return
        link, status, card = live.told
        policy = self._policy_of(live.call.tenant, live.call.queue)
        whole = with_remarks(card, link, policy, live.people, live.earlier)
        said = (link, status.value, whole)
        if live.said == said:
            return
        news = live.said is None or live.said[:2] != said[:2]
        live.said = said
        call = live.call = replace(live.call, link=link)
        self.cards.put(call.call_id, whole)
        self._events.publish(
            CallLinked(
                at=self._clock(),
                tenant=call.tenant,
                call=call,
                link=link,
                status=status.value,
                card=whole,
                found=news and live.people.choice is None,
            )
        )

    # --- Earlier calls -----------------------------------------------------------------------------

    def _recall(self, live: _Live, link: Link) -> None:
        """Whoever is linked now: what did they call about before?"""
        number = live.call.caller.e164 if live.call.caller.kind is CallerKind.NUMBER else None
        subject = Subject(member_id=link.member_id, number=None if link.member_id else number)
        known = live.earlier
        if self._earlier is None or (
            known is not None and known.subject == subject and known.status != LookupStatus.UNAVAILABLE
        ):
            return
        if subject.member_id is None and subject.number is None:
            live.earlier = Earlier(subject=subject, status="live")
            return
        live.earlier = Earlier(subject=subject, status="pending")
        self._start(self._read_earlier(self._earlier, live, subject), "earlier-calls")

    async def _read_earlier(self, earlier: EarlierCalls, live: _Live, subject: Subject) -> None:
        call = live.call
        try:
            async with asyncio.timeout(self._earlier_s), self._reading:
                calls = await earlier.of(call.tenant, subject, call.call_id)
            known = Earlier(subject=subject, status="live", calls=calls)
        except (Unavailable, TimeoutError):
            known = Earlier(subject=subject, status="unavailable")
        except Exception:
            log.exception("earlier calls could not be read", extra={"call_id": call.call_id})
            known = Earlier(subject=subject, status="unavailable")
        if live.earlier is not None and live.earlier.subject == subject and call.call_id in self._live:
            live.earlier = known
            self._tell(live)

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
