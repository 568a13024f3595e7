"""What a desk file may say of the forms that calls are scored on: a start, changed later on the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cti.domain import evaluationform as domain
from cti.tomlfile import Location, TomlFile

_SLUG_HINT = "a slug: lower-case letters, digits and '-', starting with a letter, at most 32"
_Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=domain.NAME_MOST, strip_whitespace=True)]
_Help = Annotated[str, StringConstraints(max_length=domain.HELP_MOST, strip_whitespace=True)]
_NAME_HINT = '{ ja = "名乗り", en = "Opening" }'


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FormNames(_Model):
    """A name in both languages."""

    ja: _Name = Field(description='the Japanese name, e.g. ja = "名乗り"')
    en: _Name = Field(description='the English name, e.g. en = "Opening"')


class FormHelp(_Model):
    """What to look at, in both languages."""

    ja: _Help = Field(description="Japanese, at most 1000 signs")
    en: _Help = Field(description="English, at most 1000 signs")


class FormQuestion(_Model):
    """One thing that is looked at."""

    id: _Slug = Field(description=_SLUG_HINT)
    name: FormNames = Field(description=_NAME_HINT)
    help: FormHelp = Field(default=FormHelp(ja="", en=""), description='{ ja = "…", en = "…" }: what to look at')
    weight: int = Field(
        default=1,
        ge=0,
        le=domain.WEIGHT_MOST,
        strict=True,
        description="0 to 100, within its section; 0 counts nothing",
    )
    steps: int = Field(
        default=5, ge=domain.STEPS_LEAST, le=domain.STEPS_MOST, strict=True, description="2 to 10 answers on its scale"
    )
    labels: tuple[FormNames, ...] = Field(
        default=(), description='one { ja = "…", en = "…" } a step, from worst to best; or leave it out'
    )
    not_applicable: bool = Field(default=True, strict=True, description="true or false: whether that is an answer")
    fails_whole: bool = Field(
        default=False, strict=True, description="true or false: whether its worst answer makes the whole score 0"
    )


class FormSection(_Model):
    """Questions that belong together."""

    id: _Slug = Field(description=_SLUG_HINT)
    name: FormNames = Field(description=_NAME_HINT)
    weight: int = Field(default=1, ge=1, le=domain.WEIGHT_MOST, strict=True, description="1 to 100, among the sections")
    questions: tuple[FormQuestion, ...] = Field(description="at least one […evaluation_forms.sections.questions]")


class EvaluationForm(_Model):
    """A form that calls are scored on."""

    id: _Slug = Field(description=_SLUG_HINT)
    name: FormNames = Field(description='{ ja = "会員対応", en = "Members" }')
    dispute_days: int = Field(
        default=7, ge=0, le=domain.DISPUTE_DAYS_MOST, strict=True,
        description="0 to 90: how many days an agent may dispute a score; 0: never",
    )  # fmt: skip
    sections: tuple[FormSection, ...] = Field(
        max_length=domain.SECTIONS_MOST, description="at least one [[…evaluation_forms.sections]]"
    )

    def form(self) -> domain.Form:
        """As the rest of the server knows it."""
        return domain.Form(
            name_ja=self.name.ja,
            name_en=self.name.en,
            dispute_days=self.dispute_days,
            sections=tuple(
                domain.Section(
                    id=one.id, name_ja=one.name.ja, name_en=one.name.en, weight=one.weight,
                    questions=tuple(_question(question) for question in one.questions),
                )
                for one in self.sections
            ),
        )  # fmt: skip


def _question(said: FormQuestion) -> domain.Question:
    return domain.Question(
        id=said.id, name_ja=said.name.ja, name_en=said.name.en, help_ja=said.help.ja, help_en=said.help.en,
        weight=said.weight, steps=said.steps, labels=tuple(domain.Label(ja=one.ja, en=one.en) for one in said.labels),
        may_be_na=said.not_applicable, fails_whole=said.fails_whole,
    )  # fmt: skip


class _HasForms(Protocol):
    @property
    def evaluation_forms(self) -> tuple[EvaluationForm, ...]:
        """The forms of a tenant."""


def evaluation_form_problems(file: TomlFile, at: Location, tenant: _HasForms) -> Iterator[str]:
    """Every complaint about a tenant's forms, in the order of the file."""
    seen: set[str] = set()
    for index, said in enumerate(tenant.evaluation_forms):
        here = (*at, "evaluation_forms", index)
        if said.id in seen:
            yield file.problem((*here, "id"), f"{said.id!r} is declared twice; give one of them another id")
        seen.add(said.id)
        for where, what in domain.form_problems(said.form()):
            yield file.problem((*here, *where), what)
