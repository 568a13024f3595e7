"""Who may enter a queue, who goes on to another one, and what becomes of those it does not serve. PURE.

Part of the engine, between the waiting room and the offers.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cti.domain.model import QueueId
from routing.expected import SEEN_CALLS
from routing.expression import needs
from routing.model import CLOSED, FULL, OVERFLOW, WAITED, Overflow, QueueRule
from routing.outlook import expected_wait_s
from routing.room import WaitingRoom, seconds, whole_s
from routing.state import Waiting

# How often the expected wait is looked at, and a queue to go on to that had no room: agents come and go within minutes.
LOOK_S = 5.0


class Passage(WaitingRoom):
    """Ways in and out of a queue."""

    _up = True  # Asterisk can be reached

    def wait_to_tell_s(self, call: Waiting, now: datetime) -> float | None:
        """The expected wait as a caller may be told it; None: nobody is at work, or too few calls were seen.

        None also for a wait that the queue will not let them have: who is sent away after 15 minutes is not told 20.
        """
        if self._line(call.queue.queue).flow.seen < SEEN_CALLS:
            return None
        wait_s = expected_wait_s(call, self._index, self._queues, now)
        return wait_s if wait_s is not None and wait_s <= (self._last_call(call) - now).total_seconds() else None

    def _closed(self, call: Waiting, now: datetime) -> bool:
        """Tell a caller who comes when the queue is closed. Who waits already is served."""
        rule = call.queue
        if not rule.active:
            self._treat(call, CLOSED, now)
            return True
        said = rule.hours.open_at(now) if rule.hours is not None else None
        if said is None or said.open:
            return False
        params: dict[str, Any] = {"day": dict(zip(("ja", "en"), said.name, strict=True))}
        if said.until is not None:
            params["opens_at"] = said.until.isoformat()
        self._treat(call, CLOSED, now, f"closed_{said.why}", params)
        return True

    def _full(self, call: Waiting, now: datetime) -> bool:
        """Tell a caller for whom nobody is free, and who finds every waiting place taken."""
        most = call.queue.max_length
        waiting = len(self._line(call.queue.queue).keys) - 1
        if call.key is None or most is None or waiting < most or not self._up:
            return False
        self._treat(call, FULL, now, params={"waiting": waiting, "most": most})
        return True

    def _waited(self, call: Waiting, now: datetime) -> bool:
        """Tell a caller who has waited long enough for nothing."""
        if now < self._last_call(call):
            return False
        self._treat(call, WAITED, now)
        return True

    def _goes_on(self, call: Waiting, now: datetime) -> bool:
        """Send a caller in line on to the queue that takes the overflow; else note when to look again."""
        overflow = call.queue.overflow
        call.overflow_at = None
        if overflow is None or call.key is None or call.patient:
            return False
        why = self._overflows(call, overflow, now)
        if why is not None and self._takes(overflow.to, call, now):
            slug, params = why
            self._treat(call, OVERFLOW, now, slug, params)
            return True
        looks = []
        if overflow.expected_s is not None or why is not None:
            looks.append(now + seconds(LOOK_S))
        if overflow.after_s is not None and why is None:
            looks.append(call.since + timedelta(seconds=overflow.after_s))
        call.overflow_at = min(looks)
        return False

    def _overflows(self, call: Waiting, overflow: Overflow, now: datetime) -> tuple[str, dict[str, Any]] | None:
        """Why the caller should go on: slug and params; None: should not."""
        if overflow.after_s is not None and now >= call.since + seconds(overflow.after_s):
            return "overflow_waited", {"here_s": whole_s(now - call.since)}
        if overflow.expected_s is None:
            return None
        expected_s = expected_wait_s(call, self._index, self._queues, now)
        if expected_s is None:
            return "overflow_nobody", {}
        return ("overflow_expected", {"expected_s": int(expected_s)}) if expected_s > overflow.expected_s else None

    def _takes(self, queue: QueueId, call: Waiting, now: datetime) -> bool:
        """Whether a queue could do something for this caller: it is open, has room, and somebody who fits is there."""
        line = self._queues.get(queue)
        if line is None or not is_open(line.rule, now):
            return False
        ready, _, there = self._index.counts(needs(line.rule.skills, call.skills))
        most = line.rule.max_length
        return there > 0 and (most is None or ready > 0 or len(line.keys) < most)


def is_open(rule: QueueRule, now: datetime) -> bool:
    """Whether new callers are let in now."""
    return rule.active and (rule.hours is None or rule.hours.open_at(now).open)
