"""The simulator's shell by hand: small days whose every figure can be checked with pencil and paper."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cti.domain.model import QueueId, SkillId, SkillLevel
from routing.model import QueueRule
from routing.simulation import record as r
from routing.simulation.batch import run_all
from routing.simulation.figures import values_of
from routing.simulation.model import (
    Arrivals,
    Callers,
    Exponential,
    Fixed,
    Instants,
    Listed,
    Plan,
    Policy,
    Rate,
    Scenario,
    Staff,
)
from routing.simulation.report import report
from routing.simulation.run import Run

FOR_EVER_S = 1_000_000


def queue(name: str = "q", **more: Any) -> QueueRule:
    skills = tuple(SkillLevel(skill=SkillId(skill), level=1) for skill in more.pop("skills", ()))
    rule: dict[str, Any] = {"max_wait_s": FOR_EVER_S, "nobody_wait": True, "wrap_up_s": 0} | more
    return QueueRule(queue=QueueId(name), skills=skills, **rule)


def a_plan(**more: Any) -> Plan:
    whole: dict[str, Any] = {"name": "plan", "queues": (queue(),), "staff": (Staff(group="desk", count=1, skills={}),)}
    return Plan(**(whole | more))


def a_day(*at_s: float, talk: Any = None, plan: Plan | None = None, **more: Any) -> Scenario:
    patience = more.pop("patience", None)
    kind = Callers(name="all", queue="q", arrivals=Instants(at_s), talk=talk or Fixed(60.0), patience=patience)
    whole: dict[str, Any] = {"callers": (kind,), "plans": (plan or a_plan(),), "hours": 1.0, "replications": 1}
    return Scenario(**(whole | more))


def run(scenario: Scenario) -> tuple[r.Record, dict[str, float]]:
    record = Run(scenario, 0, 0).run()
    return record, values_of(record, scenario)


def test_one_agent_serves_in_order() -> None:
    record, values = run(a_day(0, 10, 20))
    assert list(record.calls.wait_s) == pytest.approx([0, 50, 100])
    assert values["wait_all.mean_s"] == pytest.approx(50)
    assert values["waited_share"] == pytest.approx(2 / 3)
    assert values["within.20.of_offered"] == pytest.approx(1 / 3)
    assert values["occupancy.desk"] == pytest.approx(180 / 3600)


def test_wrap_up_is_work_and_holds_the_next_caller_back() -> None:
    record, values = run(a_day(0, 10, plan=a_plan(queues=(queue(wrap_up_s=30),))))
    assert list(record.calls.wait_s) == pytest.approx([0, 80])
    assert values["occupancy.desk"] == pytest.approx(180 / 3600)


def test_who_hangs_up_is_lost_and_does_not_count_as_answered() -> None:
    _, values = run(a_day(0, 10, 20, patience=Listed((999.0, 30.0, 999.0))))
    assert (values["answered"], values["abandoned"]) == (2, 1)
    assert values["wait_answered.mean_s"] == pytest.approx((0 + 40) / 2)
    assert values["wait_all.mean_s"] == pytest.approx((0 + 30 + 40) / 3)
    assert values["abandoned_share"] == pytest.approx(1 / 3)


def test_who_finds_no_place_is_turned_away() -> None:
    record, values = run(a_day(0, 10, 20, 30, plan=a_plan(waiting_places=1)))
    assert list(record.calls.outcome) == [r.ANSWERED, r.ANSWERED, r.BLOCKED, r.BLOCKED]
    assert values["blocked_share"] == 0.5
    assert values["within.20.of_offered"] == 0.25
    assert values["within.20.of_accepted"] == 0.5
    assert values["wait_all.mean_s"] == pytest.approx(25)  # of those who were let in


def test_no_place_is_needed_by_who_is_answered_at_once() -> None:
    _, values = run(a_day(0, 100, plan=a_plan(waiting_places=0)))
    assert (values["answered"], values["blocked"]) == (2, 0)


def test_places_of_a_single_queue() -> None:
    _, values = run(a_day(0, 10, 20, plan=a_plan(queues=(queue(max_length=1),))))
    assert values["blocked"] == 1


def test_maximum_wait_sends_away() -> None:
    _, values = run(a_day(0, 10, plan=a_plan(queues=(queue(max_wait_s=20),))))
    assert (values["answered"], values["treated"]) == (1, 1)
    assert values["wait_all.p99_s"] == 20


def test_agents_come_and_go() -> None:
    """Before work nobody answers; a call that runs when work ends is finished, in time that counts."""
    staff = (Staff(group="desk", count=1, skills={}, at_work=((600.0, 1200.0),)),)
    record, values = run(a_day(100, 1190, 1195, plan=a_plan(staff=staff)))
    assert list(record.calls.wait_s)[:2] == pytest.approx([500, 0])
    assert values["unfinished"] == 1
    assert record.staffed_s == pytest.approx([650.0])
    assert values["occupancy.desk"] == pytest.approx(120 / 650)


def test_only_what_comes_after_the_warm_up_counts() -> None:
    record, values = run(a_day(0, 1800, 1810, hours=0.5, warm_up=0.5))
    assert values["offered"] == 2
    assert list(record.calls.wait_s) == pytest.approx([0, 50])
    assert (record.from_s, record.to_s) == (1800, 3600)


def test_counting_by_calls() -> None:
    scenario = a_day(0, 10, 20, 30, 40, hours=None, calls=2, warm_up=1)
    record, _ = run(scenario)
    assert list(record.calls.at_s) == [10, 20]
    assert (record.from_s, record.to_s) == (10, 30)


def test_a_list_that_ends_early_ends_the_count() -> None:
    record, values = run(a_day(0, 10, hours=None, calls=100))
    assert (values["offered"], values["answered"]) == (2, 2)
    assert record.to_s > 0


def test_queue_length_is_sampled() -> None:
    """One caller of sixty minutes, one behind: somebody waits all the time."""
    _, values = run(a_day(0, 0.001, talk=Fixed(3600.0)))
    assert values["queue_length"] == pytest.approx(1, abs=0.02)


def two_kinds(policy: Policy) -> Scenario:
    """Both agents talk; an 'a' waits longer than a 'b'; then the agent who is best at 'b' gets free."""
    plan = a_plan(
        queues=(queue("a", skills=("a",)), queue("b", skills=("b",))),
        staff=(Staff(group="best-at-b", count=1, skills={SkillId("b"): 5, SkillId("a"): 1}),),
        policy=policy,
    )
    kinds = (
        Callers(name="a", queue="a", arrivals=Instants((0.0, 10.0)), talk=Fixed(60.0)),
        Callers(name="b", queue="b", arrivals=Instants((20.0,)), talk=Fixed(60.0)),
    )
    return Scenario(callers=kinds, plans=(plan,), hours=1.0, replications=1)


@pytest.mark.parametrize(("policy", "waits"), [(Policy.OLDEST, [0, 50, 100]), (Policy.OWN_SKILL_FIRST, [0, 110, 40])])
def test_policies(policy: Policy, waits: list[float]) -> None:
    record, _ = run(two_kinds(policy))
    assert list(record.calls.wait_s) == pytest.approx(waits)


# --- Luck ---


def random_day(**more: Any) -> Scenario:
    kinds = (
        Callers(name="a", queue="q", arrivals=Rate(300.0), talk=Exponential(60.0), patience=Exponential(90.0)),
        Callers(name="b", queue="q", arrivals=Rate(100.0), talk=Exponential(90.0)),
    )
    few, many = (
        a_plan(name=name, staff=(Staff(group="desk", count=count, skills={}),))
        for name, count in (("few", 8), ("many", 9))
    )
    whole: dict[str, Any] = {"callers": kinds, "plans": (few, many), "calls": 400, "replications": 3}
    return Scenario(**(whole | more))


def test_two_plans_meet_the_same_callers() -> None:
    few, many = run_all(random_day())
    for one, other in zip(few, many, strict=True):
        assert one.calls.at_s == other.calls.at_s
        assert one.calls.kind == other.calls.kind
        assert sum(other.calls.wait_s) < sum(one.calls.wait_s)


def test_replications_differ_and_seeds_differ() -> None:
    (few, _), (other, _) = run_all(random_day()), run_all(random_day(seed=2))
    arrivals = [tuple(record.calls.at_s) for record in [*few, *other]]
    assert len(set(arrivals)) == 6


def test_the_same_seed_gives_the_same_report_with_any_number_of_processes() -> None:
    scenario = random_day()
    assert report(scenario, run_all(scenario)) == report(scenario, run_all(scenario, jobs=2))


def test_progress_counts_runs_and_calls() -> None:
    seen: list[tuple[int, int, int]] = []
    run_all(random_day(), progress=lambda *numbers: seen.append(numbers))
    assert [done for done, _, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1][1] == 6
    assert seen[-1][2] >= 6 * 400


def test_hours_of_the_day_are_those_of_the_zone() -> None:
    """A start in a zone of its own gives the same waits: nothing depends on what the clock shows."""
    start = datetime(2026, 10, 24, 23, 30, tzinfo=ZoneInfo("Europe/Berlin"))  # the clock goes back at 3:00
    utc, berlin = a_day(0, 10, 5 * 3600.0, 5 * 3600.0 + 10, hours=8.0), None
    berlin = replace(utc, start=start)
    assert run(utc)[0].calls.wait_s == run(berlin)[0].calls.wait_s


def test_arrivals_may_be_of_any_kind() -> None:
    kinds: list[Arrivals] = [Rate(60.0), Instants((1.0, 2.0))]
    for kind in kinds:
        scenario = a_day(0, calls=2, hours=None)
        record, _ = run(replace(scenario, callers=(replace(scenario.callers[0], arrivals=kind),)))
        assert len(record.calls.outcome) == 2
