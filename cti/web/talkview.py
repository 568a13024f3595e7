"""The call an agent is on the line with, as the page shows it. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal

from cti.domain import consult, pause
from cti.domain.model import AgentId, Call, Consultation
from cti.domain.phone import national
from cti.web.parts import LineBody, PersonBody, RecordingLine

Name = Callable[[AgentId], str]


def agents_of(call: Call) -> frozenset[AgentId]:
    """Every agent who is on the line with this call, or was until just now."""
    found: Iterable[AgentId | None] = [t.agent for t in call.talks]
    return frozenset(a for a in (*found, *(c.second for c in call.consultations)) if a is not None)


def talk(call: Call | None, agent: AgentId, name: Name, *, since: datetime) -> LineBody | None:
    """What this agent is shown, or None when they are not on the line. ``since``: of the phase."""
    if call is None or call.phase is None:
        return None
    asked = _open(call)
    if asked is not None and asked.second == agent:
        if asked.answered_at is None:
            return None
        first = asked.first
        return _body(call, "second", first, name, since)
    talks = [t for t in call.talks if t.ended_at is None and (asked is None or t.agent_uniqueid != asked.uniqueid)]
    if not talks or talks[-1].agent != agent:
        return None
    return _body(call, "first", asked.second if asked is not None else None, name, since)


def _body(call: Call, role: str, partner: AgentId | None, name: Name, since: datetime) -> LineBody:
    asked = _open(call)
    return LineBody.model_validate(
        {
            "call_id": call.call_id,
            "phase": call.phase,
            "role": role,
            "since": since,
            "may": consult.allowed(call, is_first=role == "first"),
            "recording": recording(call),
            "outside": None if asked is None or asked.outside is None else national(asked.outside),
            "partner": None if partner is None else PersonBody(agent=partner, name=name(partner)),
        }
    )


def recording(call: Call) -> RecordingLine:
    """Whether what is said now is kept."""
    asked = pause.asked(call)
    if asked is None:
        rule = pause.by_rule(call)
        since = None if rule is None else rule.began_at
        return RecordingLine(state="off" if rule else "on", since=since, until=None, may=list(pause.may(call)))
    state: Literal["pausing", "paused", "stopped"] = "pausing" if asked.proven_at is None else "paused"
    return RecordingLine(
        state="stopped" if asked.stopped else state, since=asked.began_at, until=asked.until, may=list(pause.may(call))
    )


def _open(call: Call) -> Consultation | None:
    last = call.consultations[-1] if call.consultations else None
    return last if last is not None and last.ended_at is None else None
