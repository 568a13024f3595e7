"""Reason codes in a desk file: a tree told from the top down, and what each mistake is answered with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cti.desk.load import check_desk
from cti.desk.schema import Desk
from cti.domain.aftercall import Reason, choosable
from cti.domain.errors import ConfigError
from cti.tomlfile import TomlFile
from routing.calendar import problems_in
from tests.unit.desk.test_load import MINIMAL, accept_menu

PAGE = Path(__file__).parents[3] / "docs" / "aftercall.md"


def read(more: str) -> Desk:
    return check_desk(TomlFile("desk.toml", MINIMAL + more), accept_menu, problems_in)


def reason(name: str, parent: str | None = None) -> str:
    above = "" if parent is None else f'parent = "{parent}"\n'
    return f'[[tenants.demo.reasons]]\nid = "{name}"\n{above}name = {{ ja = "{name}", en = "{name}" }}\n'


def test_the_example_of_the_page_is_accepted() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    tenant = read(example).tenants["demo"]
    assert [one.id for one in tenant.reasons] == ["car", "unlock", "puncture", "other"]
    assert tenant.queues[-1].reason_required


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        (reason("car") + reason("unlock", "cra"), "no reason 'cra'; did you mean 'car'?"),
        (reason("unlock", "car") + reason("car"), "'car' stands below; write it above 'unlock'"),
        (reason("car", "car"), "'car' is its own parent; leave it out, or name another"),
        (
            reason("a") + reason("b", "a") + reason("c", "b") + reason("d", "c") + reason("e", "d"),
            "'e' would be 5 deep; 4 is the most",
        ),
        (reason("car") + reason("car"), "'car' is declared twice; give one of them another id"),
        (
            '[[tenants.demo.queues]]\nid = "night"\nname = { ja = "夜間", en = "Night" }\nreason_required = true\n',
            "the desk has no reasons; write some [[tenants.NAME.reasons]]",
        ),
    ],
)
def test_each_mistake_names_its_place_and_what_to_do(more: str, answer: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(more)
    (problem,) = caught.value.problems
    assert problem.startswith("desk.toml:")
    assert problem.endswith(answer), problem


def test_what_can_be_chosen_has_nothing_below_it_and_is_in_force() -> None:
    def one(name: str, parent: str | None, *, active: bool = True) -> Reason:
        return Reason(reason=name, parent=parent, name_ja=name, name_en=name, active=active)

    tree = [one("car", None), one("unlock", "car"), one("old", "car", active=False), one("billing", None)]
    assert choosable(tree) == {"unlock", "billing"}
    assert choosable([one("car", None), one("old", "car", active=False)]) == {"car"}
