"""Which calls, and which parts of them, are recorded: the desk's rules and one decision. Pure.

The rules of a desk stand in order and the first that fits counts; where none fits the call is recorded. A part in which
several agents are on the line is judged for each of them, and the strictest answer counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cti.domain.callend import CALLBACK, OUTBOUND
from cti.domain.model import Call

# Why sound is not kept (cti.domain.model.Pause.why); neither ends by itself.
NOT_WANTED = "not_wanted"
ON_DEMAND = "on_demand"
REFUSED = "refused"  # the caller said no: nothing of the call is kept, from its beginning on
RULED = frozenset({NOT_WANTED, ON_DEMAND, REFUSED})


class Record(StrEnum):
    """What a rule says, from the most to the least."""

    ALWAYS = "always"
    ON_DEMAND = "on_demand"  # from when an agent asks for it
    NEVER = "never"


_STRICTNESS = tuple(Record)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordRule:
    """One rule of the desk file. What is None fits everything."""

    record: Record
    queue: str | None = None
    direction: str | None = None  # "inbound", "outbound", "callback"
    agent: str | None = None  # one of those on the line
    answer: str | None = None  # what the caller chose in the menu, "<node>:<keys>": consent

    @property
    def named(self) -> str:
        """What it looks at, for people: "queue+agent"; "all" for a rule that fits everything."""
        looks = [name for name in ("queue", "direction", "agent", "answer") if getattr(self, name) is not None]
        return "+".join(looks) or "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What rules look at, as it is now."""

    queue: str | None
    direction: str
    agents: frozenset[str]  # on the line with the caller or with each other
    answers: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Whether what is said now is recorded, and why."""

    record: Record
    reason: str  # "recorded", or "not_wanted: queue", "on_demand: agent"
    why: str | None = None  # of RULED; None: recorded


def direction_of(call: Call) -> str:
    """Which way a call went, as rules say it."""
    return "outbound" if call.extra.get(OUTBOUND) else "callback" if call.extra.get(CALLBACK) else "inbound"


def facts_of(call: Call) -> Facts:
    """A call as rules see it."""
    talking = {talk.agent for talk in call.talks if talk.ended_at is None}
    asked = {one.second for one in call.consultations if one.ended_at is None and one.second is not None}
    steps = call.menu.path if call.menu is not None else ()
    return Facts(
        queue=call.queue,
        direction=direction_of(call),
        agents=frozenset(talking | asked),
        answers=frozenset(f"{step.node}:{step.keys}" for step in steps),
    )


def decide(rules: Sequence[RecordRule], facts: Facts) -> Decision:
    """Whether what is said now is recorded."""
    found = [_one(rules, facts, agent) for agent in sorted(facts.agents)] or [_one(rules, facts, None)]
    return max(found, key=lambda decision: _STRICTNESS.index(decision.record))


def _one(rules: Sequence[RecordRule], facts: Facts, agent: str | None) -> Decision:
    rule = next((rule for rule in rules if _fits(rule, facts, agent)), None)
    if rule is None or rule.record is Record.ALWAYS:
        return Decision(record=Record.ALWAYS, reason="recorded")
    if rule.record is Record.ON_DEMAND:
        return Decision(record=Record.ON_DEMAND, reason=f"{ON_DEMAND}: {rule.named}", why=ON_DEMAND)
    why = NOT_WANTED if rule.answer is None else REFUSED
    return Decision(record=Record.NEVER, reason=f"{NOT_WANTED}: {rule.named}", why=why)


def _fits(rule: RecordRule, facts: Facts, agent: str | None) -> bool:
    return (
        rule.queue in (None, facts.queue)
        and rule.direction in (None, facts.direction)
        and rule.agent in (None, agent)
        and (rule.answer is None or rule.answer in facts.answers)
    )


def rules_from_data(data: Sequence[Mapping[str, Any]]) -> tuple[RecordRule, ...]:
    """Rules as the desk file and the database hold them. Raises KeyError, ValueError for what is none."""
    return tuple(
        RecordRule(
            record=Record(one["record"]),
            queue=one.get("queue"),
            direction=one.get("direction"),
            agent=one.get("agent"),
            answer=one.get("answer"),
        )
        for one in data
    )
