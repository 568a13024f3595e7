"""Calendars, treatments and overflow in a desk file: what is accepted, and what each mistake is answered with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cti.desk.load import check_desk
from cti.desk.queues import treatments_of
from cti.desk.schema import Desk
from cti.domain.errors import ConfigError
from cti.tomlfile import TomlFile
from routing.calendar import calendar_from_data, problems_in
from tests.unit.desk.test_load import MINIMAL, accept_menu

PAGE = Path(__file__).parents[3] / "docs" / "queues.md"
OFFICE = """
[[tenants.demo.calendars]]
id = "office"
weekly = { mon = ["10:00-19:00"] }
"""
TWO = """
[[tenants.demo.queues]]
id = "night"
name = { ja = "夜間", en = "Night" }
calendar = "office"
max_length = 5
"""


def read(more: str) -> Desk:
    return check_desk(TomlFile("desk.toml", MINIMAL + more), accept_menu, problems_in)


def complaints(more: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(more)
    return caught.value.problems


def test_the_example_of_the_page_is_accepted() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    tenant = read(example).tenants["demo"]
    lease = tenant.queues[-1]
    assert {why: treatment.do for why, treatment in treatments_of(lease).items()} == {
        "closed": "voicemail",
        "full": "hang_up",
        "waited_too_long": "queue",
    }
    office = calendar_from_data(tenant.calendars[0].model_dump(mode="json"), zone=tenant.time_zone)
    assert [days.name[1] for days in office.days] == ["Stocktaking", "New Year"]


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        (
            'calendar = "ofice"',
            "desk.toml:36: tenants.demo.queues[1].calendar: no calendar 'ofice'; did you mean 'office'?",
        ),
        ("max_length = -1", "write waiting places, 0 to 10000; leave it out: no limit"),
        ('when_closed = { do = "queue" }', 'do = "queue" needs a queue to go to; write to = "…"'),
        ('when_closed = { do = "queue", to = "membres" }', "no queue 'membres'; did you mean 'members'?"),
        ('when_closed = { do = "voicemail", to = "members" }', "do = 'voicemail' goes nowhere; leave it out"),
        ('when_closed = { do = "hang_up" }', 'do = "hang_up" needs words'),
        ('when_closed = { do = "message", text = { ja = "一", en = "x" } }', 'write do = "hang_up" for yours'),
        ('when_closed = { do = "dance" }', 'write "message" (standard words), "hang_up"'),
        ('when_closed = { do = "hang_up", text = { ja = "一" } }', "text.en: is missing"),
        ('overflow = { to = "members" }', "never happens; write after_s, expected_s or both"),
        ('overflow = { to = "members", after_s = 900 }', "after_s: comes after max_wait_s (900); write less"),
        ('overflow = { to = "member", after_s = 60 }', "no queue 'member'; did you mean 'members'?"),
        ("comfort = { every_s = 5 }", "comfort.every_s: write 0 (never) or at least 10"),
        ('overflow = { to = "night", after_s = 60 }', "round in circles: 'night' → 'night'; let one of them end"),
    ],
)
def test_each_mistake_is_answered_with_line_key_and_advice(more: str, answer: str) -> None:
    text = (
        TWO.replace('calendar = "office"\nmax_length = 5\n', "") if "calendar" in more or "max_length" in more else TWO
    )
    (problem,) = complaints(OFFICE + text + more + "\n")
    assert answer in problem, problem
    assert problem.startswith("desk.toml:")


def test_a_treatment_that_never_comes_is_a_mistake() -> None:
    queue = '\n[[tenants.demo.queues]]\nid = "night"\nname = { ja = "夜間", en = "Night" }\n'
    first, second = complaints(queue + 'when_closed = { do = "voicemail" }\nwhen_full = { do = "voicemail" }\n')
    assert "when_closed: the queue is always open; give it a calendar" in first
    assert "when_full: the queue is never full; give it a max_length" in second


def test_callers_are_not_sent_round_in_circles() -> None:
    ways = """
[[tenants.demo.queues]]
id = "a"
name = { ja = "甲", en = "A" }
overflow = { to = "b", after_s = 60 }

[[tenants.demo.queues]]
id = "b"
name = { ja = "乙", en = "B" }
when_nobody = { do = "queue", to = "c" }

[[tenants.demo.queues]]
id = "c"
name = { ja = "丙", en = "C" }
when_waited = { do = "queue", to = "a" }
"""
    (problem,) = complaints(ways)
    assert problem.startswith("desk.toml:32: tenants.demo.queues[1].overflow: callers would go round in circles: ")
    assert "'a' → 'b' → 'c' → 'a'" in problem
    assert read(ways.replace('when_waited = { do = "queue", to = "a" }', 'when_waited = { do = "voicemail" }'))


def test_calendars_that_overlap_are_told_with_their_line() -> None:
    days = """
[[tenants.demo.calendars.days]]
name = { ja = "年末年始", en = "New Year" }
first = "12-29"
last = "01-03"

[[tenants.demo.calendars.days]]
name = { ja = "棚卸", en = "Stocktaking" }
first = "12-31"
"""
    (problem,) = complaints(OFFICE + days)
    assert problem.startswith(
        "desk.toml:40: tenants.demo.calendars[0].days[1].first: '棚卸' and '年末年始' overlap on 12-31"
    )
    (hours,) = complaints(OFFICE.replace('["10:00-19:00"]', '["10:00-13:00", "12:00-19:00"]'))
    assert "desk.toml:31: tenants.demo.calendars[0].weekly.mon: '10:00-13:00' and '12:00-19:00' overlap" in hours


def test_a_calendar_declared_twice() -> None:
    (problem,) = complaints(OFFICE + OFFICE)
    assert "'office' is declared twice" in problem


def test_who_answers_by_itself_is_said_by_queue_and_agent() -> None:
    read_desk = read(TWO.replace("max_length = 5", "auto_answer_s = 2").replace('calendar = "office"\n', ""))
    assert [queue.auto_answer_s for queue in read_desk.tenants["demo"].queues][-1] == 2
    assert {agent.auto_answer for agent in read_desk.tenants["demo"].agents} <= {"queue"}
    (problem,) = complaints(OFFICE + TWO.replace("max_length = 5", "auto_answer_s = 16"))
    assert "auto_answer_s" in problem
    assert "whole seconds from 0 to 15" in problem
