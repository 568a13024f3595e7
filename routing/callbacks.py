"""Keeps the places of callers who hung up, and calls them back when it is their turn: agent first, once.

Each callback is a record that is on disk before anything is done about it (cti.domain.callbacks has the table). It
waits in the engine as a call without a channel; its turn is an effect (cti.domain.effects): a call that Asterisk places
and that rings the agent like any other, and the person when the agent has answered. docs/callbacks.md.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from cti.domain import callbacks as cb
from cti.domain import events as ev
from cti.domain.callbacks import Callback, CallbackId, CallbackMove, CallbackState
from cti.domain.callend import ANSWERED, CALLBACK, STATUS
from cti.domain.errors import CallerError, KakehashiError, NotFound, Unavailable
from cti.domain.model import Call, CallId, CallState, Offer, TenantId
from cti.domain.signals import PlaceKept
from routing.attempts import Attempts

log = logging.getLogger(__name__)

# The promise takes 6 s to be said; who is still on the line much later was not told it, and must not be forgotten.
STAYED_S = 20.0
# Hours and pauses are looked at this often at the latest; they are whole minutes.
LOOK_S = 30.0
# Who finds an agent at once is not asked; the first announcement, which says that there is a key, comes after 8 s.
ASK_AFTER_S = 2.0
# Whoever cancels waits so long for the disk: longer than the database and then the journal may take.
STORED_S = 5.0


class CallbackKeeper(Attempts):
    """Subscribe ``handle`` to ``KINDS``; ``restore`` what was left, then ``start``."""

    KINDS: tuple[type[ev.Event], ...] = (
        ev.CallArrived,
        ev.CallQueued,
        ev.CallAnswered,
        ev.CallbackReported,
        ev.CallEnded,
        ev.AsteriskReachable,
    )

    def __init__(self, **parts: Any) -> None:
        """``parts`` as Attempts takes them."""
        super().__init__(**parts)
        self._kept: dict[CallId, asyncio.TimerHandle] = {}  # callers who were promised and are still on the line
        self._timer: asyncio.TimerHandle | None = None
        self._handlers: Mapping[type[ev.Event], Callable[[Any], None]] = {
            ev.CallArrived: self._arrived,
            ev.CallQueued: self._queued,
            ev.CallAnswered: self._answered,
            ev.CallbackReported: self._reported,
            ev.CallEnded: self._ended,
            ev.AsteriskReachable: self._reachable,
        }

    # --- Life ---

    def restore(self, callbacks: Iterable[Callback]) -> None:
        """Take back what the process before left, before facts come in."""
        self._book.restore(callbacks)
        for callback in self._book.open.values():
            if callback.state is CallbackState.WAITING and self._live(callback.origin) is not None:
                self._promise_stands(callback)

    def start(self) -> None:
        """Begin: callbacks that are due stand in line from now on."""
        self._line.places = self
        self._look()

    async def stop(self) -> None:
        """End. Attempts that are under way go on in Asterisk."""
        for timer in [*self._kept.values(), *([self._timer] if self._timer else [])]:
            timer.cancel()
        await self._book.stop()

    def handle(self, event: ev.Event) -> None:
        """Take one fact in. Never blocks."""
        self._handlers[type(event)](event)

    # --- Asked by others ---

    def may_offer(self, call: Call) -> bool:
        """Whether this waiting caller may be asked whether they want to be called back."""
        rules = self._rules(call.tenant, call.queue) if call.queue is not None else None
        if rules is None or call.extra.get(CALLBACK) or not rules.is_open(self._clock()):
            return False
        waiting = sum(c.queue == call.queue and c.tenant == call.tenant for c in self._book.open.values())
        return waiting < cb.MOST_WAITING

    def number_of(self, call_id: CallId) -> str | None:
        """The caller's own number in national digits, if it may be dialled back."""
        call = self._live(call_id)
        number = call.caller.e164 if call is not None else None
        return cb.dialled(number) if number is not None and cb.may_dial(number) else None

    async def keep(self, call_id: CallId, number: str, language: str) -> bool:
        """A waiting caller confirmed ``number`` (E.164). True: on disk, they may hang up. False: they wait on."""
        call = self._live(call_id)
        if call is None or call.state is not CallState.QUEUED or call.queue is None or not self.may_offer(call):
            return False
        if not cb.may_dial(number) or not self._line.withhold(call.tenant, call_id):
            return False
        now = self._clock()
        callback = Callback(
            callback_id=CallbackId(uuid.uuid4().hex),
            tenant=call.tenant,
            queue=call.queue,
            origin=call_id,
            number=number,
            number_called=call.number_called,
            language=language,
            queued_at=self._book.places.get(call_id) or call.queued_at or now,
            asked_at=now,
            skills=call.menu.skills if call.menu is not None else (),
        )
        try:
            await self._book.store.save(callback)
        except Unavailable:
            log.error("a callback could not be stored: the caller waits on", extra={"call_id": call_id})
            self._line.put_back(call)
            return False
        except BaseException:  # nobody else puts them back, and they would hear music without end
            self._line.put_back(call)
            raise
        self._sink.post(PlaceKept(at=now, call_id=call_id, callback=callback.callback_id))
        self._book.open[callback.callback_id] = callback
        if self._live(call_id) is None:  # hung up while it was stored
            self._look()
        else:
            self._promise_stands(callback)
        return True

    def stayed(self, call_id: CallId) -> None:
        """The caller was promised a call back and is still there: they wait on, and nobody is called."""
        timer = self._kept.pop(call_id, None)
        if timer is not None:
            timer.cancel()
        callback, call = self._book.of_origin(call_id), self._live(call_id)
        if callback is None or call is None or callback.state is not CallbackState.WAITING:
            return
        self._finish(callback, CallbackMove.TAKE_OVER, "stayed", successor=call_id)
        self._sink.post(PlaceKept(at=self._clock(), call_id=call_id, callback=""))
        if call.state is CallState.QUEUED:
            self._line.put_back(call)

    def open(self, tenant: TenantId) -> list[Callback]:
        """A tenant's callbacks that are open, in the order of their places."""
        return sorted((c for c in self._book.open.values() if c.tenant == tenant), key=lambda c: c.queued_at)

    async def cancel(self, tenant: TenantId, callback_id: CallbackId) -> Callback:
        """By a person of the desk; returns when it is on disk, else a server that dies would leave them to be called.

        Raises NotFound, CallerError while the person is being called, and Unavailable when no disk took it in time:
        then this server calls nobody and goes on trying, and only its end would forget it.
        """
        callback = self._book.open.get(callback_id)
        if callback is None or callback.tenant != tenant:
            raise NotFound("no such callback is open")
        call = self._live(callback.attempt) if callback.attempt else None
        if call is not None and call.state in (CallState.TALKING, CallState.HELD):
            raise CallerError("this person is being called right now")
        ended, stored = self._finish(callback, CallbackMove.CANCEL, "cancelled")
        try:
            await asyncio.wait_for(asyncio.shield(stored), STORED_S)
        except TimeoutError as error:
            raise Unavailable("the callback is cancelled, and that could not be stored yet") from error
        return ended

    # --- routing.absent.Places ---

    def has_place(self, call_id: CallId) -> bool:
        """Whether this call took a place over before."""
        return call_id in self._book.places

    def place_of(self, call: Call) -> datetime | None:
        """See Places. A person who calls again takes their own place over, here and now."""
        places, own = self._book.places, self._book.open.get(CallbackId(call.extra.get(CALLBACK, "")))
        if own is not None:
            return own.queued_at
        if call.call_id in places or call.caller.e164 is None or call.extra.get(CALLBACK):
            return places.get(call.call_id)
        for callback in self._book.of_number(call.tenant, call.caller.e164):
            attempt = self._live(callback.attempt) if callback.attempt else None
            talks = attempt is not None and attempt.extra.get(STATUS) == ANSWERED
            if callback.origin != call.call_id and not talks:
                places[call.call_id] = min(callback.queued_at, places.get(call.call_id, callback.queued_at))
                self._finish(callback, CallbackMove.TAKE_OVER, "called_again", successor=call.call_id)
        return places.get(call.call_id)

    def turn(self, offer: Offer) -> None:
        """See Places."""
        callback = self._book.of_line(offer.call_id)
        if callback is None or callback.state is not CallbackState.WAITING:
            # Not inside the engine's own turn.
            asyncio.get_running_loop().call_soon(self._line.let_go, offer.tenant, offer.call_id)
        else:
            self._book.spawn(self._call(callback, offer))

    # --- Facts ---

    def _arrived(self, event: ev.CallArrived) -> None:
        """An attempt's own call is there: the effect happened."""
        callback = self._book.of_attempt(event.call_id)
        if event.call_id in self._book.revoked:
            self._book.spawn(self._hang_up(event.call.channel))
        elif callback is not None and callback.effect_id is not None and self.sender is not None:
            self.sender.seen(callback.effect_id)

    def _queued(self, event: ev.CallQueued) -> None:
        if self._nobodys(event.call):
            self._book.spawn(self._hang_up(event.call.channel))
            return
        if self._book.of_origin(event.call_id) is not None:
            self.stayed(event.call_id)
        if self.may_offer(event.call):
            self._book.spawn(self._offer_key(event.call_id))

    def _nobodys(self, call: Call) -> bool:
        """A place in the wait that nobody wants any more: its callback ended while we were away."""
        if not call.extra.get(CALLBACK) or call.extra.get(STATUS) == ANSWERED:
            return False
        return self._book.of_attempt(call.call_id) is None

    async def _offer_key(self, call_id: CallId) -> None:
        """From now on the waiting loop takes the key (CTI_KEEP)."""
        await asyncio.sleep(ASK_AFTER_S)
        call = self._live(call_id)
        if call is not None and call.state is CallState.QUEUED and self.may_offer(call):
            try:
                await self._telephony.set_variables(channel=call.channel, variables={"CTI_KEEP": "1"})
            except KakehashiError as error:
                log.info("a caller could not be offered a callback", extra={"action": type(error).__name__})

    def _answered(self, event: ev.CallAnswered) -> None:
        if self._book.of_origin(event.call_id) is not None:
            self.stayed(event.call_id)

    def _ended(self, event: ev.CallEnded) -> None:
        self._book.places.pop(event.call_id, None)
        self._book.revoked.discard(event.call_id)
        timer = self._kept.pop(event.call_id, None)
        if timer is not None:
            timer.cancel()
            self._look()  # the caller hung up: from now on they are called back
        callback = self._book.of_attempt(event.call_id)
        if callback is not None:
            self._follow(callback)

    def _finish(
        self, callback: Callback, move: CallbackMove, outcome: str, **changes: Any
    ) -> tuple[Callback, asyncio.Task[None]]:
        """End a callback by a decision; an attempt that is under way is hung up. Also what ends when it is on disk."""
        line = self._book.line_of(callback.callback_id)
        if line is not None:
            del self._book.in_line[line]
            # Not inside the engine's own turn.
            asyncio.get_running_loop().call_soon(self._line.let_go, callback.tenant, line)
        if callback.state is CallbackState.CALLING and callback.attempt is not None:
            self._book.attempts.pop(callback.attempt, None)
            self._book.revoked.add(callback.attempt)
            call = self._live(callback.attempt)
            if call is not None:
                self._book.spawn(self._hang_up(call.channel))
            else:
                asyncio.get_running_loop().call_soon(self._line.let_go, callback.tenant, callback.attempt)
        ended = cb.advance(callback, move, self._clock(), outcome=outcome, **changes)
        return ended, self._book.change(ended)

    def _promise_stands(self, callback: Callback) -> None:
        loop = asyncio.get_running_loop()
        self._kept[callback.origin] = loop.call_later(STAYED_S, self.stayed, callback.origin)

    # --- Time ---

    def _look(self) -> None:
        """Put into line who is due, take out of it whom hours or a pause forbid, and look again when that changes."""
        now = self._clock()
        again = now + timedelta(seconds=LOOK_S)
        for callback in list(self._book.open.values()):
            if callback.state is not CallbackState.WAITING or callback.origin in self._kept:
                continue
            rules = self._rules(callback.tenant, callback.queue)
            due = rules is not None and rules.is_open(now)
            if rules is not None:
                again = min(again, rules.next_change(now))
            if callback.not_before is not None and now < callback.not_before:
                due, again = False, min(again, callback.not_before)
            self._stand(callback, due=due)
        if self._timer is not None:
            self._timer.cancel()
        delay_s = max(0.05, (again - now).total_seconds())
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._look)

    def _stand(self, callback: Callback, *, due: bool) -> None:
        """In line, or not."""
        call_id = self._book.line_of(callback.callback_id)
        if due and call_id is None:
            call_id = CallId(str(uuid.uuid4()))
            self._book.in_line[call_id] = callback.callback_id
            self._line.keep(
                callback.tenant, call_id, queue=callback.queue, queued_at=callback.queued_at, skills=callback.skills,
                language=callback.language,
            )  # fmt: skip
        elif not due and call_id is not None:
            del self._book.in_line[call_id]
            self._line.let_go(callback.tenant, call_id)
