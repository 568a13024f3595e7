"""What must hold of queues together: where their callers go on exists, and nobody is sent round in circles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cti.desk.queueschema import Queue, Treatment
from cti.desk.schema import Tenant
from cti.tomlfile import Location, TomlFile, closest

TREATMENTS = {"closed": "when_closed", "full": "when_full", "waited_too_long": "when_waited", "nobody": "when_nobody"}
"""Why a queue does not serve a caller → the key of the desk file."""

# A comfort message more often than this is a torment, and the place in line takes five seconds to say.
COMFORT_LEAST_S = 10


def treatments_of(queue: Queue) -> dict[str, Treatment]:
    """The treatments that the file sets, by why."""
    found = {why: getattr(queue, key) for why, key in TREATMENTS.items()}
    return {why: treatment for why, treatment in found.items() if treatment is not None}


def queue_problems(file: TomlFile, at: Location, tenant: Tenant) -> Iterator[str]:
    """Every complaint about a tenant's queues, in the order of the file."""
    queues = {queue.id for queue in tenant.queues}
    calendars = {calendar.id for calendar in tenant.calendars}
    for index, queue in enumerate(tenant.queues):
        here = (*at, "queues", index)
        if queue.calendar is not None and queue.calendar not in calendars:
            yield file.problem(
                (*here, "calendar"), f"no calendar {queue.calendar!r}; {closest(queue.calendar, calendars)}"
            )
        for why, treatment in treatments_of(queue).items():
            yield from _treatment_problems(file, (*here, TREATMENTS[why]), treatment, queues)
        if queue.overflow is not None:
            yield from _overflow_problems(file, (*here, "overflow"), queue, queues)
        if 0 < queue.comfort.every_s < COMFORT_LEAST_S:
            yield file.problem((*here, "comfort", "every_s"), f"write 0 (never) or at least {COMFORT_LEAST_S}")
        if queue.when_closed is not None and queue.calendar is None:
            yield file.problem((*here, "when_closed"), "the queue is always open; give it a calendar")
        if queue.when_full is not None and queue.max_length is None:
            yield file.problem((*here, "when_full"), "the queue is never full; give it a max_length")
    yield from _circles(file, at, tenant)


def _treatment_problems(file: TomlFile, at: Location, treatment: Treatment, queues: set[str]) -> Iterator[str]:
    if treatment.do == "queue" and treatment.to is None:
        yield file.problem(at, 'do = "queue" needs a queue to go to; write to = "…"')
    elif treatment.do != "queue" and treatment.to is not None:
        yield file.problem((*at, "to"), f'do = {treatment.do!r} goes nowhere; leave it out, or write do = "queue"')
    elif treatment.to is not None and treatment.to not in queues:
        yield file.problem((*at, "to"), f"no queue {treatment.to!r}; {closest(treatment.to, queues)}")
    if treatment.do == "hang_up" and treatment.text is None:
        yield file.problem(at, 'do = "hang_up" needs words; write text = { ja = "…", en = "…" } or do = "message"')
    if treatment.do == "message" and treatment.text is not None:
        yield file.problem((*at, "text"), 'do = "message" has words of its own; write do = "hang_up" for yours')


def _overflow_problems(file: TomlFile, at: Location, queue: Queue, queues: set[str]) -> Iterator[str]:
    overflow = queue.overflow
    if overflow is None:
        return
    if overflow.to not in queues:
        yield file.problem((*at, "to"), f"no queue {overflow.to!r}; {closest(overflow.to, queues)}")
    if overflow.after_s is None and overflow.expected_s is None:
        yield file.problem(at, "never happens; write after_s, expected_s or both")
    if overflow.after_s is not None and overflow.after_s >= queue.max_wait_s:
        yield file.problem((*at, "after_s"), f"comes after max_wait_s ({queue.max_wait_s}); write less")


def _circles(file: TomlFile, at: Location, tenant: Tenant) -> Iterator[str]:
    """Each way in which a caller could come back to a queue: told once, at its first queue in the file."""
    ways = {queue.id: tuple(dict.fromkeys(to for to, _ in _ways(queue))) for queue in tenant.queues}
    place = {queue.id: index for index, queue in enumerate(tenant.queues)}
    told: set[frozenset[str]] = set()
    for queue in tenant.queues:
        circle = _back_to(queue.id, ways)
        if not circle or frozenset(circle) in told:
            continue
        told.add(frozenset(circle))
        key = next(key for to, key in _ways(queue) if to == circle[1])
        path = " → ".join(repr(name) for name in circle)
        yield file.problem(
            (*at, "queues", place[queue.id], key), f"callers would go round in circles: {path}; let one of them end"
        )


def _ways(queue: Queue) -> Iterable[tuple[str, str]]:
    """Where a queue's callers may go on: the other queue, and the key that says so."""
    if queue.overflow is not None:
        yield queue.overflow.to, "overflow"
    for why, treatment in treatments_of(queue).items():
        if treatment.to is not None:
            yield treatment.to, TREATMENTS[why]


def _back_to(start: str, ways: dict[str, tuple[str, ...]]) -> list[str]:
    """A shortest way from a queue back to itself, both ends included; empty: there is none."""
    paths = [[start]]
    seen: set[str] = set()
    for path in paths:
        for to in ways.get(path[-1], ()):
            if to == start:
                return [*path, to]
            if to not in seen:
                seen.add(to)
                paths.append([*path, to])
    return []
