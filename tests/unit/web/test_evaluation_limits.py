"""What nobody may do with scores, whatever their roles: judge their own work, score on a form that was retired."""

from __future__ import annotations

from dataclasses import replace

from cti.domain.evaluation import EvaluationState
from tests.unit.domain.evaluations import T0, evaluation
from tests.unit.web.conftest import Site
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
