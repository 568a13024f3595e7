"""Recorded days as scenarios: the callers as they came, under plans that were not there.

A day is a replication, so that intervals and differences speak of days. What was not observed is filled in as follows:

- Who was answered would have waited longer than they did; how long nobody knows. Their patience is the wait they had
  plus one drawn from the file's distribution for their queue (right when patience has no memory), endless without one.
- Who hung up showed their patience, but no talk: theirs is that of some answered caller of the same queue, drawn at
  random, else the file's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import inf
from random import Random
from typing import Protocol

from cti.domain.errors import CallerError
from cti.domain.model import QueueId, SkillLevel
from routing.simulation.model import HOUR_S, Callers, Day, Fixed, Instants, Listed, Scenario
from routing.simulation.randoms import durations

# A talk or a patience of nothing would never end: events of no length.
LEAST_S = 0.001


class Recorded(Protocol):
    """A caller of a recorded day (cti.store.history.RecordedCall)."""

    @property
    def queue(self) -> QueueId:
        """Where they waited."""

    @property
    def skills(self) -> tuple[SkillLevel, ...]:
        """What they asked for on top of the queue's."""

    @property
    def queued_at(self) -> datetime:
        """When they came to the queue, aware."""

    @property
    def wait_s(self) -> float:
        """Until an agent answered, or until the end."""

    @property
    def talk_s(self) -> float | None:
        """None: nobody answered."""

    @property
    def hung_up(self) -> bool:
        """While waiting."""


def replayed(base: Scenario, recorded: Sequence[Recorded], days: Sequence[tuple[datetime, datetime]]) -> Scenario:
    """The scenario of recorded days, each given as (begin, end). Days on which nobody waited are left out.

    Raises CallerError when nothing is left, or a queue or a skill is not in the file.
    """
    _check(base, recorded)
    talks: dict[str, list[float]] = {}
    for call in recorded:
        if call.talk_s is not None:
            talks.setdefault(call.queue, []).append(max(LEAST_S, call.talk_s))
    found = []
    for begin, end in days:
        calls = [call for call in recorded if begin <= call.queued_at < end]
        if calls:
            # Not end - begin: that is 24 hours on the clock, whatever the clock was set to in between.
            hours = (end.timestamp() - begin.timestamp()) / HOUR_S
            found.append(Day(start=begin, hours=hours, callers=tuple(_callers(base, calls, talks, begin))))
    if not found:
        raise CallerError("no caller waited on these days; write days with calls")
    return replace(base, days=tuple(found), replications=len(found), calls=None, hours=None, warm_up=0.0)


def _check(base: Scenario, recorded: Iterable[Recorded]) -> None:
    queues = {rule.queue for plan in base.plans for rule in plan.queues}
    calls = list(recorded)
    if missing := sorted({call.queue for call in calls} - queues):
        raise CallerError(f"the recorded days have calls for queues that the file has not: {', '.join(missing)}")
    for plan in base.plans:
        known = {skill for staff in plan.staff for skill in staff.skills}
        asked = {skill.skill for call in calls for skill in call.skills}
        if lost := sorted(asked - known):
            raise CallerError(f"callers asked for skills that no agent of plan {plan.name!r} has: {', '.join(lost)}")


def _callers(
    base: Scenario, calls: Sequence[Recorded], talks: Mapping[str, list[float]], begin: datetime
) -> Iterable[Callers]:
    """The callers of a day, those who want the same together."""
    kinds: dict[tuple[QueueId, tuple[SkillLevel, ...]], list[Recorded]] = {}
    for call in calls:
        kinds.setdefault((call.queue, call.skills), []).append(call)
    for (queue, skills), mine in kinds.items():
        name = f"{queue}/{','.join(f'{skill.skill}={skill.level}' for skill in skills)}"
        # One stream for each purpose, as in randoms: a day is the same whatever the plan.
        patience = _patience(base, queue, _stream(base, begin, name, "patience"))
        talk = _talk(base, queue, talks.get(queue, []), _stream(base, begin, name, "talk"))
        yield Callers(
            name=name,
            queue=queue,
            skills=skills,
            arrivals=Instants(tuple((call.queued_at - begin).total_seconds() for call in mine)),
            talk=Listed(tuple(talk() if call.talk_s is None else max(LEAST_S, call.talk_s) for call in mine)),
            patience=Listed(tuple(max(LEAST_S, call.wait_s + (0.0 if call.hung_up else patience())) for call in mine)),
        )


def _stream(base: Scenario, begin: datetime, name: str, purpose: str) -> Random:
    return Random(f"{base.seed}/{begin.isoformat()}/{name}/{purpose}")  # noqa: S311 -- must be repeatable


def _patience(base: Scenario, queue: str, random: Random) -> Callable[[], float]:
    """Further patience of somebody who was answered."""
    kind = next((kind for kind in base.callers if kind.queue == queue and kind.patience is not None), None)
    return durations(kind.patience if kind is not None and kind.patience is not None else Fixed(inf), random)


def _talk(base: Scenario, queue: str, talks: Sequence[float], random: Random) -> Callable[[], float]:
    """A talk of somebody who hung up."""
    if talks:
        return lambda: random.choice(talks)
    kind = next((kind for kind in base.callers if kind.queue == queue), None)
    if kind is None:
        raise CallerError(
            f"nobody of queue {queue!r} was answered on these days; write a [[callers]] table for it, with its talk"
        )
    return durations(kind.talk, random)
