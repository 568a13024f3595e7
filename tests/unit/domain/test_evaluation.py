"""What answers make, and how a score comes to be final."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as example
from hypothesis import strategies as st

from cti.domain.calibration import calibrate
from cti.domain.evaluation import (
    MOVES,
    Answer,
    EvaluationState,
    NotNow,
    Step,
    answer_problems,
    disputable_until,
    move,
    score,
)
from cti.domain.evaluationform import Form, Section, document_of, form_of, form_problems
from cti.domain.evaluationsteps import TooLate, dispute
from tests.unit.domain.evaluations import FORM, FULL, T0, answered, evaluation, forms, given, question

CASES = json.loads(
    (Path(__file__).parents[3] / "frontend/src/evaluation.cases.json").read_text(encoding="utf-8")
)  # the pages' own arithmetic is held to the same


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["why"])
def test_the_page_and_the_server_make_the_same_score(case: dict[str, Any]) -> None:
    form = form_of(CASES["form"])
    answers = {name: Answer(**answer) for name, answer in case["answers"].items()}
    made = score(form, answers)
    assert (made.tenths, list(made.failed), list(made.missing)) == (case["tenths"], case["failed"], case["missing"])


def test_the_cases_are_about_this_form() -> None:
    assert json.loads(json.dumps(document_of(FORM))) == CASES["form"]


def test_a_score_that_can_be_followed_by_hand() -> None:
    # Opening (1): (1·1 + 3·½) / 4 = 0.625. Care (3): (1·1 + 4·¾) / 5 = 0.8. (0.625 + 2.4) / 4 = 0.75625.
    assert score(FORM, FULL).tenths == 756
    # Without "solved" only "verified" is left of the section: (0.625 + 3) / 4 = 0.90625.
    assert score(FORM, FULL | given(solved=None)).tenths == 906
    # Without the opening its weight is nobody's: 0.8.
    assert score(FORM, FULL | given(greeting=None, name=None)).tenths == 800
    assert score(FORM, FULL | given(verified=1)) == replace(score(FORM, FULL), tenths=0, failed=("verified",))
    assert score(FORM, {}).tenths is None


@example(answered())
def test_a_score_is_between_nothing_and_all(case: tuple[Form, dict[str, Answer]]) -> None:
    tenths = score(*case).tenths
    assert tenths is None or 0 <= tenths <= 1000


@example(answered())
def test_one_answer_that_fails_the_whole_wins(case: tuple[Form, dict[str, Answer]]) -> None:
    form, answers = case
    for one in form.questions:
        if one.fails_whole:
            assert score(form, answers | {one.id: Answer(value=1)}).tenths == 0


@example(answered(), st.randoms())
def test_the_order_of_anything_changes_nothing(case: tuple[Form, dict[str, Answer]], chance: Any) -> None:
    form, answers = case

    def mixed(things: Any) -> tuple[Any, ...]:
        return tuple(chance.sample(list(things), len(things)))

    sections = mixed([replace(section, questions=mixed(section.questions)) for section in form.sections])
    assert score(replace(form, sections=sections), dict(mixed(answers.items()))).tenths == score(form, answers).tenths


@example(answered(failing=False), st.data())
def test_not_applicable_is_as_if_the_question_were_not_in_the_form(
    case: tuple[Form, dict[str, Answer]], data: st.DataObject
) -> None:
    form, answers = case
    gone = data.draw(st.sampled_from(form.questions)).id
    rest = [
        replace(section, questions=tuple(one for one in section.questions if one.id != gone))
        for section in form.sections
    ]
    kept = tuple(section for section in rest if section.questions)
    left = {name: answer for name, answer in answers.items() if name != gone}
    assert score(form, answers | {gone: Answer(na=True)}).tenths == score(replace(form, sections=kept), left).tenths


@example(answered(failing=False), st.data())
def test_a_better_answer_never_makes_less(case: tuple[Form, dict[str, Answer]], data: st.DataObject) -> None:
    form, answers = case
    values = {name: answer.value for name, answer in answers.items() if answer.value is not None}
    if not values:
        return
    name = data.draw(st.sampled_from(sorted(values)))
    steps = next(one.steps for one in form.questions if one.id == name)
    better = answers | {name: Answer(value=data.draw(st.integers(values[name], steps)))}
    before, after = score(form, answers).tenths, score(form, better).tenths
    assert (before is None) == (after is None)
    assert before is None or after is None or after >= before


@example(forms())
def test_a_form_is_read_back_as_it_was_written(form: Form) -> None:
    assert form_of(json.loads(json.dumps(document_of(form)))) == form


def test_every_move_that_is_not_in_the_table_is_refused() -> None:
    for state in EvaluationState:
        for step in Step:
            if (state, step) in MOVES:
                assert move(state, step) is MOVES[state, step]
            else:
                with pytest.raises(NotNow, match=step.value):
                    move(state, step)
    assert not any(state is EvaluationState.REVIEWED for state, _ in MOVES), "a review is final"


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"nothing": Answer(value=1)}, "no question 'nothing'"),
        ({"name": Answer(value=6)}, "from 1 to 5"),
        ({"name": Answer(value=0)}, "from 1 to 5"),
        ({"name": Answer(value=1, na=True)}, "not both"),
        ({"verified": Answer(na=True)}, "always applies"),
    ],
)
def test_answers_that_the_form_has_no_place_for(answers: dict[str, Answer], says: str) -> None:
    (problem,) = answer_problems(FORM, answers)
    assert says in problem
    assert answer_problems(FORM, FULL) == []


def test_forms_that_cannot_be_scored_on() -> None:
    def said(form: Form) -> list[str]:
        return [sentence for _, sentence in form_problems(form)]

    assert said(FORM) == []
    assert any("at least one section" in one for one in said(replace(FORM, sections=())))
    nothing = Section(id="opening", name_ja="空", name_en="Empty")
    assert any("asks nothing" in one for one in said(replace(FORM, sections=(*FORM.sections, nothing))))
    assert any("twice" in one for one in said(replace(FORM, sections=(*FORM.sections, nothing))))
    twice = Section(id="more", name_ja="他", name_en="More", questions=(question("solved"),))
    assert any("'solved' is there twice" in one for one in said(replace(FORM, sections=(*FORM.sections, twice))))
    unlabelled = replace(question("x", steps=2), steps=3)
    assert any(
        "3 steps and 2 labels" in one
        for one in said(replace(FORM, sections=(replace(twice, questions=(unlabelled,)),)))
    )
    idle = replace(FORM, sections=(replace(twice, questions=(question("x", weight=0),)),))
    assert any("no question counts" in one for one in said(idle))


def test_the_agents_days() -> None:
    submitted = replace(evaluation(), state=EvaluationState.SUBMITTED, submitted_at=T0)
    assert disputable_until(submitted, FORM) == T0 + timedelta(days=7)
    assert disputable_until(submitted, replace(FORM, dispute_days=0)) is None
    assert disputable_until(replace(submitted, state=EvaluationState.REVIEWED), FORM) is None
    last = T0 + timedelta(days=7)
    assert dispute(submitted, FORM, "solved", last).state is EvaluationState.DISPUTED
    with pytest.raises(TooLate, match="7 days"):
        dispute(submitted, FORM, "solved", last + timedelta(microseconds=1))


def test_where_three_people_differ() -> None:
    three = [
        replace(evaluation(1, answers=FULL), tenths=756),
        replace(evaluation(2, evaluator="mori", answers=FULL | given(solved=2)), tenths=400),
        replace(evaluation(3, evaluator="abe", answers=FULL | given(solved=None)), tenths=906),
    ]
    found = calibrate(FORM, three)
    solved = next(one for one in found.questions if one.question == "solved")
    assert (solved.given, solved.na, solved.spread, solved.agreement) == ((4, 2, None), 1, 0.5, 0.0)
    name = next(one for one in found.questions if one.question == "name")
    assert (name.spread, name.agreement) == (0.0, 1.0)
    assert (found.spread_tenths, found.agreement) == (506, 0.75)
    alone = calibrate(FORM, three[:1])
    assert (alone.spread_tenths, alone.agreement) == (None, None)
