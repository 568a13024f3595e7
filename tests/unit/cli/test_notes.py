"""What `config check` says of plans, of skills that nobody has, of hours that a change of the clock moves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cti.cli.notes import desk_notes
from cti.desk.load import check_desk
from cti.domain.errors import ConfigError
from cti.tomlfile import TomlFile
from routing.calendar import problems_in

EXAMPLE = Path("examples/desk.toml").read_text("utf-8")


def no_menu_check(menu: Mapping[str, Any], *_: object) -> Mapping[str, Any]:
    return menu


def notes(plan: str = "[]", more: str = "", *, text: str = EXAMPLE) -> list[str]:
    text = text.replace('id = "english"\n', f'id = "english"\nplan = {plan}\n') + more
    file = TomlFile("desk.toml", text)
    return desk_notes(check_desk(file, no_menu_check, problems_in), file, date(2026, 9, 1))


PLAN_LINE = EXAMPLE[: EXAMPLE.index('id = "english"')].count("\n") + 2


def test_the_example_has_nothing_to_warn_of() -> None:
    assert notes() == []


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ('[{ want = { skill = "golf" }, expires_s = 5 }]', "[0].want: there is no skill 'golf'"),
        ('[{ want = { agents = ["nobody"] } }]', "[0].want: there is no agent 'nobody'"),
        ('{ template = "bullseye" }', ".template: 'bullseye' is none"),
    ],
)
def test_what_does_not_exist_is_refused_with_its_place(plan: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        notes(plan)
    assert caught.value.problems[0].startswith(f"desk.toml:{PLAN_LINE}: tenants.demo.queues[2].plan{said}")


def test_a_step_that_nobody_could_take_is_a_warning() -> None:
    contradiction = '[{ want = { all = [{ skill = "en" }, { not = { skill = "en" } }] }, expires_s = 5 }]'
    (warning,) = notes(contradiction)
    assert warning.startswith(f"desk.toml:{PLAN_LINE}: tenants.demo.queues[2].plan[0].want: no agent of this desk fits")


def test_a_profile_of_the_file_is_known() -> None:
    profiles = '\n[[tenants.demo.profiles]]\nid = "night"\ndelays = { english = 20 }\n'
    (warning,) = notes('[{ want = { profile = "night" }, expires_s = 5 }]', profiles)
    assert "no agent of this desk fits" in warning


def test_a_queue_whose_skills_nobody_has_is_a_note() -> None:
    (note,) = notes(text=EXAMPLE.replace("skills = { en = 3 }", "skills = { en = 3, billing = 5 }"))
    assert "tenants.demo.queues[2].skills: no agent of this desk has the queue's own skills" in note
    assert note.startswith("desk.toml:")


def test_a_menu_that_asks_for_what_nobody_has_is_a_note() -> None:
    (note,) = notes(text=EXAMPLE.replace("skills = { billing = 2 }", "skills = { billing = 5 }"))
    line = EXAMPLE[: EXAMPLE.index("skills = { billing = 2 }")].count("\n") + 2  # with the plan of `notes`
    assert note.startswith(f"desk.toml:{line}: tenants.demo.menus[0].nodes[8].skills: ")
    assert "those of the queue 'english'" in note and "give one agent all of them" in note


def test_hours_that_a_change_of_the_clock_moves_are_notes() -> None:
    night = """
[[tenants.demo.calendars]]
id = "night"
time_zone = "Europe/Berlin"
holidays = "none"
weekly = { sun = ["02:15-02:45"] }
"""
    found = notes(more=night)
    assert [note.split(": ", 2)[2].split(";")[0] for note in found] == [
        "02:15 on 2026-10-25 comes twice on the clocks of Europe/Berlin: opens at the first of them",
        "02:45 on 2026-10-25 comes twice on the clocks of Europe/Berlin: closes at the last of them",
        "02:15 on 2027-03-28 is skipped by the clocks of Europe/Berlin: opens at 03:00, when they change",
        "02:45 on 2027-03-28 is skipped by the clocks of Europe/Berlin: closes at 03:00, when they change",
    ]
    assert all("tenants.demo.calendars[0].weekly.sun" in note for note in found)
    assert notes(more=night.replace("Europe/Berlin", "Asia/Tokyo")) == []
