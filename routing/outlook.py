"""A waiting call's chances as the engine's indexes know them, put into the words of ``routing.expected``. PURE."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import inf

from cti.domain.model import QueueId
from routing.expected import Estimate, Line, Overtaking, estimate, in_steps
from routing.expression import needs
from routing.index import Group, Index
from routing.state import QueueLine, Waiting

Queues = Mapping[QueueId, QueueLine]


def expected_wait_s(call: Waiting, index: Index, queues: Queues, now: datetime) -> float | None:
    """Seconds from now until half of the callers in this place have an agent; None: not in line, or nobody at work.

    Costs one look at each group with somebody waiting and at each queue of a higher priority, for each step that the
    call's plan still has.
    """
    if call.key is None:
        return None
    steps: list[tuple[float, float | None]] = []
    begins_s = 0.0
    for group, until, _ in call.plan[call.step :]:
        found = _in_group(call, group, index, queues, now)
        steps.append((begins_s, found.half_s if found is not None else None))
        begins_s = (until - now).total_seconds() if until is not None else inf
    return in_steps(steps)


def _in_group(call: Waiting, group: Group, index: Index, queues: Queues, now: datetime) -> Estimate | None:
    """The wait if only these agents would do."""
    return estimate(
        _before(call, group, index, queues),
        agents=index.at_work(group),
        handle_s=queues[call.queue.queue].flow.handle_s,
        overtaking=_overtaking(call, group, index, queues, now),
    )


def _before(call: Waiting, group: Group, index: Index, queues: Queues) -> Iterator[Line]:
    """Who is served first, as far as they take agents of this group."""
    if call.key is None:
        return
    for other, share in index.rivals(group):
        count = bisect_left(other.waiting, call.key)
        if count:
            flow = queues[other.waiting[0][3].queue.queue].flow
            yield Line(callers=count * share, handle_s=flow.handle_s, hang_up_hz=flow.hang_up_hz)


def _overtaking(call: Waiting, group: Group, index: Index, queues: Queues, now: datetime) -> Iterator[Overtaking]:
    """Who will come later and be served first, until ageing has lifted the caller to their priority."""
    priority = call.queue.priority + call.aged
    for line in queues.values():
        points = line.rule.priority - priority
        if points <= 0 or not (share := index.share(needs(line.rule.skills), group)):
            continue
        until_s = inf
        if call.queue.ageing_every_s and call.aged + points <= call.queue.ageing_most:
            lifted = call.queued_at + timedelta(seconds=call.queue.ageing_every_s * (call.aged + points))
            until_s = max(0.0, (lifted - now).total_seconds())
        work = line.flow.arrivals_hz(now) * line.flow.handle_s * share
        if work:
            yield Overtaking(work=work, until_s=until_s)
