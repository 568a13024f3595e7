"""What nobody may do with scores, whatever their roles; and what is compared with what."""

from __future__ import annotations

from dataclasses import replace

from cti.domain.evaluation import EvaluationState
from cti.domain.evaluationsteps import submit
from cti.web.evaluationview import Seen, comparisons
from tests.unit.domain.evaluations import FORM, FULL, T0, evaluation, given
from tests.unit.web.conftest import Site
from tests.unit.web.evaluations import version
from tests.unit.web.fakes import DEMO, closed_call, person

CALL = closed_call(10)
SCORES = f"/api/calls/{CALL.call_id}/evaluations"


async def test_a_supervisor_who_takes_calls_does_not_decide_about_their_own(site: Site) -> None:
    hashed = site.fakes.users.rows[DEMO, "watanabe"].password_hash
    site.fakes.users.add(person("boss", "supervisor", "agent", agent="sato"), hashed)
    disputed = replace(evaluation(), state=EvaluationState.DISPUTED, call_id=CALL.call_id, submitted_at=T0)
    await site.fakes.evaluations.begin(disputed)
    review = {"version": disputed.version, "outcome": "upheld", "note": "x"}
    for login, status in (("boss", 403), ("tanaka", 200)):
        client = await site.logged_in(login)
        async with client.post(f"/api/evaluations/{disputed.evaluation_id}/review", json=review) as answer:
            told = await answer.json()
            assert (answer.status, told.get("key")) == (status, "own_evaluation" if status == 403 else None)


async def test_a_form_that_was_retired_takes_no_new_scores(site: Site) -> None:
    site.fakes.calls.rows.append(CALL)
    qa = await site.logged_in("watanabe")
    for active, status in ((False, 409), (True, 200)):
        await site.fakes.evaluation_forms.set_active(DEMO, "members", active=active)
        async with qa.post(SCORES, json={"agent": "sato", "form": "members"}) as answer:
            told = await answer.json()
            assert (answer.status, told.get("key")) == (status, None if active else "no_such_form")


def test_what_several_people_gave_is_compared_as_they_gave_it_and_on_one_version_of_the_form() -> None:
    """What a review made of a score later says nothing of how far apart two people were."""
    mine = replace(submit(evaluation(1), FORM, T0), tenths=1000, answers={})  # changed by a review since
    other = submit(evaluation(2, evaluator="mori", answers=FULL | given(name=1)), FORM, T0)
    newer = replace(submit(evaluation(3, evaluator="abe"), FORM, T0), form_version=2)
    draft = evaluation(4, evaluator="ito")
    seen = Seen(login="watanabe", names={}, versions={("members", number): version(number) for number in (1, 2)})
    (found,) = comparisons([mine, newer, other, draft], seen)
    assert [line.evaluator for line in found.evaluations] == ["watanabe", "mori"]
    assert (found.form_version, found.scores, found.spread) == (1, [75.6, 66.3], 9.3)
    assert [(one.question, one.given) for one in found.questions if one.spread] == [("name", [3, 1])]
