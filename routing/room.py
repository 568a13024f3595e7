"""The waiting room: calls, their plans and their place in line; who is told that nobody will come. PURE.

Base of the engine. Matching is ``routing.offers``, the inputs are ``routing.engine``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cti.domain.model import AgentId, CallId, OfferId, QueueId
from routing import model as m
from routing.expression import Named
from routing.index import Index
from routing.model import Reason, Where
from routing.state import Agenda, Agent, LiveOffer, QueueLine, Stage, Waiting, WaitKey

# Doublings of the pause after Asterisk could not be reached: far beyond any backoff_most_s, and keeps the power small.
MOST_DOUBLINGS = 16
# For those who wait as long as it takes: longer than any server runs, and a timer can hold it.
FOR_EVER = timedelta(days=3650)
# A desk file cannot send callers round in circles; this ends the journey if the tables ever do.
MOST_HOPS = 8


def seconds(value: float) -> timedelta:
    """A duration."""
    return timedelta(seconds=value)


def whole_s(span: timedelta) -> int:
    """A duration for people, in whole seconds."""
    return max(0, int(span.total_seconds()))


class WaitingRoom:
    """Queues and the calls in them."""

    def __init__(self, index: Index | None = None) -> None:
        self._index = index or Index()
        self._agenda = Agenda()
        self._limits = m.Limits()
        self._agents: dict[AgentId, Agent] = {}
        self._calls: dict[CallId, Waiting] = {}
        self._offers: dict[OfferId, LiveOffer] = {}
        self._queues: dict[QueueId, QueueLine] = {}
        self._hopeless: dict[CallId, Waiting] = {}  # calls that nobody who is not offline could ever take
        self._numbers = 0
        self._out: list[m.Decision] = []

    def _number(self) -> int:
        """A running number: the last tie-breaker, of agents and of calls."""
        self._numbers += 1
        return self._numbers

    def _line(self, queue: QueueId) -> QueueLine:
        """A queue's line. One that is not configured asks for nothing: its callers must end up with somebody."""
        line = self._queues.get(queue)
        if line is None:
            line = self._queues[queue] = QueueLine(m.QueueRule(queue=queue))
        return line

    # --- Plan and place ---

    def _make_plan(self, call: Waiting, now: datetime) -> None:
        """The plan as it is now, from its beginning; steps that are over by the clock are left at once.

        Whether there is hope has to be asked anew: of another plan, by another queue's rule.
        """
        self._hopeless.pop(call.call_id, None)
        call.hopeless_at = None
        old, since = call.plan, call.since
        way = self._line(call.queue.queue).way(call)
        call.plan = tuple(
            Stage(
                self._index.claim(part.want),
                None if part.until_s is None else since + seconds(part.until_s),
                part.number,
            )
            for part in way
        )
        if call.lost_by is not None and call.lost_until is not None and now < call.lost_until:
            first = Stage(self._index.claim(Named(frozenset({call.lost_by}))), call.lost_until, way[0].number)
            call.plan = (first, *call.plan)
        for stage in old:
            self._index.release(stage.group)
        call.step, call.step_since, call.told_step = 0, since, 0
        self._set_step(call, now)

    def _set_step(self, call: Waiting, now: datetime) -> None:
        """Go on in the plan: what is over is left, what nobody who is not offline could take is passed over."""
        plan = call.plan
        if len(plan) > 1:
            self._go_on(call, now)
        call.aged = self._earned(call, now)

    def _earned(self, call: Waiting, now: datetime) -> int:
        """Points of priority that waiting has brought."""
        every = call.queue.ageing_every_s
        return min(call.queue.ageing_most, whole_s(now - call.queued_at) // every) if every else 0

    def _go_on(self, call: Waiting, now: datetime) -> None:
        plan, step = call.plan, call.step
        while (until := plan[step].until) is not None and now >= until:
            step += 1
            if plan[step].number != plan[step - 1].number:
                call.step_since = until
        if not self._index.staffed(plan[step].group):
            # If somebody of a later step is there, the caller does not wait for nobody.
            there = next((n for n in range(step + 1, len(plan)) if self._index.staffed(plan[n].group)), step)
            if plan[there].number != plan[step].number:
                call.step_since = now
            step = there
        call.step = step
        if plan[-1].number > 1 and plan[step].number != call.told_step:
            call.told_step = plan[step].number
            self._out.append(
                m.Stepped(
                    call_id=call.call_id,
                    queue=call.queue.queue,
                    since=call.step_since,
                    reason=Reason("step_began", {"want": call.group.data, **self._step_params(call)}),
                )
            )

    def _step_params(self, call: Waiting) -> dict[str, Any]:
        """The step for a reason; nothing when the plan has but one."""
        last = call.plan[-1].number
        if last == 1:
            return {}
        return {"step": call.plan[call.step].number, "steps": last, "step_since": call.step_since.isoformat()}

    def _list(self, call: Waiting, now: datetime) -> None:
        """Put the call in line, at the place its priority and its age give it."""
        self._set_step(call, now)
        if call.skip:
            call.skip = {agent: until for agent, until in call.skip.items() if now < until}
        key: WaitKey = (-call.rank, call.queued_at, call.number, call)
        self._index.wait(call, key)
        self._line(call.queue.queue).enter(key)

    def _unlist(self, call: Waiting) -> None:
        if call.key is not None:
            self._line(call.queue.queue).leave(call.key)
            self._index.leave(call)

    def _forget(self, call: Waiting) -> None:
        """The call is no longer ours to place."""
        self._unlist(call)
        self._hopeless.pop(call.call_id, None)
        self._agenda.arm(call, None)
        call.resume_at = None
        for stage in call.plan:
            self._index.release(stage.group)
        call.plan = ()
        del self._calls[call.call_id]

    def _last_call(self, call: Waiting) -> datetime:
        """When the caller has waited long enough for nothing."""
        return call.since + (FOR_EVER if call.patient else seconds(call.queue.max_wait_s))

    def _plan_look(self, call: Waiting) -> None:
        """Arrange for the next instant at which time alone changes something for a call in line."""
        if call.key is None:
            return
        at = self._last_call(call)
        until = call.plan[call.step].until
        if until is not None and until < at:
            at = until
        every = call.queue.ageing_every_s
        if every and call.aged < call.queue.ageing_most:
            at = min(at, call.queued_at + seconds(every * (call.aged + 1)))
        if call.skip:
            at = min(at, *call.skip.values())
        if call.hopeless_at is not None and call.hopeless_at < at:
            at = call.hopeless_at
        if call.overflow_at is not None and call.overflow_at < at:
            at = call.overflow_at
        self._agenda.arm(call, at)

    # --- Not this time ---

    def _pause(self, call: Waiting, now: datetime) -> None:
        """Asterisk could not be asked: the call keeps its age and is tried again, each time after a longer pause."""
        limits = self._limits
        pause_s = min(limits.backoff_most_s, limits.backoff_s * 2**call.failures)
        call.failures = min(call.failures + 1, MOST_DOUBLINGS)
        self._set_aside(call, Where.PAUSED, now + seconds(pause_s))

    def _set_aside(self, call: Waiting, where: Where, until: datetime) -> None:
        """Not in line for a while."""
        self._unlist(call)
        call.where = where
        call.resume_at = until
        self._agenda.arm(call, until)

    def _treat(
        self,
        call: Waiting,
        treatment: str,
        now: datetime,
        slug: str = "",
        params: Mapping[str, Any] | None = None,
        then: m.Treatment | None = None,
    ) -> None:
        """The queue does not serve this call any further. ``slug`` and ``params`` say why, where the name does not.

        ``then``: what becomes of it, when not the queue's rules say so.
        """
        self._unlist(call)
        self._hopeless.pop(call.call_id, None)
        call.hopeless_at = call.resume_at = None
        call.where = Where.TREATED
        then = then or m.treatment_of(call.queue, treatment, may_go_on=call.hops < MOST_HOPS)
        told: dict[str, Any] = {"want": call.group.data, "waited_s": whole_s(now - call.queued_at), **(params or {})}
        if then.do is m.Do.QUEUE:
            # Told from the other queue's waiting loop; should that get lost, it is decided anew.
            call.hops += 1
            call.resume_at = now + seconds(self._limits.unheard_s)
            told["to"] = then.to
        elif then.do is m.Do.VOICEMAIL:
            told["voicemail"] = True
        self._agenda.arm(call, call.resume_at)
        reason = Reason(slug or treatment, told)
        self._out.append(
            m.Treated(call_id=call.call_id, queue=call.queue.queue, treatment=treatment, then=then, reason=reason)
        )

    # --- Nobody there ---

    def hopeless(self, call: Waiting) -> bool:
        """Whether nobody who is not offline could ever take this call, in any step that is left of its plan."""
        return call.call_id in self._hopeless

    def _nobody(self) -> str:
        """The treatment of a call that nobody could take."""
        return "nobody_skilled" if self._index.anybody() else "nobody_logged_in"

    def _look_for_hope(self, call: Waiting, now: datetime, grace_s: float) -> None:
        """Note when nobody who is not offline could ever take this call; its caller is told after the grace.

        Asked whenever the plan, the step or the staff changed, of calls that do not stand in line just now too: a grace
        begins when hope is lost, not when somebody happens to look.
        """
        if any(self._index.staffed(stage.group) for stage in call.plan[call.step :]):
            call.hopeless_at = None
            self._hopeless.pop(call.call_id, None)
        elif call.call_id not in self._hopeless:
            self._hopeless[call.call_id] = call
            waits = call.queue.nobody_wait or call.patient
            call.hopeless_at = None if waits else now + seconds(grace_s)
