"""FILEs of route simulate: what is read, and what is said about what cannot be."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from cti.cli.simulation_file import FOR_EVER_S, read_scenario
from cti.domain.errors import ConfigError
from cti.tomlfile import TomlFile
from routing.simulation import model as s

EXAMPLES = Path(__file__).parents[3] / "docs" / "simulations"

GOOD = """\
waiting_places = 30

[simulation]
seed = 7
replications = 4
hours = 8
warm_up = 1
start = 2026-07-18T08:00:00+09:00
within_s = [20, 60]

[[callers]]
queue = "members"
rate_per_h = 60
talk = { lognormal_s = 300, cv = 0.8 }
patience = { exponential_s = 120 }

[[callers]]
name = "drivers"
queue = "roadside"
at_s = [1, 2.5, 60]
talk = { list_s = [10, 20] }
skills = { en = 2 }

[[queues]]
id = "members"
wrap_up_s = 15
steps = [{ want = { agents = ["day-1"] }, expires_s = 15 }, { expires_s = 60 }]

[[queues]]
id = "roadside"
skills = { roadside = 2 }
priority = 5
max_length = 9

[[agents]]
group = "day"
count = 3
skills = { roadside = 3, en = 2 }
at_work_h = [[0, 4], [5, 9]]

[[plans]]
name = "now"

[[plans]]
name = "fewer"
policy = "own_skill_first"

[[plans.queues]]
id = "members"
priority = 2

[[plans.agents]]
group = "day"
count = 1
skills = { roadside = 3, en = 2 }
"""


def read(text: str, **more: bool) -> s.Scenario:
    return read_scenario(TomlFile("desk.toml", text), **more)


def complaints(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return "\n".join(caught.value.problems)


def test_a_whole_file() -> None:
    scenario = read(GOOD)
    assert (scenario.seed, scenario.replications, scenario.hours, scenario.warm_up) == (7, 4, 8, 1)
    assert scenario.start == datetime(2026, 7, 18, 8, tzinfo=timezone(timedelta(hours=9)))
    members, drivers = scenario.callers
    assert (members.name, members.arrivals) == ("members", s.Rate(60))
    assert (members.talk, members.patience) == (s.Lognormal(300, 0.8), s.Exponential(120))
    assert (drivers.arrivals, drivers.talk) == (s.Instants((1, 2.5, 60)), s.Listed((10, 20)))
    assert [(skill.skill, skill.level) for skill in drivers.skills] == [("en", 2)]


def test_plans_are_the_file_with_changes() -> None:
    now, fewer = read(GOOD).plans
    assert [rule.priority for rule in now.queues] == [0, 5]
    assert [rule.priority for rule in fewer.queues] == [2, 5]
    assert (now.waiting_places, fewer.waiting_places, now.queues[1].max_length) == (30, 30, 9)
    assert [plan.policy for plan in (now, fewer)] == [s.Policy.OLDEST, s.Policy.OWN_SKILL_FIRST]
    assert [staff.count for staff in now.staff + fewer.staff] == [3, 1]
    assert list(now.staff[0].at_work) == [(0, 4 * 3600), (5 * 3600, 9 * 3600)]
    assert fewer.queues[0].wrap_up_s == 15  # what is not changed stays
    assert len(fewer.queues[0].steps) == 2
    assert (now.queues[0].max_wait_s, now.queues[0].nobody_wait) == (FOR_EVER_S, True)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_can_be_read(path: Path) -> None:
    assert read_scenario(TomlFile.read(path)).callers


@pytest.mark.parametrize(
    ("was", "becomes", "sentence"),
    [
        ("seed = 7", "sead = 7", "desk.toml:4: simulation.sead: unknown key; did you mean 'seed'?"),
        ("hours = 8", "calls = 9\nhours = 8", "desk.toml:3: simulation: write either calls or hours"),
        ("hours = 8\n", "", "desk.toml:3: simulation: write either calls or hours"),
        ("2026-07-18T08:00:00+09:00", "2026-07-18T08:00:00", "simulation.start: has no offset; write e.g. 2026"),
        ("rate_per_h = 60", "", "callers[0]: write exactly one of rate_per_h, rate_per_h_by_hour and at_s"),
        ("rate_per_h = 60", "rate_per_h = 0", "callers[0].rate_per_h: nobody would ever call; write a rate above 0"),
        ("rate_per_h = 60", "rate_per_h_by_hour = [1, 2]", "24 numbers: calls an hour from 0:00"),
        ("rate_per_h = 60", "rate_per_h = -1", "desk.toml:13: callers[0].rate_per_h: "),
        ('queue = "roadside"', 'queue = "roadsid"', "there is no queue 'roadsid'; did you mean 'roadside'?"),
        ("at_s = [1, 2.5, 60]", "at_s = [1, 0.5]", "desk.toml:20: callers[1].at_s: goes back in time"),
        ("{ lognormal_s = 300, cv = 0.8 }", "{ lognormal_s = 300 }", "callers[0].talk: write one of { exponential_s"),
        ("{ exponential_s = 120 }", "{ fixed_s = 1, list_s = [2] }", "callers[0].patience: write one of"),
        ("list_s = [10, 20]", "list_s = []", "callers[1].talk.list_s"),
        ('name = "drivers"', 'name = "members"', "callers[1].name: 'members' is there twice; write a name of its own"),
        ("roadside = 2 }", "roadside = 4 }", "queues[1].skills: no agent has roadside ≥ 4; give it to a group"),
        ("[5, 9]", "[3, 9]", "agents[0].at_work_h: write pairs of growing hours"),
        ('["day-1"]', '["day-9"]', "desk.toml:27: queues[0].steps[0].want: there is no agent 'day-9'"),
        ("expires_s = 60", "expires_s = 5", "queues[0].steps[1].expires_s: write seconds from entry, more than 15"),
        ("count = 3", "count = 30000", "agents[0].count: "),
        ('id = "members"\npriority', 'id = "member"\npriority', "plans[1].queues[0].id: there is no queue 'member'"),
        ("priority = 2", "priorty = 2", "plans[1].queues[0].priorty: unknown key; did you mean 'priority'?"),
        ('name = "fewer"', 'name = "now"', "plans[1].name: 'now' is there twice"),
        ('"own_skill_first"', '"random"', '"oldest" or "own_skill_first"'),
    ],
)
def test_every_mistake_is_told_with_its_place_and_a_way_out(was: str, becomes: str, sentence: str) -> None:
    assert was in GOOD
    assert sentence in complaints(GOOD.replace(was, becomes, 1))


def test_all_mistakes_are_told_at_once() -> None:
    said = complaints(GOOD.replace("hours = 8\n", "").replace("[5, 9]", "[3, 9]").replace("[1, 2.5, 60]", "[1, 0]"))
    assert len(said.splitlines()) >= 3


def test_callers_may_be_missing_only_when_they_come_from_elsewhere() -> None:
    bare = "[simulation]\n[[queues]]\nid = 'q'\n[[agents]]\ngroup = 'g'\ncount = 1\n"
    assert read(bare, replayed=True).callers == ()
    assert "callers: is missing; write a [[callers]] table" in complaints(bare)
