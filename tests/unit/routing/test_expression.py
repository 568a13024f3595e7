"""Expressions: what they match, what they refuse, and that they survive being written down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.errors import ConfigError
from cti.domain.model import AgentId, SkillId, SkillLevel
from routing.expression import (
    EVERYBODY,
    AllOf,
    AnyOf,
    Expression,
    Has,
    Named,
    Not,
    from_data,
    needs,
    only_named,
    to_data,
)

SKILLS = frozenset(SkillId(name) for name in ("ja", "en", "roadside"))
AGENTS = frozenset(AgentId(name) for name in ("sato", "smith", "suzuki"))

leaves = st.one_of(
    st.builds(Has, st.sampled_from(sorted(SKILLS)), st.integers(1, 5)),
    st.builds(Named, st.frozensets(st.sampled_from(sorted(AGENTS)))),
)
expressions: st.SearchStrategy[Expression] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(AllOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)
staff = st.dictionaries(st.sampled_from(sorted(SKILLS)), st.integers(1, 5))


def obvious(expression: Expression, agent: AgentId, skills: dict[SkillId, int]) -> bool:
    """The definition, once more, from the data form."""
    match to_data(expression):
        case {"skill": skill, "level": level}:
            return skill in skills and skills[skill] >= level
        case {"agents": names}:
            return agent in names
    match expression:
        case AllOf(parts):
            return min((obvious(part, agent, skills) for part in parts), default=True)
        case AnyOf(parts):
            return max((obvious(part, agent, skills) for part in parts), default=False)
        case Not(part):
            return not obvious(part, agent, skills)
    raise AssertionError(expression)


@given(expressions, st.sampled_from(sorted(AGENTS)), staff)
def test_fits_is_the_definition(expression: Expression, agent: AgentId, skills: dict[SkillId, int]) -> None:
    assert expression.fits(agent, skills) == obvious(expression, agent, skills)


@given(expressions)
def test_data_and_back(expression: Expression) -> None:
    assert from_data(to_data(expression), where="plan", skills=SKILLS, agents=AGENTS) == expression


@given(expressions, staff)
def test_only_named_leaves_nobody_out(expression: Expression, skills: dict[SkillId, int]) -> None:
    names = only_named(expression)
    if names is not None:
        assert {agent for agent in AGENTS if expression.fits(agent, skills)} <= names


def level(skill: str, least: int) -> SkillLevel:
    return SkillLevel(skill=SkillId(skill), level=least)


def test_needs_takes_the_higher_level_and_any_order() -> None:
    queue, menu = (level("ja", 1), level("roadside", 2)), (level("ja", 3),)
    assert needs(queue, menu) == needs(reversed(menu), reversed(queue))
    assert needs(queue, menu) == AllOf((Has(SkillId("ja"), 3), Has(SkillId("roadside"), 2)))
    assert needs() == EVERYBODY
    assert needs([level("en", 3)]) == Has(SkillId("en"), 3)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"skill": "golf"}, "plan: there is no skill 'golf'"),
        ({"skill": "en", "level": 6}, "plan: level is 6"),
        ({"skill": "en", "level": True}, "plan: level is True"),
        ({"skill": "en", "levle": 3}, "plan: {'skill': 'en', 'levle': 3} is no expression"),
        ({"all": [{"any": [{"skill": "golf"}]}]}, "plan.all[0].any[0]: there is no skill 'golf'"),
        ({"agents": ["sato", "nobody"]}, "plan: there is no agent 'nobody'"),
        ({"agents": [["sato"]]}, "plan: there is no agent ['sato']"),
        ("en >= 3", "plan: 'en >= 3' is no expression"),
        ({"any": [{"skill": "en"}] * 65}, "plan.any: 65 parts"),
        (None, "plan: None is no expression"),
    ],
)
def test_refuses_and_names_the_place(data: object, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_data(data, where="plan", skills=SKILLS, agents=AGENTS)
    assert any(problem.startswith(said) for problem in caught.value.problems)


def test_refuses_deep_nesting_and_shows_every_problem() -> None:
    deep: object = {"skill": "en"}
    for _ in range(200):
        deep = {"not": deep}
    with pytest.raises(ConfigError) as caught:
        from_data({"all": [deep, {"skill": "golf"}]}, where="p", skills=SKILLS, agents=AGENTS)
    assert len(caught.value.problems) == 2
