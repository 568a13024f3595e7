"""Forms and answers for tests: one that is looked at, and any that hypothesis thinks of."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from cti.domain.evaluation import Answer, Answers, Evaluation, EvaluationState
from cti.domain.evaluationform import Form, Label, Question, Section
from cti.domain.model import AgentId, CallId, TenantId

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
YES_NO = (Label(ja="いいえ", en="No"), Label(ja="はい", en="Yes"))


def question(name: str, weight: int = 1, steps: int = 5, fails_whole: bool = False, may_be_na: bool = True) -> Question:
    labels = YES_NO if steps == 2 else ()
    return Question(
        id=name, name_ja=f"質問 {name}", name_en=name, weight=weight, steps=steps, labels=labels,
        fails_whole=fails_whole, may_be_na=may_be_na,
    )  # fmt: skip


FORM = Form(
    name_ja="会員対応", name_en="Members",
    sections=(
        Section(id="opening", name_ja="名乗り", name_en="Opening", weight=1, questions=(
            question("greeting", steps=2), question("name", weight=3))),
        Section(id="care", name_ja="対応", name_en="Care", weight=3, questions=(
            question("verified", steps=2, fails_whole=True, may_be_na=False), question("solved", weight=4))),
    ),
)  # fmt: skip


def given(**values: int | None) -> dict[str, Answer]:
    """A number is a value, None is "not applicable"."""
    return {name: Answer(value=value, na=value is None) for name, value in values.items()}


FULL = given(greeting=2, name=3, verified=2, solved=4)


def evaluation(number: int = 1, *, evaluator: str = "watanabe", answers: Answers | None = None) -> Evaluation:
    return Evaluation(
        evaluation_id=f"{number:032x}", tenant=TenantId("demo"),
        call_id=CallId("00000000-0000-4000-8000-00000000000a"), agent=AgentId("sato"), form_id="members",
        form_version=1, evaluator=evaluator, state=EvaluationState.DRAFT, version=1, began_at=T0, changed_at=T0,
        answers=FULL if answers is None else answers,
    )  # fmt: skip


@st.composite
def forms(draw: st.DrawFn) -> Form:
    sections = []
    for at in range(draw(st.integers(1, 4))):
        questions = tuple(
            Question(
                id=f"q{at}-{number}", name_ja="問", name_en="Q", weight=draw(st.integers(0, 100)),
                steps=draw(st.integers(2, 10)), fails_whole=draw(st.booleans()),
            )
            for number in range(draw(st.integers(1, 5)))
        )  # fmt: skip
        weight = draw(st.integers(1, 100))
        sections.append(Section(id=f"s{at}", name_ja="節", name_en="S", weight=weight, questions=questions))
    return Form(name_ja="票", name_en="Form", sections=tuple(sections))


@st.composite
def answered(draw: st.DrawFn, *, failing: bool = True) -> tuple[Form, dict[str, Answer]]:
    """A form with answers to some of it. Not ``failing``: nothing fails the whole."""
    form = draw(forms())
    answers = {}
    for one in form.questions:
        kind = draw(st.sampled_from(["value", "value", "na", "none"]))
        if kind == "na":
            answers[one.id] = Answer(na=True)
        elif kind == "value":
            least = 2 if one.fails_whole and not failing else 1
            answers[one.id] = Answer(value=draw(st.integers(least, one.steps)))
    return form, answers
