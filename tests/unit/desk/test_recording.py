from __future__ import annotations

import pytest

from cti.desk.load import check_desk
from cti.desk.schema import Desk
from cti.domain.errors import ConfigError
from cti.tomlfile import TomlFile
from routing.calendar import problems_in
from tests.unit.desk.test_load import MINIMAL, accept_menu


def read(*rules: str) -> Desk:
    text = "".join(f"\n[[tenants.demo.recording]]\n{rule}\n" for rule in rules)
    return check_desk(TomlFile("desk.toml", f"{MINIMAL}\n{text}"), accept_menu, problems_in)


def test_rules_are_read_in_order() -> None:
    desk = read('record = "never"\nanswer = "consent:2"', 'record = "on_demand"')
    assert [rule.record for rule in desk.tenants["demo"].recording] == ["never", "on_demand"]


@pytest.mark.parametrize(
    ("rules", "answer"),
    [
        (['queue = "members"'], '"always", "on_demand" or "never"'),
        (['record = "never"\nqueue = "nowhere"'], "no queue 'nowhere'"),
        (['record = "never"\nagent = "nobody"'], "no agent 'nobody'"),
        (['record = "never"\nanswer = "two"'], "a node and its keys"),
        (['record = "never"', 'record = "always"'], "put it last"),
    ],
)
def test_each_mistake_is_answered_with_advice(rules: list[str], answer: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(*rules)
    (problem,) = caught.value.problems
    assert answer in problem
