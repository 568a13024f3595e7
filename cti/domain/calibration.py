"""Where several people's scores of one call differ. Pure. docs/evaluations.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from cti.domain.evaluation import Evaluation
from cti.domain.evaluationform import Form


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionSpread:
    """What several people answered to one question."""

    question: str
    given: tuple[int | None, ...]  # one a score, in its order: a value; None: not applicable or not answered
    na: int  # how many said "not applicable"
    spread: float | None  # highest minus lowest, as a share of the scale; None: fewer than two values
    agreement: float | None  # share of the pairs of scorers who gave the same answer; None: fewer than two


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Several scores of one agent's part of a call, on one version of a form."""

    evaluations: tuple[Evaluation, ...]
    questions: tuple[QuestionSpread, ...]
    spread_tenths: int | None  # highest minus lowest score; None: fewer than two
    agreement: float | None  # over all questions: share of pairs that agree


def calibrate(form: Form, evaluations: Sequence[Evaluation]) -> Calibration:
    """Compare scores of the same version of a form. Their order is the caller's."""
    questions = tuple(_question(question.id, question.steps, evaluations) for question in form.questions)
    scores = [one.tenths for one in evaluations if one.tenths is not None]
    agreed = [one.agreement for one in questions if one.agreement is not None]
    return Calibration(
        evaluations=tuple(evaluations),
        questions=questions,
        spread_tenths=max(scores) - min(scores) if len(scores) > 1 else None,
        agreement=round(sum(agreed) / len(agreed), 3) if agreed else None,
    )


def _question(name: str, steps: int, evaluations: Sequence[Evaluation]) -> QuestionSpread:
    answers = [one.answers.get(name) for one in evaluations]
    given = tuple(None if answer is None or answer.na else answer.value for answer in answers)
    said = ["na" if answer.na else answer.value for answer in answers if answer is not None and answer.given]
    values = [value for value in given if value is not None]
    pairs = list(combinations(said, 2))
    return QuestionSpread(
        question=name,
        given=given,
        na=said.count("na"),
        spread=round((max(values) - min(values)) / (steps - 1), 3) if len(values) > 1 else None,
        agreement=round(sum(a == b for a, b in pairs) / len(pairs), 3) if pairs else None,
    )
