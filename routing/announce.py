"""When a waiting caller hears their place in line. PURE."""

from __future__ import annotations

from datetime import datetime, timedelta
from heapq import heappop, heappush

from cti.domain.model import CallId

# The music must have begun before it is interrupted, and a caller who is connected at once needs no place.
FIRST = timedelta(seconds=8)
# Often enough to hear the line move, rarely enough to stand; hosted systems use 30 to 60 s.
EVERY = timedelta(seconds=30)
# ivr's catalogue has "position-next", "position-2" … "position-30" and "position-more-than-30".
LAST_SPOKEN = 30


def prompt(position: int) -> str:
    """The prompt's name for a place in line; 1 is next."""
    if position <= 1:
        return "position-next"
    return f"position-{position}" if position <= LAST_SPOKEN else f"position-more-than-{LAST_SPOKEN}"


class Announcer:
    """Who is due to hear their place."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, CallId]] = []
        self._next: dict[CallId, datetime] = {}

    def enter(self, call_id: CallId, now: datetime) -> None:
        """The call waits. One that is known keeps its rhythm: an offer in between is no new beginning."""
        if call_id not in self._next:
            self.again(call_id, now + FIRST)

    def again(self, call_id: CallId, at: datetime) -> None:
        """The call is due again."""
        self._next[call_id] = at
        heappush(self._heap, (at, call_id))

    def leave(self, call_id: CallId) -> None:
        """The call does not wait any more."""
        self._next.pop(call_id, None)

    def next_at(self) -> datetime | None:
        """The next instant at which somebody is due."""
        heap = self._heap
        while heap and self._next.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def due(self, now: datetime) -> list[CallId]:
        """Who is due; each is due again after EVERY."""
        calls = []
        while (at := self.next_at()) is not None and at <= now:
            call_id = heappop(self._heap)[1]
            self.again(call_id, now + EVERY)
            calls.append(call_id)
        return calls
