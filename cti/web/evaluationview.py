"""Forms and scores as the pages show them. PURE."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby

from cti.domain.calibration import calibrate
from cti.domain.evaluation import Answer, Answers, Evaluation, EvaluationState, disputable_until
from cti.domain.evaluationform import Form, FormVersion, document_of, form_of
from cti.web.evaluationbodies import (
    AnswerBody,
    Comparison,
    EvaluationBody,
    EvaluationLine,
    FormBody,
    FormHistory,
    FormLine,
    FormVersionBody,
    QuestionSpreadBody,
)

Versions = Mapping[tuple[str, int], FormVersion]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """Who looks, and what is needed to name things."""

    login: str
    names: Mapping[str, str]  # log-in → name
    versions: Versions


def points(tenths: int | None) -> float | None:
    """A score as people read it."""
    return None if tenths is None else tenths / 10


def form_body(form: Form) -> FormBody:
    """A form to read."""
    return FormBody.model_validate(document_of(form))


def read_form(body: FormBody) -> Form:
    """A form that was sent."""
    return form_of(body.model_dump())


def form_line(found: FormVersion) -> FormLine:
    """A form in the list."""
    form = found.form
    return FormLine(
        id=found.form_id, name_ja=form.name_ja, name_en=form.name_en, version=found.version, active=found.active,
        questions=len(form.questions), published_at=found.published_at, published_by=found.published_by,
    )  # fmt: skip


def form_history(versions: Sequence[FormVersion]) -> FormHistory:
    """A form with its versions; there is at least one."""
    return FormHistory(
        id=versions[0].form_id,
        active=versions[0].active,
        versions=[
            FormVersionBody(
                version=one.version, form=form_body(one.form), published_at=one.published_at,
                published_by=one.published_by, note=one.note,
            )
            for one in versions
        ],
    )  # fmt: skip


def read_answers(bodies: Mapping[str, AnswerBody]) -> dict[str, Answer]:
    """Answers that were sent."""
    return {name: Answer(**body.model_dump()) for name, body in bodies.items()}


def answer_bodies(answers: Answers) -> dict[str, AnswerBody]:
    """Answers to read."""
    return {name: AnswerBody(**asdict(answer)) for name, answer in answers.items()}


def line(found: Evaluation, seen: Seen) -> EvaluationLine:
    """A score in a list."""
    form = seen.versions[found.form_id, found.form_version].form
    return EvaluationLine(
        id=found.evaluation_id, call_id=found.call_id, agent=found.agent, form_id=found.form_id,
        form_name_ja=form.name_ja, form_name_en=form.name_en, form_version=found.form_version,
        evaluator=found.evaluator, evaluator_name=seen.names.get(found.evaluator, found.evaluator), state=found.state,
        outcome=found.outcome, score=points(found.tenths), failed=found.failed, mine=found.evaluator == seen.login,
        began_at=found.began_at, changed_at=found.changed_at, submitted_at=found.submitted_at,
    )  # fmt: skip


def whole(found: Evaluation, seen: Seen, newest: int) -> EvaluationBody:
    """A score with all that stands in it. ``newest``: the form's version of today."""
    form = seen.versions[found.form_id, found.form_version].form
    return EvaluationBody(
        **line(found, seen).model_dump(), form=form_body(form), newest_version=newest, version=found.version,
        answers=answer_bodies(found.answers), note=found.note, disputed_at=found.disputed_at, dispute=found.dispute,
        disputable_until=disputable_until(found, form), reviewed_at=found.reviewed_at, reviewer=found.reviewer,
        reviewer_name=seen.names.get(found.reviewer, found.reviewer), review=found.review,
        first_score=points(found.first_tenths), first_answers=answer_bodies(found.first_answers),
    )  # fmt: skip


def visible(found: Sequence[Evaluation], login: str) -> tuple[list[Evaluation], int]:
    """Of a call's scores those that ``login`` is shown, and how many are kept back.

    Others' drafts are nobody's business; others' scores of what one is scoring oneself wait until one's own is
    submitted, so that several people score one call independently. docs/decisions/0274.
    """
    open_here = {(one.agent, one.form_id) for one in found if one.evaluator == login and _draft(one)}
    own = [one for one in found if one.evaluator == login]
    others = [one for one in found if one.evaluator != login and not _draft(one)]
    shown = [one for one in others if (one.agent, one.form_id) not in open_here]
    return sorted([*own, *shown], key=lambda one: (one.began_at, one.evaluation_id)), len(others) - len(shown)


def _draft(found: Evaluation) -> bool:
    return found.state is EvaluationState.DRAFT


def comparisons(found: Sequence[Evaluation], seen: Seen) -> list[Comparison]:
    """Where two or more people scored the same on the same version: what each of them submitted."""

    def same(one: Evaluation) -> tuple[str, str, int]:
        return one.agent, one.form_id, one.form_version

    submitted = sorted((one for one in found if not _draft(one)), key=same)
    groups = [list(group) for _, group in groupby(submitted, same)]
    return [_comparison(group, seen) for group in groups if len(group) > 1]


def _comparison(group: Sequence[Evaluation], seen: Seen) -> Comparison:
    first = group[0]
    form = seen.versions[first.form_id, first.form_version].form
    as_submitted = [replace(one, answers=one.first_answers, tenths=one.first_tenths) for one in group]
    made = calibrate(form, as_submitted)
    return Comparison(
        agent=first.agent, form_id=first.form_id, form_version=first.form_version, form=form_body(form),
        evaluations=[line(one, seen) for one in group], scores=[points(one.tenths) for one in as_submitted],
        questions=[
            QuestionSpreadBody(
                question=one.question, given=list(one.given), spread=one.spread, agreement=one.agreement
            )
            for one in made.questions
        ],
        spread=points(made.spread_tenths), agreement=made.agreement,
    )  # fmt: skip


def is_form_id(text: str) -> bool:
    """Whether a form can be called so."""
    return re.fullmatch(r"[a-z][a-z0-9-]{0,31}", text) is not None
