"""Bodies of forms and scores. PURE: models only. docs/evaluations.md."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from cti.domain.evaluation import COMMENT_MOST, EvaluationState, Outcome
from cti.domain.evaluationform import (
    DISPUTE_DAYS_MOST,
    HELP_MOST,
    NAME_MOST,
    QUESTIONS_MOST,
    SECTIONS_MOST,
    STEPS_LEAST,
    STEPS_MOST,
    WEIGHT_MOST,
)
from cti.web.parts import Body, Request, Slug

# Line ends and tabs are what people write; other control characters are nobody's, and PostgreSQL keeps no NUL.
_WRITTEN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
Words = Annotated[str, Field(max_length=COMMENT_MOST, pattern=_WRITTEN)]
Reason = Annotated[str, Field(min_length=1, max_length=COMMENT_MOST, pattern=_WRITTEN)]
Help = Annotated[str, Field(max_length=HELP_MOST, pattern=_WRITTEN)]
Title = Annotated[str, Field(min_length=1, max_length=NAME_MOST, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]
FormId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Version = Annotated[int, Field(ge=1, le=2**31 - 2)]
# Beyond a day nobody talks; what JSON calls a number may be anything.
Moment = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Points = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class LabelBody(Request):
    """What one answer of a scale is called."""

    ja: Title
    en: Title


class QuestionBody(Request):
    """A question, answered with 1 (worst) to ``steps`` (best) or "not applicable"."""

    id: FormId
    name_ja: Title
    name_en: Title
    help_ja: Help
    help_en: Help
    weight: Annotated[int, Field(ge=0, le=WEIGHT_MOST)]
    steps: Annotated[int, Field(ge=STEPS_LEAST, le=STEPS_MOST)]
    labels: Annotated[list[LabelBody], Field(max_length=STEPS_MOST)]  # one a step, or none
    may_be_na: bool
    fails_whole: bool


class SectionBody(Request):
    """Questions that belong together."""

    id: FormId
    name_ja: Title
    name_en: Title
    weight: Annotated[int, Field(ge=1, le=WEIGHT_MOST)]
    questions: Annotated[list[QuestionBody], Field(max_length=QUESTIONS_MOST)]


class FormBody(Request):
    """A form as one version says it. All keys are there, so that what is read can be sent back."""

    name_ja: Title
    name_en: Title
    dispute_days: Annotated[int, Field(ge=0, le=DISPUTE_DAYS_MOST)]
    sections: Annotated[list[SectionBody], Field(max_length=SECTIONS_MOST)]


class FormLine(Body):
    """A form in the list."""

    id: str
    name_ja: str
    name_en: str
    version: int  # the newest
    active: bool  # new scores may be begun on it
    questions: int
    published_at: AwareDatetime
    published_by: str


class FormList(Body):
    """The desk's forms, by id."""

    forms: list[FormLine]


class FormVersionBody(Body):
    """A version of a form."""

    version: int
    form: FormBody
    published_at: AwareDatetime
    published_by: str
    note: str


class FormHistory(Body):
    """A form with its versions, newest first."""

    id: str
    active: bool
    versions: list[FormVersionBody]


class FormRequest(Request):
    """Publish a form as the version after ``after``; 0: it is the first."""

    form: FormBody
    after: Annotated[int, Field(ge=0, le=2**31 - 2)]
    note: Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class FormPublished(Body):
    """The version that a form has now."""

    version: int


class FormActiveRequest(Request):
    """Whether new scores may be begun on a form."""

    active: bool


class AnswerBody(Request):
    """What was found about one question. Neither a value nor ``na``: not answered yet."""

    value: Annotated[int, Field(ge=1, le=STEPS_MOST)] | None
    na: bool
    comment: Words
    at_s: Moment | None  # the moment of the recording that the comment is about


AnswerMap = Annotated[dict[Slug, AnswerBody], Field(max_length=QUESTIONS_MOST)]


