"""What becomes of a score: each step whole or not at all, and never by who gave it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from cti.domain.errors import NotAllowed
from cti.domain.evaluation import Evaluation, EvaluationState, NotNow, Outcome
from cti.domain.evaluationsteps import BadAnswers, dispute, review, save, submit
from tests.unit.domain.evaluations import FORM, FULL, T0, evaluation, given

LATER = T0 + timedelta(hours=1)
FAILING = FULL | given(verified=1)


def submitted() -> Evaluation:
    return submit(evaluation(), FORM, T0)


def disputed() -> Evaluation:
    return dispute(submitted(), FORM, "solved", T0)


def test_what_was_submitted_first_stays_whatever_a_review_makes_of_it() -> None:
    final = review(disputed(), FORM, by="tanaka", answers=FAILING, words="looked again", at=LATER)
    assert (final.state, final.outcome, final.reviewer, final.review) == (
        EvaluationState.REVIEWED, Outcome.CHANGED, "tanaka", "looked again"
    )  # fmt: skip
    assert (final.tenths, final.failed, final.answers) == (0, True, FAILING)
    assert (final.first_tenths, final.first_answers) == (756, FULL)
    assert (final.version, final.changed_at, final.reviewed_at) == (4, LATER, LATER)


def test_a_score_that_is_upheld_says_what_it_said() -> None:
    final = review(disputed(), FORM, by="tanaka", answers=None, words="", at=LATER)
    assert (final.outcome, final.tenths, final.failed, final.answers) == (Outcome.UPHELD, 756, False, FULL)


@pytest.mark.parametrize("step", [save, submit])
def test_one_answer_that_fails_the_whole_is_marked_in_a_draft_and_when_it_is_submitted(step: object) -> None:
    draft = save(evaluation(answers={}), FORM, FAILING, "", T0)
    told = draft if step is save else submit(replace(draft, failed=False), FORM, T0)
    assert (told.tenths, told.failed) == (0, True)


HALF = {name: answer for name, answer in FULL.items() if name != "solved"}


@pytest.mark.parametrize(
    "step",
    [
        lambda: submit(evaluation(answers=HALF), FORM, T0),
        lambda: review(disputed(), FORM, by="tanaka", answers=HALF, words="", at=T0),
    ],
)
def test_what_is_final_is_whole(step: Callable[[], Evaluation]) -> None:
    with pytest.raises(BadAnswers, match="solved: is not answered yet"):
        step()
    assert save(evaluation(), FORM, HALF, "", T0).answers == HALF, "a draft may wait"


def test_nobody_reviews_their_own_and_nothing_is_reviewed_twice() -> None:
    with pytest.raises(NotAllowed):
        review(disputed(), FORM, by="watanabe", answers=None, words="", at=T0)
    final = review(disputed(), FORM, by="tanaka", answers=None, words="", at=T0)
    for answers in (None, FULL):
        with pytest.raises(NotNow):
            review(final, FORM, by="mori", answers=answers, words="", at=T0)
