"""The real engine under virtual time: one replication of one plan.

The shell around ``routing.engine``: it makes callers come, lose patience and talk, and lets agents answer at once. What
the engine decides happens at the same instant. Waiting places of a queue are the engine's own rule; those of the whole
desk, which it has no word for, are counted here.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from math import inf
from time import process_time
from typing import Protocol

from cti.domain.model import AgentId, AgentState, CallId, OfferId, PhoneState, QueueId
from routing import model as m
from routing.engine import Engine
from routing.simulation import record as r
from routing.simulation.model import DAY_S, HOUR_S, Instants, Plan, Rate, Scenario
from routing.simulation.policy import index_of
from routing.simulation.randoms import Caller, callers

# Points of a plot: every five minutes of a day.
SAMPLES = 288
# Calls between two reports of progress: about a second.
REPORT_EVERY = 20_000


class Observer(Protocol):
    """Looks on, for studies of the engine's own forecasts."""

    def waits(self, call_id: CallId, queue: QueueId, engine: Engine, now: datetime) -> None:
        """A caller has to wait."""

    def answered(self, call_id: CallId, queue: QueueId, wait_s: float) -> None:
        """An agent has answered; who did not wait was never reported before."""


class _Seat:
    """An agent's hours."""

    __slots__ = ("busy", "group", "on", "since_s", "wrapping")

    def __init__(self, group: int) -> None:
        self.group = group
        self.on = False  # hours of work
        self.busy = False  # talks or wraps up
        self.wrapping = False
        self.since_s = 0.0  # accounted so far


class _Caller:
    """A caller who is there."""

    __slots__ = ("came_s", "kind", "number", "talk_s")

    def __init__(self, kind: int, number: int, came_s: float, talk_s: float) -> None:
        self.kind = kind
        self.number = number  # of those who count; -1: does not
        self.came_s = came_s
        self.talk_s = talk_s


