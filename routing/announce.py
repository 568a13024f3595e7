"""What a waiting caller hears, and when: their place in line, and the desk's own words. PURE."""

from __future__ import annotations

from datetime import datetime, timedelta
from heapq import heappop, heappush

from cti.domain.model import CallId
from routing.queuedata import EVERY_S, Comfort

# The music must have begun before it is interrupted, and a caller who is connected at once needs no place.
FIRST = timedelta(seconds=8)
# ivr's catalogue has "position-next", "position-2" … "position-30" and "position-more-than-30".
LAST_SPOKEN = 30
# Said by a queue that tells neither the place nor words of its own.
STILL_WAITING = "still-waiting"


def prompt(position: int) -> str:
    """The prompt's name for a place in line; 1 is next."""
    if position <= 1:
        return "position-next"
    return f"position-{position}" if position <= LAST_SPOKEN else f"position-more-than-{LAST_SPOKEN}"


def words(comfort: Comfort, turn: int, position: int) -> str:
    """The sound's name for a caller's turn, 0 for the first: the place and the queue's own words take turns."""
    said = ((prompt(position),) if comfort.place else ()) + comfort.sounds
    return said[turn % len(said)] if said else STILL_WAITING


class Announcer:
    """Who is due to hear something."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, CallId]] = []
        self._next: dict[CallId, datetime] = {}
        self._every: dict[CallId, timedelta] = {}
        self._turn: dict[CallId, int] = {}

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
        for known in (self._next, self._every, self._turn):
            known.pop(call_id, None)

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
