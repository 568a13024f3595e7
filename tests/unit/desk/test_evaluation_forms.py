"""Forms in a desk file: what is read, and what each mistake is answered with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cti.desk.load import check_desk
from cti.desk.schema import Desk
from cti.domain.errors import ConfigError
from cti.domain.evaluation import Answer, score
from cti.tomlfile import TomlFile
from routing.calendar import problems_in
from tests.unit.desk.test_load import MINIMAL, accept_menu

PAGE = Path(__file__).parents[3] / "docs" / "evaluations.md"
(EXAMPLE,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def read(more: str) -> Desk:
    return check_desk(TomlFile("desk.toml", MINIMAL + more), accept_menu, problems_in)


def test_the_example_of_the_page_can_be_scored_on() -> None:
    (said,) = read(EXAMPLE).tenants["demo"].evaluation_forms
    form = said.form()
    assert [question.id for question in form.questions] == ["greeting", "verified", "solved"]
    assert (form.questions[1].fails_whole, form.questions[1].may_be_na, form.questions[2].steps) == (True, False, 5)
    best = {question.id: Answer(value=question.steps) for question in form.questions}
    assert score(form, best).tenths == 1000


@pytest.mark.parametrize(
    ("was", "becomes", "key", "says"),
    [
        ('id = "solved"', 'id = "greeting"', "sections[2].questions[1].id", "'greeting' is there twice"),
        ("steps = 2\nlabels", "steps = 3\nlabels", "sections[1].questions[1].labels", "has 3 steps and 2 labels"),
        ("weight = 3", "weight = 0", "sections[2].weight", "1 to 100"),
        ("weight = 2", 'weight = "2"', "sections[2].questions[1].weight", "0 to 100"),
        ("dispute_days = 7", "dispute_days = 365", "evaluation_forms[1].dispute_days", "0 to 90"),
        ("fails_whole = true", "fail_whole = true", "fail_whole", "fails_whole"),
    ],
)  # fmt: skip
def test_each_mistake_names_its_place_and_what_to_write(was: str, becomes: str, key: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(EXAMPLE.replace(was, becomes, 1))
    (problem,) = caught.value.problems
    assert re.match(r"desk\.toml:\d+", problem), problem
    assert key.replace("[", ".").replace("]", "").split(".")[-1] in problem, problem
    assert says in problem, problem


def test_two_forms_of_one_id_are_refused() -> None:
    with pytest.raises(ConfigError, match="'members' is declared twice"):
        read(EXAMPLE + EXAMPLE)
