"""One attempt to call a person back: stored, placed, and what it came to. Base of routing.callbacks.

Every way an attempt can end leads to ``_conclude`` or ``_return``; which of the two is told by the dialplan's own mark,
whether we saw it happen or come back later and read it.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Protocol

from cti.domain import callbacks as cb
from cti.domain import events as ev
from cti.domain.callbacks import Callback, CallbackMove, CallbackRules, CallbackState
from cti.domain.callend import ANSWERED
from cti.domain.effects import Effect, EffectId, EffectState
from cti.domain.errors import KakehashiError, Unavailable
from cti.domain.model import Call, CallId, ChannelName, Offer, QueueId, TenantId
from cti.domain.ports import SignalSink, Telephony
from routing.absent import Absentees
from routing.callbook import RETRY_S, CallbackBook, CallbackStore

log = logging.getLogger(__name__)

EFFECT_KIND = "callback"
# After an attempt that rang nobody outside: long enough that an Asterisk which refuses is not asked all the time.
RETURN_PAUSE_S = 5.0

# What the dialplan writes beside an effect's id, in its order (asterisk-conf/extensions.conf, cti-callback). Whatever
# is not one of these ended before the person's phone was rung, and costs them no try.
MARK_TALKING = "talking"  # the person pressed 1
MARKS_DIALLED = ("dialling", "missed")  # their phone was rung


class Sender(Protocol):
    """Who does effects (cti.effects)."""

    @property
    def live(self) -> tuple[Effect, ...]:
        """Effects that are not settled."""

    async def do(self, effect: Effect, *also: Any) -> None:
        """Store and send. Raises Unavailable when it could not be stored."""

    def seen(self, effect_id: EffectId) -> None:
        """The other side shows that it happened."""


class Attempts(ABC):
    """``rules`` gives a queue's rules or None, ``live`` a live call, ``mark`` what Asterisk wrote beside an effect."""

    def __init__(
        self,
        *,
        line: Absentees,
        store: CallbackStore,
        telephony: Telephony,
        sink: SignalSink,
        rules: Callable[[TenantId, QueueId], CallbackRules | None],
        live: Callable[[CallId], Call | None],
        mark: Callable[[EffectId], Coroutine[Any, Any, str]],
        clock: Callable[[], datetime],
    ) -> None:
        self._line = line
        self._telephony = telephony
        self._sink = sink
        self._rules = rules
        self._live = live
        self._mark = mark
        self._clock = clock
        self._book = CallbackBook(store)
        self.sender: Sender | None = None  # needs us to tell what was settled, so it is filled in afterwards
        self._following: set[EffectId] = set()  # attempts whose end is being looked for
        self._up = False

    @abstractmethod
    def _look(self) -> None:
        """Something changed: who stands in line? (routing.callbacks)"""

    # --- An attempt ---

    async def _call(self, callback: Callback, offer: Offer) -> None:
        """Store the attempt, then ask Asterisk for it. The agent is held meanwhile (some 10 ms)."""
        now, rules, book = self._clock(), self._rules(callback.tenant, callback.queue), self._book
        if book.of_line(offer.call_id) is not callback:  # ended a moment ago
            self._line.let_go(offer.tenant, offer.call_id)
            return
        effect_id = EffectId(uuid.uuid4().hex)
        calling = cb.advance(callback, CallbackMove.CALL, now, effect_id=effect_id, attempt=offer.call_id)
        effect = Effect(
            effect_id=effect_id,
            tenant=callback.tenant,
            kind=EFFECT_KIND,
            created_at=now,
            changed_at=now,
            body={
                "callback": callback.callback_id,
                "call": offer.call_id,
                "queue": callback.queue,
                "number": callback.number,
                "number_called": callback.number_called,
                "language": callback.language,
                "queued_at": str(int(callback.queued_at.timestamp())),
                "ring_s": str(rules.ring_s if rules is not None else cb.RING_S),
                "forget": book.useless() or "",
            },
        )
        assert self.sender is not None  # noqa: S101 - filled in before start
        book.open[callback.callback_id] = calling
        book.attempts[offer.call_id] = book.in_line.pop(offer.call_id)
        try:
            await self.sender.do(effect, calling)
        except Unavailable:
            # Its words may be in a table all the same: a newer version replaces them, and the id was never sent.
            log.error("a callback's turn could not be stored", extra={"call_id": offer.call_id})
            book.revoked.discard(offer.call_id)
            self._line.failed(offer)
            self._return(calling)

    def doubt(self, effect: Effect) -> None:
        """Nobody knows whether the attempt was placed: its agent is not held for it. For the sender."""
        callback = self._book.of_attempt(CallId(effect.body.get("call", "")))
        if callback is not None and callback.attempt is not None:
            self._leave_line(callback)

    def settled(self, effect: Effect, mark: str) -> None:
        """An attempt was placed, or was not. For the sender."""
        attempt = CallId(effect.body.get("call", ""))
        if effect.state is EffectState.NOT_DONE or self._live(attempt) is None:
            self._book.revoked.discard(attempt)  # it will not show, or is over; its end would be told otherwise
        callback = self._book.of_attempt(attempt)
        if callback is None or callback.effect_id != effect.effect_id:
            return
        if effect.state is EffectState.NOT_DONE:
            self._return(callback)
        elif callback.attempt is not None and self._live(callback.attempt) is None:
            self._follow(callback)

    def _follow(self, callback: Callback) -> None:
        """It was placed, and its call is not (or no longer) known: what the dialplan wrote last tells the rest."""
        if callback.effect_id is not None and callback.effect_id not in self._following:
            self._following.add(callback.effect_id)
            self._book.spawn(self._until_told(callback, callback.effect_id))

    async def _until_told(self, callback: Callback, effect_id: EffectId) -> None:
        try:
            while callback.attempt is not None:
                # A call that was placed a moment ago is told in a moment; one that is over stays absent.
                await asyncio.sleep(RETRY_S)
                if self._open(callback, effect_id) is None:
                    return
                if self._live(callback.attempt) is not None or not self._up:
                    continue
                try:
                    mark = await self._mark(effect_id)
                except KakehashiError:
                    continue
                # While Asterisk was asked the call may have shown, or told its end: an older word is none any more.
                now = self._open(callback, effect_id)
                if now is not None and self._live(callback.attempt) is None:
                    self._conclude(now, mark)
                    return
        finally:
            self._following.discard(effect_id)

    def _open(self, callback: Callback, effect_id: EffectId) -> Callback | None:
        """The callback as it is now, while this attempt is still the one it waits for."""
        now = self._book.of_attempt(callback.attempt) if callback.attempt is not None else None
        return now if now is not None and now.effect_id == effect_id else None

    def _conclude(self, callback: Callback, mark: str) -> None:
        """An attempt came to something."""
        rules, now = self._rules(callback.tenant, callback.queue), self._clock()
        if mark == MARK_TALKING:
            self._close_attempt(callback)
            if callback.attempt is not None and self._live(callback.attempt) is not None:
                # Their call keeps the place, should its agent get lost or pass them on.
                self._book.places[callback.attempt] = callback.queued_at
            reached = cb.advance(callback, CallbackMove.REACH, now, outcome="reached", successor=callback.attempt)
            self._book.change(reached)
        elif mark.startswith(MARKS_DIALLED):
            self._close_attempt(callback)
            status = mark.partition("-")[2].lower() or "agent_hung_up"
            self._book.change(cb.missed(callback, status, rules, now))
        else:
            self._return(callback)
        self._look()

    def _return(self, callback: Callback) -> None:
        """Nobody's phone but an agent's was rung: the place is kept, a new attempt follows."""
        self._close_attempt(callback)
        now = self._clock()
        not_before = now + timedelta(seconds=RETURN_PAUSE_S)
        waiting = cb.advance(callback, CallbackMove.RETURN, now, effect_id=None, attempt=None, not_before=not_before)
        self._book.change(waiting)
        self._look()

    def _close_attempt(self, callback: Callback) -> None:
        self._leave_line(callback)
        if callback.attempt is not None:
            self._book.attempts.pop(callback.attempt, None)
        self._book.forget(callback.effect_id)

    def _leave_line(self, callback: Callback) -> None:
        # An attempt that has a call of its own leaves the line, and its agent, with that call's own facts.
        if callback.attempt is not None and self._live(callback.attempt) is None:
            self._line.let_go(callback.tenant, callback.attempt)

    # --- Facts ---

    def _reported(self, event: ev.CallbackReported) -> None:
        callback = self._book.of_attempt(event.call_id)
        if callback is not None and callback.effect_id == event.effect_id:
            self._conclude(callback, MARK_TALKING if event.status == ANSWERED else f"missed-{event.status}")

    def _reachable(self, event: ev.AsteriskReachable) -> None:
        self._up = event.up
        if not event.up:
            return
        unsettled = {effect.effect_id for effect in self.sender.live} if self.sender is not None else set()
        for callback in list(self._book.open.values()):
            if callback.state is CallbackState.CALLING and callback.effect_id not in unsettled:
                self._follow(callback)

    async def _hang_up(self, channel: ChannelName) -> None:
        try:
            await self._telephony.hang_up(channel=channel)
        except KakehashiError as error:
            log.info("a callback's call was gone already", extra={"action": type(error).__name__})
