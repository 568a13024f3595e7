"""Callbacks: callers who hung up and keep their place in line, as records, rules and one literal table. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any, NewType

from cti.domain.copies import changed as replace
from cti.domain.effects import EffectId
from cti.domain.errors import IllegalMove
from cti.domain.model import CallId, QueueId, SkillLevel, TenantId
from cti.domain.phone import NumberClass, classify

CallbackId = NewType("CallbackId", str)  # 32 hex digits

# A person's own line at an ordinary price, in Japan. The dialplan holds the same list once more (cti-callee).
DIALLED = frozenset({NumberClass.MOBILE, NumberClass.GEOGRAPHIC, NumberClass.IP, NumberClass.FOLLOW_ME})
# What an agent may have dialled at most; in the dialplan, cti-person.
HAD_DIALLED = DIALLED | {NumberClass.TOLL_FREE}
# More promises than this in one queue would not be kept the same day.
MOST_WAITING = 100
# A mailbox answers after 20 to 30 s in Japan. It does not press 1, so that costs a try and no more.
RING_S = 30


class CallbackState(StrEnum):
    """Where a callback is."""

    WAITING = "waiting"  # keeps its place, or pauses after a try in vain, or waits for the hours
    CALLING = "calling"  # an attempt is under way: stored, perhaps sent, perhaps ringing or talking
    REACHED = "reached"  # the person answered and said that it is them
    GIVEN_UP = "given_up"  # all tries were in vain
    CANCELLED = "cancelled"  # by a person of the desk
    TAKEN_OVER = "taken_over"  # the person called again, or never hung up: that call has the place


class CallbackMove(StrEnum):
    """What happens to a callback."""

    CALL = "call"  # its turn: an attempt is stored
    RETURN = "return"  # the attempt ended before the person's phone was rung: no try is lost
    MISS = "miss"  # their phone was rung in vain, and there are tries left
    GIVE_UP = "give_up"  # in vain, and it was the last
    REACH = "reach"
    CANCEL = "cancel"
    TAKE_OVER = "take_over"


_S, _M = CallbackState, CallbackMove

TABLE: dict[CallbackState, dict[CallbackMove, CallbackState]] = {
    _S.WAITING: {
        _M.CALL: _S.CALLING,
        _M.CANCEL: _S.CANCELLED,
        _M.TAKE_OVER: _S.TAKEN_OVER,
    },
    _S.CALLING: {
        _M.RETURN: _S.WAITING,
        _M.MISS: _S.WAITING,
        _M.GIVE_UP: _S.GIVEN_UP,
        _M.REACH: _S.REACHED,
        _M.CANCEL: _S.CANCELLED,
        _M.TAKE_OVER: _S.TAKEN_OVER,
    },
    _S.REACHED: {},
    _S.GIVEN_UP: {},
    _S.CANCELLED: {},
    _S.TAKEN_OVER: {},
}
OPEN = frozenset({_S.WAITING, _S.CALLING})


@dataclass(frozen=True, kw_only=True)
class Callback:
    """One person who is to be called back."""

    callback_id: CallbackId
    tenant: TenantId
    queue: QueueId
    origin: CallId  # the call in which they asked for it
    number: str  # E.164, confirmed by them
    number_called: str  # E.164 of the desk, what they will see calling
    language: str  # "ja" or "en"
    queued_at: datetime  # the place that is kept
    asked_at: datetime
    skills: tuple[SkillLevel, ...] = ()  # asked for on top of the queue's
    state: CallbackState = CallbackState.WAITING
    version: int = 1  # counts changes
    tries: int = 0  # how often their phone was rung in vain
    not_before: datetime | None = None  # the pause after such a try
    effect_id: EffectId | None = None  # the latest attempt
    attempt: CallId | None = None  # and its call
    ended_at: datetime | None = None
    outcome: str | None = None  # slug: why it ended, or how the last try did
    successor: CallId | None = None  # the call that took the place over; of one that was reached, its own

    @property
    def open(self) -> bool:
        """Whether something is still to be done."""
        return self.state in OPEN


@dataclass(frozen=True, kw_only=True, slots=True)
class CallbackRules:
    """A queue's rules for callbacks; a queue without them does not offer any."""

    opens: time  # of each day, in the desk's time zone: nobody is asked or called outside
    closes: time  # exclusive; not before ``opens``
    zone: tzinfo
    tries: int = 3  # phones rung in vain before it is given up
    pause_s: int = 600  # after each; long enough to leave a meeting or a tunnel
    ring_s: int = RING_S

    def is_open(self, at: datetime) -> bool:
        """Whether people may be called at ``at``."""
        return self.opens <= at.astimezone(self.zone).time() < self.closes

    def next_change(self, at: datetime) -> datetime:
        """The next instant at which ``is_open`` may change."""
        local = at.astimezone(self.zone)
        days = (local.date() + timedelta(days=n) for n in (0, 1))
        edges = [datetime.combine(day, edge, self.zone) for day in days for edge in (self.opens, self.closes)]
        # An hour that a time-zone change skips or repeats may leave an edge behind now: look again in a minute.
        later = [edge for edge in edges if edge.astimezone(at.tzinfo) > at]
        return min(later).astimezone(at.tzinfo) if later else at + timedelta(minutes=1)


def may_dial(number: str) -> bool:
    """Whether a number (any way of writing it) may be dialled back: Japanese, somebody's own, at an ordinary price."""
    return classify(number) in DIALLED


def may_have_dialled(number: str) -> bool:
    """Whether a person of the desk may have a number dialled (docs/outbound.md): as above, and what costs nothing."""
    return classify(number) in HAD_DIALLED


def dialled(e164: str) -> str:
    """A Japanese number as a trunk dials it: national digits. Others are returned without their plus."""
    return "0" + e164[3:] if e164.startswith("+81") else e164.removeprefix("+")


def advance(callback: Callback, move: CallbackMove, at: datetime, **changes: Any) -> Callback:
    """The callback after ``move``, with ``changes``. Raises IllegalMove; nothing is changed then."""
    state = TABLE[callback.state].get(move)
    if state is None:
        raise IllegalMove(move.value, callback.state.value, callback.callback_id)
    if state not in OPEN:
        changes.setdefault("ended_at", at)
    return replace(callback, state=state, version=callback.version + 1, **changes)


def missed(callback: Callback, status: str, rules: CallbackRules | None, at: datetime) -> Callback:
    """A try in vain: a pause, or the end. Without rules (callbacks were switched off) it is the end."""
    tries = callback.tries + 1
    if rules is None or tries >= rules.tries:
        return advance(callback, _M.GIVE_UP, at, tries=tries, outcome=status)
    not_before = at + timedelta(seconds=rules.pause_s)
    return advance(callback, _M.MISS, at, tries=tries, not_before=not_before, outcome=status)
