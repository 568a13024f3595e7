"""What a waiting caller hears, and when: their place in line, and the desk's own words. PURE."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from math import ceil

from cti.domain.model import CallId
from routing.queuedata import EVERY_S, Comfort

# The music must have begun before it is interrupted, and a caller who is connected at once needs no place.
FIRST = timedelta(seconds=8)
# ivr's catalogue has "position-next", "position-2" … "position-30" and "position-more-than-30".
LAST_SPOKEN = 30
# Minutes that can be told; ivr's catalogue has "wait-1" … "wait-30" and "wait-more-than-30". Fewer, as it gets longer:
# nobody knows whether it will be 23 minutes or 24.
MINUTES: tuple[int, ...] = (*range(1, 11), 15, 20, 25, 30)
# Said by a queue that tells neither the place nor words of its own.
STILL_WAITING = "still-waiting"


def prompt(position: int) -> str:
    """The prompt's name for a place in line; 1 is next."""
    if position <= 1:
        return "position-next"
    return f"position-{position}" if position <= LAST_SPOKEN else f"position-more-than-{LAST_SPOKEN}"


def minutes(wait_s: float) -> int:
    """An expected wait as it is told: rounded up to one of MINUTES, one more than the last of them beyond it."""
    at_least = max(1, ceil(wait_s / 60))
    return next((told for told in MINUTES if told >= at_least), MINUTES[-1] + 1)


def wait_prompt(told: int) -> str:
    """The prompt's name for an expected wait in minutes, as ``minutes`` gives it."""
    return f"wait-{told}" if told <= MINUTES[-1] else f"wait-more-than-{MINUTES[-1]}"


def words(
    comfort: Comfort, turn: int, position: int, wait_min: Callable[[], int | None] = lambda: None
) -> tuple[str, ...]:
    """The sounds' names for a caller's turn, 0 for the first: place and wait, and the queue's own words, take turns.

    ``wait_min``: the expected wait to tell, see Announcer.wait_min; asked only when it is its turn.
    """
    where = comfort.place or comfort.expected
    slot = turn % (where + len(comfort.sounds)) if where or comfort.sounds else 0
    if where and slot == 0:
        told = wait_min() if comfort.expected else None
        said = ((prompt(position),) if comfort.place else ()) + ((wait_prompt(told),) if told is not None else ())
        if said:
            return said
    own = comfort.sounds[max(0, slot - where) :][:1]
    return own or (STILL_WAITING,)


class Announcer:
    """Who is due to hear something."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, CallId]] = []
        self._next: dict[CallId, datetime] = {}
        self._every: dict[CallId, timedelta] = {}
        self._turn: dict[CallId, int] = {}
        self._told_min: dict[CallId, int] = {}  # the expected wait they heard last

    def enter(self, call_id: CallId, now: datetime, every_s: float = EVERY_S) -> None:
        """The call waits. One that is known keeps its rhythm: an offer in between is no new beginning. 0: never."""
        if every_s == 0:
            self.leave(call_id)
            return
        self._every[call_id] = timedelta(seconds=every_s)
        if call_id not in self._next:
            self._again(call_id, now + FIRST)

    def _again(self, call_id: CallId, at: datetime) -> None:
        self._next[call_id] = at
        heappush(self._heap, (at, call_id))

    def leave(self, call_id: CallId) -> None:
        """The call does not wait any more."""
        for known in (self._next, self._every, self._turn, self._told_min):
            known.pop(call_id, None)

    def wait_min(self, call_id: CallId, wait_s: float | None) -> int | None:
        """The expected wait to tell this caller now, in minutes; None: unknown, or longer than what they were told.

        Who heard "three minutes" and waited one is not told "six": a number that grows helps nobody, and says that the
        first was not true. They hear what else there is until the number is true again.
        """
        if wait_s is None or (told := minutes(wait_s)) > self._told_min.get(call_id, told):
            return None
        self._told_min[call_id] = told
        return told

    def next_at(self) -> datetime | None:
        """The next instant at which somebody is due."""
        heap = self._heap
        while heap and self._next.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def due(self, now: datetime) -> list[tuple[CallId, int]]:
        """Who is due, with the number of their turn from 0; each is due again after their queue's span."""
        calls = []
        while (at := self.next_at()) is not None and at <= now:
            call_id = heappop(self._heap)[1]
            self._again(call_id, now + self._every[call_id])
            turn = self._turn[call_id] = self._turn.get(call_id, -1) + 1
            calls.append((call_id, turn))
        return calls
