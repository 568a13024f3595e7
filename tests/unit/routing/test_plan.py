"""Plans as data."""

from __future__ import annotations

import pytest

from cti.domain.errors import ConfigError
from cti.domain.model import AgentId, SkillId
from routing.expression import Has, Named
from routing.model import Step
from routing.plan import steps_from_data

SKILLS, AGENTS = frozenset({SkillId("en")}), frozenset({AgentId("sato")})


def read(data: object) -> tuple[Step, ...]:
    return steps_from_data(data, where="steps", skills=SKILLS, agents=AGENTS)


def test_a_plan() -> None:
    assert read(
        [
            {"want": {"agents": ["sato"]}, "expires_s": 10},
            {"want": {"skill": "en", "level": 3}, "expires_s": 30.5},
            {"want": None},
        ]
    ) == (
        Step(want=Named(frozenset({AgentId("sato")})), expires_s=10),
        Step(want=Has(SkillId("en"), 3), expires_s=30.5),
        Step(want=None, expires_s=None),
    )
    assert read([]) == ()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "steps: a plan is a list"),
        ([{"wants": 1}], "steps[0]: write"),
        (["x"], "steps[0]: write"),
        ([{"want": None}, {"want": None}], "steps[0].expires_s: only the last"),
        ([{"expires_s": 10}, {"expires_s": 10}], "steps[1].expires_s: write seconds from entry, more than 10"),
        ([{"expires_s": "10"}], "steps[0].expires_s: write seconds"),
        ([{"expires_s": -1}], "steps[0].expires_s: write seconds"),
        ([{"want": {"skill": "golf"}}], "steps[0].want: there is no skill 'golf'"),
    ],
)
def test_what_is_refused(data: object, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(data)
    assert any(problem.startswith(said) for problem in caught.value.problems)


def test_all_problems_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read([{"want": {"skill": "golf"}, "expires_s": "soon"}, {"want": 5}])
    assert len(caught.value.problems) == 3
