"""Recorded days become callers: as they came, with what nobody saw filled in as stated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

import pytest

from cti.domain.errors import CallerError
from cti.domain.model import QueueId, SkillId, SkillLevel
from routing.model import QueueRule
from routing.simulation.batch import run_all
from routing.simulation.figures import values_of
from routing.simulation.model import Callers, Exponential, Fixed, Instants, Listed, Plan, Rate, Scenario, Staff
from routing.simulation.plots import plots
from routing.simulation.replay import replayed

MEMBERS = QueueId("members")
TOKYO = ZoneInfo("Asia/Tokyo")
FIRST = datetime(2026, 7, 17, tzinfo=TOKYO)
DAYS = [(FIRST + timedelta(days=n), FIRST + timedelta(days=n + 1)) for n in range(3)]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A recorded call."""

    queue: QueueId = MEMBERS
    skills: tuple[SkillLevel, ...] = ()
    queued_at: datetime = FIRST
    wait_s: float = 0.0
    talk_s: float | None = 60.0
    hung_up: bool = False


def at(day: int, hour: float) -> datetime:
    """In UTC, as the database gives it."""
    return (FIRST + timedelta(days=day, hours=hour)).astimezone(UTC)


def base(count: int = 1, **more: int) -> Scenario:
    plans = tuple(
        Plan(
            name=name,
            queues=(QueueRule(queue=QueueId("members"), nobody_wait=True, max_wait_s=99_999, wrap_up_s=0),),
            staff=(Staff(group="desk", count=number, skills={SkillId("en"): 3}),),
        )
        for name, number in {"now": count, **more}.items()
    )
    return Scenario(callers=(), plans=plans, hours=1.0)


def test_callers_come_as_they_came() -> None:
    calls = [Seen(queued_at=at(0, 9), talk_s=300.0), Seen(queued_at=at(0, 9.5), talk_s=30.0)]
    (day,) = replayed(base(), calls, DAYS).days
    (kind,) = day.callers
    assert (day.start, day.hours) == (FIRST, 24)
    assert kind.arrivals == Instants((9 * 3600.0, 9.5 * 3600.0))
    assert kind.talk == Listed((300.0, 30.0))
    assert kind.patience == Listed((inf, inf))


def test_who_hung_up_shows_their_patience_and_gets_a_talk_of_others() -> None:
    calls = [Seen(talk_s=240.0), Seen(queued_at=at(0, 1), wait_s=55.0, talk_s=None, hung_up=True)]
    (day,) = replayed(base(), calls, DAYS).days
    (kind,) = day.callers
    assert kind.patience == Listed((inf, 55.0))
    assert kind.talk == Listed((240.0, 240.0))


def test_who_was_answered_would_have_waited_longer_by_the_files_patience() -> None:
    known = Callers(name="m", queue="members", arrivals=Rate(1), talk=Fixed(9.0), patience=Exponential(100.0))
    calls = [Seen(wait_s=50.0) for _ in range(2_000)]
    (day,) = replayed(replace(base(), callers=(known,)), calls, DAYS).days
    (kind,) = day.callers
    assert isinstance(kind.patience, Listed)
    assert min(kind.patience.values_s) >= 50
    assert sum(kind.patience.values_s) / 2_000 == pytest.approx(150, rel=0.05)


def test_who_want_the_same_are_one_kind() -> None:
    english = (SkillLevel(skill=SkillId("en"), level=2),)
    (day,) = replayed(base(), [Seen(), Seen(skills=english), Seen(skills=english)], DAYS).days
    assert [len(kind.arrivals.at_s) for kind in day.callers if isinstance(kind.arrivals, Instants)] == [1, 2]
    assert day.callers[1].skills == english


def test_a_day_without_calls_is_left_out() -> None:
    scenario = replayed(base(), [Seen(queued_at=at(0, 1)), Seen(queued_at=at(2, 1))], DAYS)
    assert [day.start for day in scenario.days] == [DAYS[0][0], DAYS[2][0]]
    assert scenario.replications == 2


def test_a_day_on_which_the_clock_is_set_is_as_long_as_it_is() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begin, end = datetime(2026, 10, 25, tzinfo=berlin), datetime(2026, 10, 26, tzinfo=berlin)
    noon = datetime(2026, 10, 25, 12, tzinfo=berlin).astimezone(UTC)
    (day,) = replayed(base(), [Seen(queued_at=noon)], [(begin, end)]).days
    assert day.hours == 25
    (kind,) = day.callers
    assert kind.arrivals == Instants((13 * 3600.0,))


@pytest.mark.parametrize(
    ("calls", "sentence"),
    [
        ([], "no caller waited on these days"),
        ([Seen(queue=QueueId("lost"))], "calls for queues that the file has not: lost"),
        ([Seen(skills=(SkillLevel(skill=SkillId("fr"), level=1),))], "no agent of plan 'now' has: fr"),
        ([Seen(talk_s=None)], "write a [[callers]] table for it, with its talk"),
    ],
)
def test_what_cannot_be_replayed_is_said(calls: list[Seen], sentence: str) -> None:
    with pytest.raises(CallerError) as caught:
        replayed(base(), calls, DAYS)
    assert sentence in str(caught.value)


def test_two_plans_side_by_side_on_the_same_days() -> None:
    calls = [Seen(queued_at=at(day, 9 + number / 60), talk_s=100.0) for day in (0, 1) for number in range(30)]
    scenario = replayed(base(1, more=2), calls, DAYS)
    now, more = run_all(scenario)
    assert [values_of(record, scenario)["offered"] for record in now] == [30, 30]
    assert values_of(more[0], scenario)["wait_all.mean_s"] < values_of(now[0], scenario)["wait_all.mean_s"] / 10
    assert {name.split(".")[0] for name, _ in plots(scenario, [now, more])} == {
        "waits",
        "service",
        "occupancy",
        "queue",
    }


def test_replayed_waits_are_those_of_the_day() -> None:
    """One agent, talks of 60 s, callers 30 s apart: exactly what happened then."""
    waits = [0.0, 30.0, 60.0]
    calls = [Seen(queued_at=at(0, 9) + timedelta(seconds=30 * n), wait_s=wait) for n, wait in enumerate(waits)]
    scenario = replayed(base(), calls, DAYS)
    ((record,),) = run_all(scenario)
    assert list(record.calls.wait_s) == pytest.approx(waits)
