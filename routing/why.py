"""Why a call still waits: who fits, and why nobody of them is asked. PURE.

Looks at every agent once: for a person who asks, never part of a decision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cti.domain.model import AgentId, AgentState, CallId, PhoneState, QueueId
from routing.engine import Engine
from routing.model import Reason, Where
from routing.state import Agent, Waiting

# More than these are a number on a page.
SHOWN = 50
# Why an agent who fits is not asked, nearest to being asked first.
NOT_ASKED = ("ready", "let_go", "rings", "talks", "distrusted", "phone", "state")
_ELSEWHERE = {
    Where.RETURNING: "waits_returning",
    Where.PAUSED: "waits_paused",
    Where.TREATED: "waits_treated",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Hope:
    """An agent who fits."""

    agent: AgentId
    state: AgentState
    phone: PhoneState
    why: str  # one of NOT_ASKED


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """A call that waits, and why it still does."""

    call_id: CallId
    queue: QueueId
    where: str  # routing.model.Where
    since: datetime  # first entry into a queue
    position: int | None  # 1 is next; None: not in line
    priority: int  # with what waiting has added
    own_priority: int | None  # given by a person
    attempts: int
    offered_to: AgentId | None  # of several the longest idle
    expected_s: float | None
    step: int  # of the plan, from 1
    steps: int
    step_since: datetime
    want: Mapping[str, Any]  # what an agent must be now, as data (routing.expression)
    reason: Reason
    fit: tuple[Hope, ...]  # at most SHOWN
    fit_count: int


def why_waiting(engine: Engine, call: Waiting, now: datetime) -> Why:
    """One call, now."""
    hopes = [
        Hope(agent=agent.agent, state=agent.state, phone=agent.phone, why=_not_asked(agent, call))
        for agent in engine.agents()
        if call.group.has(agent)
    ]
    hopes.sort(key=lambda hope: (NOT_ASKED.index(hope.why), hope.state is AgentState.OFFLINE, hope.agent))
    stage = call.plan[call.step]
    return Why(
        call_id=call.call_id,
        queue=call.queue.queue,
        where=call.where.value,
        since=call.queued_at,
        position=engine.position(call),
        priority=call.priority,
        own_priority=call.own_priority,
        attempts=call.attempts,
        offered_to=call.offers[0].agent.agent if call.offers else None,
        expected_s=None if call.key is None else engine.expected_wait_s(call, now),
        step=stage.number,
        steps=call.plan[-1].number,
        step_since=call.step_since,
        want=call.group.data,
        reason=_reason(engine, call, hopes),
        fit=tuple(hopes[:SHOWN]),
        fit_count=len(hopes),
    )


def _not_asked(agent: Agent, call: Waiting) -> str:
    if agent.offer is not None:
        return "rings"
    if agent.call is not None:
        return "talks"
    if agent.state is not AgentState.AVAILABLE:
        return "state"
    if agent.distrust_until is not None:
        return "distrusted"
    if agent.phone is not PhoneState.IDLE:
        return "phone"
    return "ready" if call.may_ask(agent) else "let_go"


def _reason(engine: Engine, call: Waiting, hopes: list[Hope]) -> Reason:
    want: dict[str, Any] = {"want": call.group.data}
    if len(call.offers) > 1:
        return Reason("waits_offered_several", {"agents": [offer.agent.agent for offer in call.offers]})
    if call.offers:
        return Reason("waits_offered", {"agent": call.offers[0].agent.agent})
    if call.where in _ELSEWHERE:
        return Reason(_ELSEWHERE[call.where])
    if not engine.up:
        return Reason("waits_asterisk")
    there = [hope for hope in hopes if hope.state is not AgentState.OFFLINE]
    if not there:
        return Reason("waits_nobody" if hopes else "waits_no_such_agent", want)
    count = Counter(hope.why for hope in there)
    if count["let_go"] == len(there):
        return Reason("waits_let_go", want)
    params = want | {"there": len(there)} | {why: count[why] for why in NOT_ASKED}
    return Reason("waits_busy", params)
