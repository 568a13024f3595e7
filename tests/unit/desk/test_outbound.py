"""The desk file's rules for dialling out: what is wrong is told with what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.desk.load import check_desk
from cti.desk.outbound import pointless
from cti.desk.schema import Desk
from cti.domain.callbacks import may_have_dialled
from cti.domain.errors import ConfigError
from cti.tomlfile import TomlFile
from routing.calendar import problems_in
from tests.unit.desk.test_load import MINIMAL, accept_menu

NUMBER = 'number = "+81501234500"'


def read(rules: str) -> Desk:
    return check_desk(TomlFile("desk.toml", f"{MINIMAL}\n[tenants.demo.outbound]\n{rules}\n"), accept_menu, problems_in)


def test_a_number_is_enough() -> None:
    rules = read(NUMBER).tenants["demo"].outbound
    assert rules is not None
    assert (rules.prefixes, rules.calendar, rules.per_agent_hour, rules.per_hour) == ((), None, 30, 300)


@pytest.mark.parametrize(
    ("rules", "answer"),
    [
        ('number = "+81501234509"', "number: no number '+81501234509'; did you mean '+81501234500'?"),
        (f'{NUMBER}\ncalendar = "office"', "calendar: no calendar 'office'"),
        (
            f'{NUMBER}\nprefixes = ["090", "0990"]',
            "'0990' lets nothing in: premium numbers are never dialled; leave it",
        ),
        (f'{NUMBER}\nprefixes = ["0570"]', "'0570' lets nothing in: navi-dial numbers"),
        (f'{NUMBER}\nprefixes = ["010"]', "'010' lets nothing in: numbers abroad are never dialled"),
        (f'{NUMBER}\nprefixes = ["0180"]', "'0180' lets nothing in: no number that may be dialled begins so"),
        (f'{NUMBER}\nprefixes = ["110"]', "national digits that a number may begin with"),
        (f"{NUMBER}\nper_agent_hour = -1", "numbers, 0 to 1000"),
        ("per_hour = 10", "one of the desk's own numbers"),
    ],
)
def test_each_mistake_is_answered_with_advice(rules: str, answer: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(rules)
    (problem,) = caught.value.problems
    assert answer in problem
    assert "outbound" in problem


@given(st.from_regex(r"\A0[0-9]{0,10}\Z"), st.from_regex(r"\A[0-9]{11}\Z"))
def test_a_prefix_that_lets_something_in_is_never_called_pointless(prefix: str, rest: str) -> None:
    whole = [(prefix + rest)[:length] for length in (10, 11) if length >= len(prefix)]
    if any(may_have_dialled(number) for number in whole):
        assert pointless(prefix) is None
