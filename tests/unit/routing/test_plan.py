"""Plans as data."""

from __future__ import annotations

import pytest

from cti.domain.errors import ConfigError
from cti.domain.model import AgentId, QueueId, SkillId
from routing.expression import AllOf, AnyOf, Expression, Has, InProfile, Named, Not, Own, needs
from routing.model import AgentRule, Delay, QueueRule, Step
from routing.plan import Stretch, nobody_for, steps_from_data, stretches
from routing.reading import Known
from tests.unit.routing.reference import skills

SATO, MORI = AgentId("sato"), AgentId("mori")
JA, EN, VIP = SkillId("ja"), SkillId("en"), SkillId("vip")
KNOWN = Known(skills=frozenset({JA, EN, VIP}), agents=frozenset({SATO, MORI}), profiles=frozenset({"night"}))


def read(data: object) -> tuple[Step, ...]:
    return steps_from_data(data, where="steps", known=KNOWN)


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
        ([{"expires_s": True}], "steps[0].expires_s: write seconds"),
        ([{"expires_s": 90000}], "steps[0].expires_s: write seconds from entry, more than 0 and at most 86400"),
        ([{"want": None}] * 13, "steps: 13 steps; write at most 12"),
        ({"template": "bullseye"}, "steps.template: 'bullseye' is none; write one of: agents, language, last_agent"),
        ({"template": "last_agent"}, "steps.wait_s: missing; write seconds"),
        ({"template": "last_agent", "wait_s": 0}, "steps.wait_s: write seconds"),
        ({"template": "last_agent", "wait_s": 9, "agent": "x"}, "steps.agent: not a key of template 'last_agent'"),
        ({"template": "agents", "agents": ["x"], "wait_s": 9}, "steps[0].want: there is no agent 'x'"),
        ({"template": "vip", "skill": "golf", "level": 2, "wait_s": 9}, "steps[0].want.all[1]: there is no skill"),
        ({"template": "widening", "rings": [], "every_s": 9}, "steps.rings: write 1 to 6 rings"),
        ({"template": "widening", "rings": [{"en": 7}], "every_s": 9}, "steps.rings: write 1 to 6 rings"),
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


# --- What a plan means for one call ----------------------------------------------------------------


def queue(data: object, *delays: Delay, **own: int) -> QueueRule:
    return QueueRule(queue=QueueId("q"), skills=skills(**own), steps=read(data), delays=delays)


def way(rule: QueueRule, language: str | None = None, last_agent: AgentId | None = None) -> list[Stretch]:
    return list(stretches(rule, skills(ja=2), language, last_agent))


OWN = needs(skills(en=1, ja=2))


@pytest.mark.parametrize(
    ("template", "language", "meant"),
    [
        ({"template": "plain"}, "ja", [Stretch(OWN, None, 1)]),
        (
            {"template": "widening", "rings": [{"en": 4, "vip": 1}, {"en": 2}], "every_s": 15},
            "ja",
            [
                Stretch(AllOf((Has(EN, 4), Has(VIP, 1))), 15, 1),
                Stretch(AnyOf((AllOf((Has(EN, 4), Has(VIP, 1))), Has(EN, 2))), 30, 2),
                Stretch(Has(EN, 1), None, 3),
            ],
        ),
        (
            {"template": "last_agent", "wait_s": 20},
            "ja",
            [Stretch(Named(frozenset({MORI})), 20, 1), Stretch(OWN, None, 2)],
        ),
        (
            {"template": "agents", "agents": ["sato"], "wait_s": 20.5},
            "ja",
            [Stretch(Named(frozenset({SATO})), 20.5, 1), Stretch(OWN, None, 2)],
        ),
        (
            {"template": "vip", "skill": "vip", "level": 3, "wait_s": 20},
            "ja",
            [Stretch(AllOf((Has(EN, 1), Has(JA, 2), Has(VIP, 3))), 20, 1), Stretch(OWN, None, 2)],
        ),
        (
            {"template": "language", "level": 4, "wait_s": 20},
            "en",
            [Stretch(AllOf((Has(EN, 1), Has(JA, 2), Has(EN, 4))), 20, 1), Stretch(OWN, None, 2)],
        ),
        ({"template": "language", "level": 4, "wait_s": 20}, "fr", [Stretch(OWN, 20, 1), Stretch(OWN, None, 2)]),
    ],
)
def test_templates_are_plans(template: object, language: str, meant: list[Stretch]) -> None:
    assert way(queue(template, en=1), language, MORI) == meant


def test_delays_hold_a_profile_back_until_they_are_over() -> None:
    night, day = Not(InProfile("night")), Not(InProfile("day"))
    rule = queue(
        [{"want": {"skill": "en"}, "expires_s": 30}],
        Delay(profile="night", delay_s=10),
        Delay(profile="day", delay_s=40),
        ja=1,
    )
    assert way(rule) == [
        Stretch(AllOf((Has(EN, 1), day, night)), 10, 1),
        Stretch(AllOf((Has(EN, 1), day)), 30, 1),
        Stretch(AllOf((Has(JA, 1), day)), 40, 2),
        Stretch(Has(JA, 1), None, 2),
    ]


def test_a_delay_that_ends_with_a_step_makes_no_empty_part() -> None:
    rule = queue([{"want": {"skill": "en"}, "expires_s": 10}], Delay(profile="night", delay_s=10))
    assert [part.until_s for part in way(rule)] == [10, None]


def test_who_is_named_is_not_held_back() -> None:
    rule = queue({"template": "agents", "agents": ["sato"], "wait_s": 20}, Delay(profile="night", delay_s=30))
    assert way(rule)[0] == Stretch(Named(frozenset({SATO})), 20, 1)
    assert [(part.until_s, part.number) for part in way(rule)] == [(20, 1), (30, 2), (None, 2)]


# --- Who could never be asked ----------------------------------------------------------------------

STAFF = [AgentRule(agent=SATO, skills={JA: 3}), AgentRule(agent=MORI, skills={JA: 1, EN: 2}, profile="night")]


@pytest.mark.parametrize(
    ("want", "can"),
    [
        (Has(EN, 2), True),
        (Has(EN, 3), False),
        (AllOf((Has(JA, 2), Not(Has(JA, 1)))), False),
        (AllOf((Has(JA, 3), InProfile("night"))), False),
        (AnyOf(()), False),
        (Own(), True),
    ],
)
def test_a_step_that_nobody_could_take_is_named(want: Expression, can: bool) -> None:
    rule = QueueRule(queue=QueueId("q"), skills=skills(ja=1), steps=(Step(want=want, expires_s=5),))
    found = nobody_for(rule, STAFF, where="steps")
    assert found == ([] if can else ["steps[0].want: no agent of this desk fits; callers pass this step over"])


@pytest.mark.parametrize("data", [{"last_agent": True}, {"not": {"last_agent": True}}, {"language": 2}])
def test_what_depends_on_the_call_may_well_find_somebody(data: object) -> None:
    rule = queue([{"want": data, "expires_s": 5}], ja=1)
    assert nobody_for(rule, STAFF, where="steps") == []


def test_a_queue_whose_own_skills_nobody_has_is_named() -> None:
    assert nobody_for(queue([], vip=1), STAFF, where="q.steps") == [
        "q.steps: no agent of this desk has the queue's own skills; its callers end up with nobody",
    ]