class EvaluationLine(Body):
    """A score in a list."""

    id: str
    call_id: str
    agent: str
    form_id: str
    form_name_ja: str
    form_name_en: str
    form_version: int
    evaluator: str
    evaluator_name: str
    state: EvaluationState
    outcome: Outcome | None
    score: float | None  # 0 to 100; null: nothing that counts was answered
    failed: bool  # a question failed the whole
    mine: bool  # of whoever asks
    began_at: AwareDatetime
    changed_at: AwareDatetime
    submitted_at: AwareDatetime | None


class EvaluationBody(EvaluationLine):
    """A score with all that stands in it, and the version of the form it was made on."""

    form: FormBody
    newest_version: int  # of the form
    version: int  # of the score: who changes says which one they have seen
    answers: dict[str, AnswerBody]
    note: str
    disputed_at: AwareDatetime | None
    dispute: str
    disputable_until: AwareDatetime | None  # null: not (any more)
    reviewed_at: AwareDatetime | None
    reviewer: str
    reviewer_name: str
    review: str
    first_score: float | None  # as submitted
    first_answers: dict[str, AnswerBody]


class EvaluationSaved(Body):
    """What is stored now. ``saved`` is false when another page was quicker: nothing was changed."""

    saved: bool
    evaluation: EvaluationBody


class EvaluationQuery(Request):
    """Filters of the list and of the export; all may be left out."""

    agent: Slug | None = None
    form: FormId | None = None
    state: EvaluationState | None = None
    evaluator: Slug | None = None
    least: Points | None = None  # score
    most: Points | None = None
    since: AwareDatetime | None = None  # when it was begun
    until: AwareDatetime | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    after: Annotated[str, Field(max_length=200)] | None = None


class ExportQuery(EvaluationQuery):
    """What is exported, and as what. ``limit`` and ``after`` are of no use here: everything is."""

    format: Literal["csv", "json"] = "csv"
    bom: bool = True  # Excel in Japan reads UTF-8 only with it


class EvaluationPage(Body):
    """Scores, newest first."""

    evaluations: list[EvaluationLine]
    next: str | None


class QuestionSpreadBody(Body):
    """What several people answered to one question."""

    question: str
    given: list[int | None]  # one a scorer; null: not applicable
    spread: float | None  # highest minus lowest, as a share of the scale
    agreement: float | None  # share of the pairs of scorers who say the same


class Comparison(Body):
    """Several people's scores of one agent's part of a call, as they submitted them."""

    agent: str
    form_id: str
    form_version: int
    form: FormBody
    evaluations: list[EvaluationLine]
    scores: list[float | None]  # as submitted, one an evaluation
    questions: list[QuestionSpreadBody]
    spread: float | None  # points between the highest and the lowest
    agreement: float | None


class CallEvaluations(Body):
    """What is scored of a call. While one's own draft is open, others' scores of the same are not told."""

    call_id: str
    agents: list[str]  # who talked, in order: each can be scored
    forms: list[FormLine]  # on which new scores can be begun
    evaluations: list[EvaluationLine]
    comparisons: list[Comparison]
    hidden: int  # how many are not told because one's own is not submitted yet


class BeginRequest(Request):
    """Begin to score an agent's part of a call. Asked again, it answers with the draft that is there."""

    agent: Slug
    form: FormId


class DraftRequest(Request):
    """Save a draft over the version that was seen."""

    version: Version
    answers: AnswerMap
    note: Words


class SeenRequest(Request):
    """Which version of a score one has seen."""

    version: Version


class DisputeRequest(Request):
    """The agent says why a score is wrong."""

    version: Version
    reason: Reason


class ReviewRequest(Request):
    """Decide a dispute. ``answers``: all of them as they are from now on; null: they stay."""

    version: Version
    outcome: Outcome
    answers: AnswerMap | None = None
    note: Reason

    @model_validator(mode="after")
    def _whole(self) -> ReviewRequest:
        if (self.outcome is Outcome.CHANGED) != (self.answers is not None):
            raise ValueError("answers: give them to change a score, leave them out to uphold it")
        return self
