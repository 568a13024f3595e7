"""What verifies callers, in a desk file: the page's example, and what each mistake is answered with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cti.desk.load import check_desk
from cti.desk.schema import Desk
from cti.domain.errors import ConfigError
from cti.tomlfile import TomlFile
from routing.calendar import problems_in
from tests.unit.desk.test_load import MINIMAL, accept_menu

PAGE = Path(__file__).parents[3] / "docs" / "callers.md"


def read(more: str) -> Desk:
    return check_desk(TomlFile("desk.toml", MINIMAL + more), accept_menu, problems_in)


def policy(name: str, rest: str = "needed = 1", *, steps: tuple[str, ...] = ("birthday",)) -> str:
    written = ", ".join(f'{{ id = "{one}", name = {{ ja = "問", en = "Q" }} }}' for one in steps)
    return f'[[tenants.demo.verifications]]\nid = "{name}"\nsteps = [{written}]\n{rest}\n'


def test_the_example_of_the_page_is_accepted() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = read(example).tenants["demo"].verifications
    assert [step.id for step in found.steps] == ["birthday", "licence", "address"]
    assert (found.needed, found.failures_most, found.queues) == (2, 0, ())


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        (policy("a", "needed = 2"), "2 can never pass of 1; write at most that"),
        (policy("a", steps=("x", "x")), "two steps are 'x'; give each an id of its own"),
        (policy("a") + policy("b"), "queues that nobody names have a policy already: 'a'"),
        (policy("a", 'needed = 1\nqueues = ["nowhere"]'), "no queue 'nowhere'; known: members"),
        (policy("a") + policy("a", 'needed = 1\nqueues = ["members"]'), "'a' is declared twice"),
    ],
)
def test_each_mistake_names_its_place_and_what_to_do(more: str, answer: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(more)
    assert any(answer in problem for problem in caught.value.problems), caught.value.problems
    assert all(problem.startswith("desk.toml:") for problem in caught.value.problems)
