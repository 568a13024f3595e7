"""Expressions: what they match, what they refuse, and that they survive being written down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.errors import ConfigError
from cti.domain.model import AgentId, SkillId, SkillLevel
from routing.crowd import Staff
from routing.expression import (
    EVERYBODY,
    AllOf,
    AnyOf,
    Expression,
    Has,
    InProfile,
    Language,
    LastAgent,
    Named,
    Not,
    Own,
    both,
    needs,
    only_named,
    resolve,
    to_data,
)
from routing.model import AgentRule
from routing.reading import Known, from_data
from routing.state import Agent
from tests.unit.routing.reference import T0

KNOWN_PROFILES = ("day", "night")
SKILLS = frozenset(SkillId(name) for name in ("ja", "en", "roadside"))
AGENTS = frozenset(AgentId(name) for name in ("sato", "smith", "suzuki"))
KNOWN = Known(skills=SKILLS, agents=AGENTS, profiles=frozenset(KNOWN_PROFILES))

leaves = st.one_of(
    st.builds(Has, st.sampled_from(sorted(SKILLS)), st.integers(1, 5)),
    st.builds(Named, st.frozensets(st.sampled_from(sorted(AGENTS)), min_size=1)),
    st.builds(InProfile, st.sampled_from(KNOWN_PROFILES)),
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


people = st.builds(
    AgentRule, agent=st.sampled_from(sorted(AGENTS)), skills=staff, profile=st.sampled_from(["", *KNOWN_PROFILES])
)


def obvious(expression: Expression, who: AgentRule) -> bool:
    """The definition, once more, from the data form."""
    match to_data(expression):
        case {"skill": skill, "level": level}:
            return skill in who.skills and who.skills[skill] >= level
        case {"agents": names}:
            return who.agent in names
        case {"profile": profile}:
            return bool(who.profile == profile)
    match expression:
        case AllOf(parts):
            return min((obvious(part, who) for part in parts), default=True)
        case AnyOf(parts):
            return max((obvious(part, who) for part in parts), default=False)
        case Not(part):
            return not obvious(part, who)
    raise AssertionError(expression)


@given(expressions, people)
def test_fits_is_the_definition(expression: Expression, who: AgentRule) -> None:
    assert expression.fits(who) == obvious(expression, who)


@given(expressions, st.lists(people, max_size=12, unique_by=lambda who: who.agent))
def test_all_at_once_is_one_by_one(expression: Expression, who: list[AgentRule]) -> None:
    crowd, agents = Staff(), []
    for slot, rule in enumerate(who):
        agent = Agent(rule.agent, rule.skills, T0, slot, rule.profile)
        agent.slot = slot * 5  # with gaps, across bytes
        crowd.add(agent)
        agents.append(agent)
    found = expression.among(crowd)
    assert [agent for agent in agents if found >> agent.slot & 1] == [one for one in agents if expression.fits(one)]
    assert not found & ~crowd.everybody()


@given(expressions)
def test_data_and_back(expression: Expression) -> None:
    assert from_data(to_data(expression), where="plan", known=KNOWN) == expression


@pytest.mark.parametrize("want", [Own(), LastAgent(), Language(3, SKILLS), AllOf((Own(), Not(LastAgent())))])
def test_what_depends_on_the_call_is_written_and_read_and_fits_nobody_by_itself(want: Expression) -> None:
    assert from_data(to_data(want), where="plan", known=KNOWN) == want
    if not isinstance(want, AllOf):
        assert not want.fits(AgentRule(agent=AgentId("sato"), skills={}))
        assert want.among(Staff()) == 0


def test_resolve_fills_in_the_call() -> None:
    own, sato = needs([level("en", 2), level("ja", 1)]), AgentId("sato")
    assert resolve(Own(), own, "ja", None) == own
    assert resolve(LastAgent(), own, None, sato) == Named(frozenset({sato}))
    assert resolve(LastAgent(), own, None, None) == AnyOf(())
    assert resolve(Language(3, SKILLS), own, "en", None) == Has(SkillId("en"), 3)
    assert resolve(Language(3, SKILLS), own, "fr", None) == EVERYBODY
    assert resolve(AllOf((Own(), Language(4, SKILLS))), own, "en", None) == both(own, Has(SkillId("en"), 4))
    assert resolve(AllOf((Own(), EVERYBODY)), Has(SkillId("en"), 1), None, None) == Has(SkillId("en"), 1)
    assert resolve(AnyOf((LastAgent(), Own())), own, None, sato) == AnyOf((Named(frozenset({sato})), own))
    assert resolve(Not(LastAgent()), own, None, sato) == Not(Named(frozenset({sato})))


@given(expressions, people)
def test_only_named_is_about_those_who_are_named(expression: Expression, who: AgentRule) -> None:
    if only_named(expression):
        stranger = AgentRule(agent=AgentId("nobody"), skills=who.skills, profile=who.profile)
        assert not expression.fits(stranger)


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
        ({"agents": []}, "plan: nobody is named"),
        ({"profile": "noon"}, "plan: there is no profile 'noon'; there is: day, night"),
        ({"language": 0}, "plan: level is 0"),
        ({"own": False}, "plan: {'own': False} is no expression"),
        ({"agents": [["sato"]]}, "plan: there is no agent ['sato']"),
        ("en >= 3", "plan: 'en >= 3' is no expression"),
        ({"any": [{"skill": "en"}] * 65}, "plan.any: 65 parts"),
        (None, "plan: None is no expression"),
    ],
)
def test_refuses_and_names_the_place(data: object, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_data(data, where="plan", known=KNOWN)
    assert any(problem.startswith(said) for problem in caught.value.problems)


def test_refuses_deep_nesting_and_shows_every_problem() -> None:
    deep: object = {"skill": "en"}
    for _ in range(200):
        deep = {"not": deep}
    with pytest.raises(ConfigError) as caught:
        from_data({"all": [deep, {"skill": "golf"}]}, where="p", known=KNOWN)
    assert len(caught.value.problems) == 2
