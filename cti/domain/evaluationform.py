"""Forms that calls are scored on: sections of questions with weights and scales. Pure. docs/evaluations.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from cti.domain.errors import CallerError
from cti.domain.model import TenantId

# A scorer sees the whole form beside the wave; more than this is several forms.
SECTIONS_MOST = 20
QUESTIONS_MOST = 60  # of the whole form
WEIGHT_MOST = 100
STEPS_LEAST, STEPS_MOST = 2, 10  # the keys 1 … 9 and 0
DISPUTE_DAYS_MOST = 90
NAME_MOST = 200
HELP_MOST = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """What one answer of a scale is called."""

    ja: str
    en: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One thing that is looked at. It is answered with 1 (worst) to ``steps`` (best), or "not applicable"."""

    id: str  # slug, unique in the form: the same id in a later version is the same question
    name_ja: str
    name_en: str
    help_ja: str = ""  # what to look at, for whoever scores
    help_en: str = ""
    weight: int = 1  # among the questions of its section; 0: asked and kept, counts nothing
    steps: int = 5  # how many answers the scale has; 2: no, yes
    labels: tuple[Label, ...] = ()  # one a step, from worst to best; none: the numbers speak
    may_be_na: bool = True  # whether "not applicable" is an answer
    fails_whole: bool = False  # the worst answer makes the whole score 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Questions that belong together."""

    id: str  # slug
    name_ja: str
    name_en: str
    weight: int = 1  # among the sections
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What is asked about a call, as one version says it."""

    name_ja: str
    name_en: str
    sections: tuple[Section, ...]
    dispute_days: int = 7  # how long after it was submitted the agent may dispute a score

    @property
    def questions(self) -> tuple[Question, ...]:
        """All of them, from the top down."""
        return tuple(question for section in self.sections for question in section.questions)


@dataclass(frozen=True, kw_only=True, slots=True)
class FormVersion:
    """A form as it was published. Never changed: scores point at it."""

    tenant: TenantId
    form_id: str  # slug
    version: int  # 1 for the first
    form: Form
    published_at: datetime
    published_by: str  # log-in, or who ran `config apply`
    note: str = ""  # why, in their words
    active: bool = True  # whether new scores may be begun on the form (of the form, not of the version)


class FormChanged(CallerError):
    """Somebody else published meanwhile."""


def document_of(form: Form) -> dict[str, Any]:
    """A form as JSON-able data; ``form_of`` reads it back."""
    return asdict(form)


def form_of(data: Mapping[str, Any]) -> Form:
    """Read what ``document_of`` wrote. Raises KeyError or TypeError for anything else: shape is checked before."""
    sections = tuple(
        Section(**{**section, "questions": tuple(_question(one) for one in section["questions"])})
        for section in data["sections"]
    )
    return Form(**{**data, "sections": sections})


def _question(data: Mapping[str, Any]) -> Question:
    return Question(**{**data, "labels": tuple(Label(**one) for one in data["labels"])})


def form_problems(form: Form) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(where in the form, what is wrong and what to write), in the order of the form."""
    if not form.sections:
        yield ("sections",), "a form needs at least one section"
    if not any(question.weight for question in form.questions):
        yield ("sections",), "no question counts: give at least one of them a weight above 0"
    if len(form.questions) > QUESTIONS_MOST:
        yield ("sections",), f"{len(form.questions)} questions; {QUESTIONS_MOST} are the most of a form"
    sections: set[str] = set()
    questions: set[str] = set()
    for at, section in enumerate(form.sections):
        here = ("sections", at)
        if section.id in sections:
            yield (*here, "id"), f"section {section.id!r} is there twice; give one of them another id"
        sections.add(section.id)
        if not section.questions:
            yield (*here, "questions"), f"section {section.id!r} asks nothing: write a question, or leave it out"
        for number, question in enumerate(section.questions):
            yield from _question_problems((*here, "questions", number), question, questions)
            questions.add(question.id)


def _question_problems(
    here: tuple[str | int, ...], question: Question, seen: set[str]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if question.id in seen:
        yield (*here, "id"), f"question {question.id!r} is there twice in this form; give one of them another id"
    if question.labels and len(question.labels) != question.steps:
        yield (
            (*here, "labels"),
            f"question {question.id!r} has {question.steps} steps and {len(question.labels)} labels;"
            " write one a step, from worst to best, or none",
        )
