"""Scores of calls: what was answered, what that makes, and how a score comes to be final. Pure. docs/evaluations.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from cti.domain.errors import CallerError
from cti.domain.evaluationform import Form, Question
from cti.domain.model import AgentId, CallId, TenantId

COMMENT_MOST = 2_000  # of one answer, of a reason, of a note


class EvaluationState(StrEnum):
    """How far a score has come."""

    DRAFT = "draft"  # its scorer writes it; nobody else reads it
    SUBMITTED = "submitted"  # the agent reads it
    DISPUTED = "disputed"  # the agent says why it is wrong
    REVIEWED = "reviewed"  # somebody else decided; final


class Outcome(StrEnum):
    """What a review came to."""

    UPHELD = "upheld"
    CHANGED = "changed"


class Step(StrEnum):
    """What people do with a score."""

    SAVE = "save"
    SUBMIT = "submit"
    DISCARD = "discard"
    DISPUTE = "dispute"
    UPHOLD = "uphold"
    CHANGE = "change"


# (state, step) → the state after it; None: the score is gone. What is not here is refused.
MOVES: Mapping[tuple[EvaluationState, Step], EvaluationState | None] = {
    (EvaluationState.DRAFT, Step.SAVE): EvaluationState.DRAFT,
    (EvaluationState.DRAFT, Step.SUBMIT): EvaluationState.SUBMITTED,
    (EvaluationState.DRAFT, Step.DISCARD): None,
    (EvaluationState.SUBMITTED, Step.DISPUTE): EvaluationState.DISPUTED,
    (EvaluationState.DISPUTED, Step.UPHOLD): EvaluationState.REVIEWED,
    (EvaluationState.DISPUTED, Step.CHANGE): EvaluationState.REVIEWED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What somebody found about one question."""

    value: int | None = None  # 1 (worst) to the question's steps; None: not answered yet, or not applicable
    na: bool = False  # not applicable
    comment: str = ""
    at_s: float | None = None  # the moment of the recording that the comment is about

    @property
    def given(self) -> bool:
        """Whether the question is answered."""
        return self.na or self.value is not None


Answers = Mapping[str, Answer]  # question → answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """What answers make. Tenths of a point are exact integers: two machines never round apart."""

    tenths: int | None  # 0 to 1000; None: nothing that counts was answered
    failed: tuple[str, ...] = ()  # questions that fail the whole, as they stand
    missing: tuple[str, ...] = ()  # questions without an answer, in the form's order


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One person's score of one agent's part of a call, on one version of a form."""

    evaluation_id: str  # 32 hex digits
    tenant: TenantId
    call_id: CallId
    agent: AgentId  # whose work is looked at
    form_id: str
    form_version: int  # stays, whatever is published later
    evaluator: str  # log-in
    state: EvaluationState
    version: int  # counts changes, from 1: who changes says which one they have seen
    began_at: datetime
    changed_at: datetime
    answers: Answers = field(default_factory=dict)
    note: str = ""  # about the whole
    tenths: int | None = None  # the score, see Score
    failed: bool = False  # a question failed the whole
    submitted_at: datetime | None = None
    disputed_at: datetime | None = None
    dispute: str = ""  # the agent's reason
    reviewed_at: datetime | None = None
    reviewer: str = ""  # log-in
    review: str = ""  # the reviewer's reason
    outcome: Outcome | None = None
    first_tenths: int | None = None  # as it was submitted
    first_answers: Answers = field(default_factory=dict)  # as they were submitted


class EvaluationChanged(CallerError):
    """Somebody changed it meanwhile: ``stored`` is what is there."""

    def __init__(self, stored: Evaluation) -> None:
        super().__init__("the score was changed meanwhile")
        self.stored = stored


class NotNow(CallerError):
    """A step that the state of the score does not allow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationFilter:
    """Which scores are looked for; None filters nothing."""

    agent: str | None = None
    form: str | None = None
    state: str | None = None
    evaluator: str | None = None
    least_tenths: int | None = None
    most_tenths: int | None = None
    since: datetime | None = None  # when they were begun
    until: datetime | None = None
    drafts_of: str | None = None  # the log-in that asks: whose drafts are among them
    waits_for: str | None = None  # while this log-in's own draft is open, others' scores of the same are left out
    after: tuple[datetime, str] | None = None  # (began_at, id) of the last of the page before
    limit: int = 50


def move(state: EvaluationState, step: Step) -> EvaluationState | None:
    """The state after a step. Raises NotNow when the table has no such move."""
    if (state, step) not in MOVES:
        raise NotNow(f"a score that is {state.value} cannot take the step {step.value!r}")
    return MOVES[state, step]


def score(form: Form, answers: Answers) -> Score:
    """The score of ``answers``, as far as they go.

    An answer ``v`` of ``steps`` is worth ``(v - 1) / (steps - 1)``. A section's share is the mean of its answered
    questions, weighted; the score is the mean of the sections that have any, weighted, times 100. A question that is
    not applicable takes no part: the weights of the others stay as they are to each other. The worst answer to a
    question that fails the whole makes it 0. Rounded to a tenth, half up. docs/decisions/0273.
    """
    failed, missing = [], []
    total, weights = Fraction(0), 0
    for section in form.sections:
        points, counted = Fraction(0), 0
        for question in section.questions:
            answer = answers.get(question.id, NOT_ANSWERED)
            if not answer.given:
                missing.append(question.id)
            if answer.na or answer.value is None:
                continue
            if question.fails_whole and answer.value == 1:
                failed.append(question.id)
            points += question.weight * Fraction(answer.value - 1, question.steps - 1)
            counted += question.weight
        if counted:
            total += section.weight * points / counted
            weights += section.weight
    tenths = 0 if failed else _tenths(total / weights) if weights else None
    return Score(tenths=tenths, failed=tuple(failed), missing=tuple(missing))


NOT_ANSWERED = Answer()


def _tenths(share: Fraction) -> int:
    return int(share * 1000 + Fraction(1, 2))  # not negative, so this rounds half up


def answer_problems(form: Form, answers: Answers) -> list[str]:
    """What of ``answers`` the form has no place for, a sentence each."""
    known = {question.id: question for question in form.questions}
    problems = []
    for name, answer in answers.items():
        question = known.get(name)
        if question is None:
            problems.append(f"answers: this version of the form has no question {name[:64]!r}")
        else:
            problems += _misfit(question, answer)
    return problems


def _misfit(question: Question, answer: Answer) -> list[str]:
    if answer.na and answer.value is not None:
        return [f"answers.{question.id}: either a value or not applicable, not both"]
    if answer.na and not question.may_be_na:
        return [f"answers.{question.id}: this question always applies; give a value from 1 to {question.steps}"]
    if answer.value is not None and not 1 <= answer.value <= question.steps:
        return [f"answers.{question.id}: {answer.value} is not on its scale; give a value from 1 to {question.steps}"]
    return []


def disputable_until(evaluation: Evaluation, form: Form) -> datetime | None:
    """Until when the agent may dispute it; None: there is nothing to dispute (any more)."""
    if evaluation.state is not EvaluationState.SUBMITTED or evaluation.submitted_at is None or not form.dispute_days:
        return None
    return evaluation.submitted_at + timedelta(days=form.dispute_days)