class Run:
    """One replication of one plan. :meth:`run` once, then throw it away."""

    def __init__(
        self,
        scenario: Scenario,
        plan: int,
        replication: int,
        observer: Observer | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        scenario = scenario.of(replication)
        self._scenario = scenario
        self._plan: Plan = scenario.plans[plan]
        self._observer = observer
        self._progress = progress
        numbers = count(1)
        self._engine = Engine(lambda: OfferId(f"{next(numbers):032x}"), index_of(self._plan.policy))
        self._events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._event_number = 0
        self._now_s = 0.0
        # In UTC: in a zone that sets its clock, a datetime plus an hour is an hour on the clock.
        self._start = scenario.start.astimezone(UTC)
        self._now = self._start  # the same instant as _now_s, as the engine knows it
        self._kinds = [callers(kind, scenario.start, scenario.seed, replication) for kind in scenario.callers]
        self._next: list[Caller | None] = [None] * len(self._kinds)
        self._queues = [QueueId(kind.queue) for kind in scenario.callers]
        self._there: dict[CallId, _Caller] = {}  # who waits
        self._waiting = {rule.queue: 0 for rule in self._plan.queues}
        self._seats: dict[AgentId, _Seat] = {}
        self._busy = [0] * len(self._plan.staff)
        self._counting = False
        self._over = False  # nobody who arrives now counts
        self._pending = 0
        self._record = r.Record(
            plan=plan,
            replication=replication,
            calls=r.Calls(),
            queue_names=tuple(self._waiting),
            group_names=tuple(staff.group for staff in self._plan.staff),
        )

    def run(self) -> r.Record:
        """Until every caller who counts is answered or gone, at most a day after the last of them came."""
        began = process_time()
        self._open()
        events, engine = self._events, self._engine
        while events and not (self._over and not self._pending):
            at_s = events[0][0]
            if self._over and at_s > self._record.to_s + DAY_S:
                break
            instant = self._start + timedelta(seconds=at_s)
            due = engine.next_deadline()
            if due is not None and due <= instant:
                self._now = max(self._now, due)
                self._now_s = max(self._now_s, (due - self._start).total_seconds())
                self._tell(m.Tick())
                continue
            self._now = instant
            self._now_s, _, action, args = heappop(events)
            action(*args)
        if not self._over:  # a list of instants came to its end
            self._stop_counting()
        self._record.took_s = process_time() - began
        return self._record

    # --- Opening ---

    def _open(self) -> None:
        plan, scenario = self._plan, self._scenario
        agents = list(_agents(plan))
        rules = m.DeskRules(queues=plan.queues, agents=tuple(rule for rule, _ in agents), limits=plan.limits)
        self._tell(m.DeskLoaded(rules=rules))
        for rule, group in agents:
            self._seats[rule.agent] = _Seat(group)
            self._tell(m.PhoneIs(agent=rule.agent, phone=PhoneState.IDLE))
            for from_s, to_s in plan.staff[group].at_work or ((0.0, inf),):
                self._at(from_s, self._shift, rule.agent, True)
                if to_s < inf:
                    self._at(to_s, self._shift, rule.agent, False)
        if scenario.hours is not None:  # before the arrivals, some of which may be at these very instants
            self._at(scenario.warm_up * HOUR_S, self._start_counting)
            self._at((scenario.warm_up + scenario.hours) * HOUR_S, self._stop_counting)
        for kind in range(len(self._kinds)):
            self._draw(kind)

    def _draw(self, kind: int) -> None:
        """Plan the next arrival of a kind."""
        caller = self._next[kind] = next(self._kinds[kind], None)
        if caller is not None:
            self._at(caller[0], self._arrive, kind)

    def _shift(self, agent: AgentId, on: bool) -> None:
        seat = self._seats[agent]
        self._account(seat)
        seat.on = on
        state = AgentState.AVAILABLE if on else AgentState.OFFLINE
        self._tell(m.AgentChooses(agent=agent, state=state, reason=""))

    # --- Callers ---

    def _arrive(self, kind: int) -> None:
        caller = self._next[kind]
        assert caller is not None  # noqa: S101 -- it was put there with this event
        _, talk_s, patience_s = caller
        self._draw(kind)
        record, now_s = self._record, self._now_s
        record.arrived += 1
        if self._progress is not None and not record.arrived % REPORT_EVERY:
            self._progress(record.arrived)
        if self._scenario.calls is not None:
            self._count_calls(self._scenario.calls)
        call_id = CallId(f"c{record.arrived}")
        there = self._there[call_id] = _Caller(kind, self._number(kind), now_s, talk_s)
        queue = self._queues[kind]
        self._waiting[queue] += 1
        skills = self._scenario.callers[kind].skills
        now = self._now
        self._tell(m.CallWaits(call_id=call_id, queue=queue, queued_at=now, skills=skills))
        if call_id not in self._there:
            return
        places = self._plan.waiting_places
        if places is not None and len(self._there) > places:
            self._lose(call_id, there, r.BLOCKED)
            return
        if self._observer is not None:
            self._observer.waits(call_id, queue, self._engine, now)
        if patience_s < inf:
            self._at(now_s + patience_s, self._hang_up, call_id)

    def _count_calls(self, calls: int) -> None:
        """Counting by calls: begin with the first after the warm-up, end with the first that is too many."""
        counted = self._record.arrived - 1 - self._scenario.warm_up
        if not self._counting and not self._over and counted >= 0:
            self._start_counting()
        if counted >= calls and not self._over:
            self._stop_counting()

    def _number(self, kind: int) -> int:
        """The number of a new call among those that count, or -1."""
        if not self._counting:
            return -1
        calls = self._record.calls
        calls.kind.append(kind)
        calls.at_s.append(self._now_s)
        calls.wait_s.append(0.0)
        calls.outcome.append(r.PENDING)
        self._pending += 1
        return len(calls.outcome) - 1

    def _hang_up(self, call_id: CallId) -> None:
        there = self._there.get(call_id)
        if there is not None:
            self._lose(call_id, there, r.ABANDONED)

    def _lose(self, call_id: CallId, there: _Caller, outcome: int) -> None:
        self._settle(call_id, there, outcome)
        self._tell(m.CallGone(call_id=call_id))

    def _settle(self, call_id: CallId, there: _Caller, outcome: int) -> None:
        del self._there[call_id]
        self._waiting[self._queues[there.kind]] -= 1
        if there.number >= 0:
            calls = self._record.calls
            calls.outcome[there.number] = outcome
            calls.wait_s[there.number] = self._now_s - there.came_s
            self._pending -= 1

    # --- What the engine decides ---

    def _tell(self, told: m.Told) -> None:
        for decision in self._engine.advance(told, self._now):
            kind = type(decision)
            if kind is m.Offered:
                self._answer(decision.call_id, decision.agent)  # type: ignore[attr-defined]
            elif kind is m.Moved:
                self._moved(decision.agent, decision.state)  # type: ignore[attr-defined]
            elif kind is m.Treated:
                self._treated(decision.call_id)  # type: ignore[attr-defined]

    def _answer(self, call_id: CallId, agent: AgentId) -> None:
        there = self._there[call_id]
        self._settle(call_id, there, r.ANSWERED)
        if self._observer is not None:
            self._observer.answered(call_id, self._queues[there.kind], self._now_s - there.came_s)
        self._set_busy(self._seats[agent], True)
        self._tell(m.CallTaken(call_id=call_id, agent=agent))
        self._at(self._now_s + there.talk_s, self._free, call_id, agent)

    def _free(self, call_id: CallId, agent: AgentId) -> None:
        self._set_busy(self._seats[agent], False)
        self._tell(m.AgentFree(agent=agent, call_id=call_id))

    def _moved(self, agent: AgentId, state: AgentState) -> None:
        seat = self._seats[agent]
        if (state is AgentState.WRAP_UP) is not seat.wrapping:
            seat.wrapping = not seat.wrapping
            self._set_busy(seat, seat.wrapping)

    def _treated(self, call_id: CallId) -> None:
        """Sent away by a rule: at the door it counts as blocked."""
        there = self._there[call_id]
        self._lose(call_id, there, r.TREATED if self._now_s > there.came_s else r.BLOCKED)

    # --- Counting ---

    def _start_counting(self) -> None:
        self._counting = True
        record = self._record
        record.from_s = self._now_s
        record.busy_s = [0.0] * len(self._busy)
        record.staffed_s = [0.0] * len(self._busy)
        record.waiting = [array("L") for _ in self._waiting]
        record.busy = [array("L") for _ in self._busy]
        for seat in self._seats.values():
            seat.since_s = self._now_s
        self._sample(_length_s(self._scenario) / SAMPLES)

    def _stop_counting(self) -> None:
        for seat in self._seats.values():
            self._account(seat)
        self._record.to_s = self._now_s
        self._counting, self._over = False, True

    def _set_busy(self, seat: _Seat, busy: bool) -> None:
        self._account(seat)
        seat.busy = busy
        self._busy[seat.group] += 1 if busy else -1

    def _account(self, seat: _Seat) -> None:
        if self._counting and (seat.on or seat.busy):
            spent_s = self._now_s - seat.since_s
            self._record.staffed_s[seat.group] += spent_s
            if seat.busy:
                self._record.busy_s[seat.group] += spent_s
        seat.since_s = self._now_s

    def _sample(self, every_s: float) -> None:
        ended = self._scenario.calls is not None and not self._pending and not any(self._next)
        if not self._counting or ended:  # a list of instants may be shorter than the calls that were to count
            return
        record = self._record
        record.sampled_s.append(self._now_s)
        for column, value in zip(record.waiting, self._waiting.values(), strict=True):
            column.append(value)
        for column, value in zip(record.busy, self._busy, strict=True):
            column.append(value)
        self._at(self._now_s + every_s, self._sample, every_s)

    # --- Time ---

    def _at(self, at_s: float, action: Callable[..., None], *args: object) -> None:
        self._event_number += 1
        heappush(self._events, (at_s, self._event_number, action, args))


def _agents(plan: Plan) -> Iterator[tuple[m.AgentRule, int]]:
    """Every agent, with the number of the group."""
    for group, staff in enumerate(plan.staff):
        for number in range(staff.count):
            yield m.AgentRule(agent=AgentId(f"{staff.group}-{number + 1}"), skills=staff.skills), group


def _length_s(scenario: Scenario) -> float:
    """How long counting lasts, or about how long."""
    if scenario.hours is not None:
        return scenario.hours * HOUR_S
    hertz = 0.0
    for kind in scenario.callers:
        match kind.arrivals:
            case Rate(per_h):
                hertz += per_h / HOUR_S
            case Instants(at_s):
                hertz += len(at_s) / (at_s[-1] or 1.0)
            case by_hour:
                hertz += sum(by_hour.per_h) / DAY_S
    return (scenario.calls or 0) / hertz
