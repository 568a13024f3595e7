"""Answers kept for a while: fresh ones instead of asking again, older ones for when there is nobody to ask. PURE."""

from __future__ import annotations

from collections import OrderedDict

from cti.linking.contract import LookupAnswer

Topic = tuple[str, ...]


class AnswerCache:
    """Least recently used, bounded, by topic. All times are monotonic seconds."""

    def __init__(self, *, size: int, fresh_s: float, stale_s: float) -> None:
        self._size = size
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self._kept: OrderedDict[Topic, tuple[float, int, LookupAnswer]] = OrderedDict()
        self._writing = 0  # counts what was written; an answer from before is not fresh

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, topic: Topic, answer: LookupAnswer, now_s: float) -> None:
        """Keep an answer; the least recently used one makes room."""
        self._kept[topic] = (now_s, self._writing, answer)
        self._kept.move_to_end(topic)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def fresh(self, topic: Topic, now_s: float) -> LookupAnswer | None:
        """An answer young enough to pass for live."""
        answer = self._within(topic, now_s, self._fresh_s)
        return answer if answer is not None and self._kept[topic][1] == self._writing else None

    def stale(self, topic: Topic, now_s: float) -> LookupAnswer | None:
        """An answer young enough to be better than none, if it is called stale."""
        return self._within(topic, now_s, self._stale_s)

    def clear(self) -> int:
        """Forget all answers. Returns how many there were."""
        count = len(self._kept)
        self._kept.clear()
        return count

    def outdate(self) -> None:
        """Something was written that no answer knows of: none is fresh any more, all are still better than none."""
        self._writing += 1

    def _within(self, topic: Topic, now_s: float, age_s: float) -> LookupAnswer | None:
        found = self._kept.get(topic)
        if found is None:
            return None
        at_s, _, answer = found
        if now_s - at_s > self._stale_s:
            del self._kept[topic]
            return None
        self._kept.move_to_end(topic)
        return answer if now_s - at_s <= age_s else None
