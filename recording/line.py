"""A waiting line: oldest first, whoever is put back takes its old place."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from cti.domain.model import CallId

T = TypeVar("T")


@dataclass(frozen=True, order=True, slots=True)
class Place(Generic[T]):
    """One who waits."""

    at: datetime  # since when: the end of the call
    call_id: CallId
    content: T = field(compare=False)


class Line(Generic[T]):
    """Places in order of time. Unbounded in number, because nobody may be turned away; so keep the content small."""

    def __init__(self) -> None:
        self._queue: asyncio.PriorityQueue[Place[T]] = asyncio.PriorityQueue()
        self._since: dict[CallId, datetime] = {}

    def put(self, at: datetime, call_id: CallId, content: T) -> None:
        """Join, or come back."""
        self._since[call_id] = at
        self._queue.put_nowait(Place(at, call_id, content))

    async def get(self) -> Place[T]:
        """The one who has waited longest; waits for one."""
        place = await self._queue.get()
        self._since.pop(place.call_id, None)
        return place

    def __len__(self) -> int:
        return self._queue.qsize()

    @property
    def oldest(self) -> datetime | None:
        """Since when the first in the line waits."""
        return min(self._since.values(), default=None)
