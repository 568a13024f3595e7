"""A waiting call's chances as the engine's indexes know them, put into the words of ``routing.expected``. PURE."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from cti.domain.model import QueueId
from routing.expected import Estimate, Flow, Line, Overtaking, estimate, in_steps
from routing.expression import needs
from routing.index import Index
from routing.state import QueueLine, Waiting

Queues = Mapping[QueueId, QueueLine]

# So many crowds of callers who want only some of our agents are looked at, the densest first.
MOST_CROWDS = 8


@dataclass(frozen=True, slots=True)
class _Crowd:
    """Callers before ours who want the same."""

    callers: int
    workers: int  # bit per agent at work who fits them
    flow: Flow

    @property
    def density(self) -> float:
        """Callers an agent."""
        return self.callers / self.workers.bit_count()


@dataclass(frozen=True, slots=True)
class _Coming:
    """Callers of a higher priority who are yet to come."""

    work: float  # agents they keep busy
    workers: int
    until_s: float


def expected_wait_s(call: Waiting, index: Index, queues: Queues, now: datetime) -> float | None:
    """Seconds from now until half of the callers in this place have an agent; None: not in line, or nobody at work.

    Costs one look at each group with somebody waiting and at each queue of a higher priority, for each step that the
    call's plan still has.
    """
    if call.key is None:
        return None
    coming = list(_coming(call, index, queues, now))
    steps: list[tuple[float, float | None]] = []
    begins_s = 0.0
    for group, until, _ in call.plan[call.step :]:
        found = _with(call, index.workers(group), index, queues, coming)
        steps.append((begins_s, found.half_s if found is not None else None))
        begins_s = (until - now).total_seconds() if until is not None else inf
    return in_steps(steps)


def _with(call: Waiting, ours: int, index: Index, queues: Queues, coming: Sequence[_Coming]) -> Estimate | None:
    """The wait if only these agents would do.

    Callers before ours who fit only some of them cannot take the others: ours may do without the agents of such a
    crowd, and then the crowd does not matter. The best of these ways is what happens.
    """
    handle_s = queues[call.queue.queue].flow.handle_s
    crowds = [crowd for crowd in _crowds(call, index, queues) if crowd.workers & ours]
    best = _among(ours, crowds, coming, handle_s)
    narrow = [crowd for crowd in crowds if not crowd.workers & ~ours and crowd.workers != ours]
    narrow.sort(key=lambda crowd: crowd.density, reverse=True)
    for crowd in narrow[:MOST_CROWDS]:
        rest = ours & ~crowd.workers
        if not rest:
            break
        ours = rest
        crowds.remove(crowd)
        found = _among(ours, crowds, coming, handle_s)
        if best is not None and found is not None and found.half_s < best.half_s:
            best = found
    return best


def _among(ours: int, crowds: Sequence[_Crowd], coming: Sequence[_Coming], handle_s: float) -> Estimate | None:
    """The wait for one of these agents behind all of these callers, as far as they take them."""
    return estimate(
        [
            Line(
                callers=crowd.callers * _share(crowd.workers, ours),
                handle_s=crowd.flow.handle_s,
                hang_up_hz=crowd.flow.hang_up_hz,
            )
            for crowd in crowds
        ],
        agents=ours.bit_count(),
        handle_s=handle_s,
        overtaking=[Overtaking(work=one.work * _share(one.workers, ours), until_s=one.until_s) for one in coming],
    )


def _share(workers: int, ours: int) -> float:
    """The part of some agents who are ours too."""
    return (workers & ours).bit_count() / workers.bit_count() if workers else 0.0


def _crowds(call: Waiting, index: Index, queues: Queues) -> Iterator[_Crowd]:
    """Who is served before this call."""
    if call.key is None:
        return
    for group in index.in_line():
        callers, workers = bisect_left(group.waiting, call.key), index.workers(group)
        if callers and workers:
            yield _Crowd(callers, workers, queues[group.waiting[0][3].queue.queue].flow)


def _coming(call: Waiting, index: Index, queues: Queues, now: datetime) -> Iterator[_Coming]:
    """Who will come later and be served first, until ageing has lifted the caller to their priority."""
    priority = call.rank
    for line in queues.values():
        points = line.rule.priority - priority
        work = line.flow.arrivals_hz(now) * line.flow.handle_s if points > 0 else 0.0
        if not work:
            continue
        until_s = inf
        if call.queue.ageing_every_s and call.aged + points <= call.queue.ageing_most:
            lifted = call.queued_at + timedelta(seconds=call.queue.ageing_every_s * (call.aged + points))
            until_s = max(0.0, (lifted - now).total_seconds())
        yield _Coming(work, index.workers_of(needs(line.rule.skills)), until_s)
