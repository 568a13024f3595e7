"""What becomes of a score when somebody saves, submits, disputes or reviews it. Pure: the new score, or why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cti.domain.errors import CallerError, NotAllowed
from cti.domain.evaluation import (
    Answers,
    Evaluation,
    EvaluationState,
    NotNow,
    Outcome,
    Step,
    answer_problems,
    disputable_until,
    move,
    score,
)
from cti.domain.evaluationform import Form


class BadAnswers(CallerError):
    """Answers that the form has no place for, or that are missing: ``problems`` has a sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class TooLate(NotNow):
    """The agent's days are over."""


def save(before: Evaluation, form: Form, answers: Answers, note: str, at: datetime) -> Evaluation:
    """A draft with other words. Raises NotNow, BadAnswers."""
    move(before.state, Step.SAVE)
    _check(form, answers)
    made = score(form, answers)
    return replace(
        before, answers=dict(answers), note=note, tenths=made.tenths, failed=bool(made.failed), changed_at=at,
        version=before.version + 1,
    )  # fmt: skip


def submit(before: Evaluation, form: Form, at: datetime) -> Evaluation:
    """The draft is whole and becomes the agent's to read. Raises NotNow, BadAnswers."""
    move(before.state, Step.SUBMIT)
    _check(form, before.answers, whole=True)
    made = score(form, before.answers)
    return replace(
        before, state=EvaluationState.SUBMITTED, tenths=made.tenths, failed=bool(made.failed), submitted_at=at,
        first_tenths=made.tenths, first_answers=before.answers, changed_at=at, version=before.version + 1,
    )  # fmt: skip


def dispute(before: Evaluation, form: Form, reason: str, at: datetime) -> Evaluation:
    """The agent says why it is wrong. Raises NotNow, TooLate."""
    move(before.state, Step.DISPUTE)
    until = disputable_until(before, form)
    if until is None or at > until:
        raise TooLate(f"this score could be disputed for {form.dispute_days} days after it was submitted")
    return replace(
        before, state=EvaluationState.DISPUTED, disputed_at=at, dispute=reason, changed_at=at,
        version=before.version + 1,
    )  # fmt: skip


def review(before: Evaluation, form: Form, *, by: str, answers: Answers | None, words: str, at: datetime) -> Evaluation:
    """Somebody else decides. ``answers``: what it says from now on; None: it stays.

    Raises NotNow, NotAllowed, BadAnswers.
    """
    if before.evaluator == by:
        raise NotAllowed("nobody reviews a score of their own")
    step = Step.UPHOLD if answers is None else Step.CHANGE
    move(before.state, step)
    kept = before.answers if answers is None else dict(answers)
    _check(form, kept, whole=True)
    made = score(form, kept)
    return replace(
        before, state=EvaluationState.REVIEWED, outcome=Outcome.UPHELD if answers is None else Outcome.CHANGED,
        answers=kept, tenths=made.tenths, failed=bool(made.failed), reviewed_at=at, reviewer=by, review=words,
        changed_at=at, version=before.version + 1,
    )  # fmt: skip


def _check(form: Form, answers: Answers, *, whole: bool = False) -> None:
    problems = answer_problems(form, answers)
    if whole:
        problems += [f"answers.{name}: is not answered yet" for name in score(form, answers).missing]
    if problems:
        raise BadAnswers(problems)
