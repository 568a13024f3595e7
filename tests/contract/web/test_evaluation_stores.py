"""Scores and forms on a real PostgreSQL: versions, races, pages."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from cti.domain import evaluationsteps as steps
from cti.domain.errors import NotFound
from cti.domain.evaluation import Answer, Evaluation, EvaluationChanged, EvaluationFilter, EvaluationState
from cti.domain.evaluationform import FormChanged
from cti.domain.model import CallId, TenantId
from cti.store.evaluationforms import EvaluationFormStore
from cti.store.evaluations import EvaluationStore
from tests.unit.domain.evaluations import FORM, FULL, T0, evaluation

DEMO, LEASE = TenantId("demo"), TenantId("lease")


@pytest.fixture
async def forms(pool: asyncpg.Pool[Any]) -> EvaluationFormStore:
    store = EvaluationFormStore(pool)
    for tenant in (DEMO, LEASE):
        await store.publish(tenant, "members", FORM, after=0, by="tanaka", note="初版", at=T0)
    return store


@pytest.fixture
def store(pool: asyncpg.Pool[Any], forms: EvaluationFormStore) -> EvaluationStore:
    return EvaluationStore(pool)


def draft(number: int = 1, **changes: Any) -> Evaluation:
    return replace(evaluation(number, answers={}), **changes)


async def test_of_many_who_publish_at_once_one_does(forms: EvaluationFormStore) -> None:
    made = await asyncio.gather(
        *(forms.publish(DEMO, "members", FORM, after=1, by=f"u{n}", note="", at=T0) for n in range(5)),
        return_exceptions=True,
    )
    assert [one for one in made if isinstance(one, int)] == [2]
    assert sum(isinstance(one, FormChanged) for one in made) == 4
    history = await forms.history(DEMO, "members")
    assert [(one.version, one.form, one.active) for one in history] == [(2, FORM, True), (1, FORM, True)]
    assert [one.version for one in await forms.newest(LEASE)] == [1], "another desk has versions of its own"
    assert set(await forms.some(DEMO, [("members", 1), ("none", 1)])) == {("members", 1)}
    with pytest.raises(FormChanged):
        await forms.publish(DEMO, "unheard-of", FORM, after=3, by="x", note="", at=T0)
    with pytest.raises(FormChanged):
        await forms.publish(DEMO, "members", FORM, after=0, by="x", note="", at=T0)


async def test_a_retired_form_stays_readable(forms: EvaluationFormStore) -> None:
    await forms.set_active(DEMO, "members", False)
    assert [one.active for one in await forms.newest(DEMO)] == [False]
    assert [one.active for one in await forms.newest(LEASE)] == [True]
    with pytest.raises(NotFound):
        await forms.set_active(DEMO, "none", False)


async def test_a_score_goes_its_way_and_is_read_as_it_was_stored(store: EvaluationStore) -> None:
    first = await store.begin(draft())
    assert first == draft()
    assert await store.begin(draft(2)) == first, "who begins again goes on"
    words = {**FULL, "name": Answer(value=3, comment="名乗りが早い\n'); DROP TABLE x;--", at_s=12.5)}
    saved = await store.put(steps.save(first, FORM, words, "全体", T0 + timedelta(seconds=5)))
    submitted = await store.put(steps.submit(saved, FORM, T0 + timedelta(minutes=1)))
    disputed = await store.put(steps.dispute(submitted, FORM, "違います", T0 + timedelta(days=1)))
    final = steps.review(disputed, FORM, by="tanaka", answers=FULL, words="変更", at=T0 + timedelta(days=2))
    assert await store.put(final) == final
    assert await store.get(DEMO, final.evaluation_id) == final
    assert (final.first_answers, final.tenths, final.first_tenths) == (words, 756, 756)
    assert await store.get(LEASE, final.evaluation_id) is None


async def test_of_many_who_save_over_one_version_one_does(store: EvaluationStore) -> None:
    first = await store.begin(draft())
    wanted = [steps.save(first, FORM, FULL, f"画面 {n}", T0) for n in range(5)]
    made = await asyncio.gather(*(store.put(one) for one in wanted), return_exceptions=True)
    (won,) = [one for one in made if isinstance(one, Evaluation)]
    assert {one.stored.note for one in made if isinstance(one, EvaluationChanged)} == {won.note}
    with pytest.raises(EvaluationChanged):
        await store.discard(first)
    await store.discard(won)
    with pytest.raises(NotFound):
        await store.put(steps.save(won, FORM, FULL, "", T0))
    with pytest.raises(NotFound):
        await store.discard(won)


async def test_lists_hold_what_was_submitted_and_ones_own_drafts(store: EvaluationStore) -> None:
    for number in range(1, 8):
        call_id = CallId(f"00000000-0000-4000-8000-{number:012d}")
        begun = await store.begin(draft(number, call_id=call_id, began_at=T0 + timedelta(hours=number // 2)))
        saved = await store.put(steps.save(begun, FORM, FULL, "", T0))
        if number > 2:
            await store.put(steps.submit(saved, FORM, T0))
    everything = await store.page(DEMO, EvaluationFilter(drafts_of="watanabe"))
    assert [one.evaluation_id[-1] for one in everything] == ["7", "6", "5", "4", "3", "2", "1"]
    assert len(await store.page(DEMO, EvaluationFilter(drafts_of="mori"))) == 5
    pages, after = [], None
    while page := await store.page(DEMO, EvaluationFilter(drafts_of="watanabe", limit=2, after=after)):
        pages += page
        after = (page[-1].began_at, page[-1].evaluation_id)
    assert pages == everything
    drafts = await store.page(DEMO, EvaluationFilter(drafts_of="watanabe", state=EvaluationState.DRAFT))
    assert len(drafts) == 2
    assert await store.page(DEMO, EvaluationFilter(least_tenths=757)) == []
    assert len(await store.page(DEMO, EvaluationFilter(least_tenths=756, most_tenths=756, agent="sato"))) == 5
    assert await store.page(LEASE, EvaluationFilter(drafts_of="watanabe")) == []
    assert [one.evaluation_id for one in await store.of_call(DEMO, everything[0].call_id)] == [
        everything[0].evaluation_id
    ]


async def test_what_one_is_scoring_oneself_is_not_listed_before(store: EvaluationStore) -> None:
    async def scored(number: int, evaluator: str, **changes: Any) -> Evaluation:
        begun = await store.begin(replace(evaluation(number, evaluator=evaluator, answers={}), **changes))
        saved = await store.put(steps.save(begun, FORM, FULL, "", T0))
        return await store.put(steps.submit(saved, FORM, T0))

    def listed(found: list[Evaluation]) -> list[str]:
        return [one.evaluation_id[-1] for one in found]

    await scored(1, "mori")
    await scored(2, "mori", agent="suzuki")
    await scored(3, "mori", call_id=CallId("00000000-0000-4000-8000-00000000000b"))
    own = await store.begin(draft(4))
    asks = EvaluationFilter(drafts_of="watanabe", waits_for="watanabe")
    assert listed(await store.page(DEMO, asks)) == ["4", "3", "2"], "another agent, another call: no matter"
    assert listed(await store.page(DEMO, replace(asks, least_tenths=756))) == ["3", "2"], "nor found by its points"
    assert listed(await store.page(DEMO, EvaluationFilter(drafts_of="tanaka", waits_for="tanaka"))) == ["3", "2", "1"]
    saved = await store.put(steps.save(own, FORM, FULL, "", T0))
    await store.put(steps.submit(saved, FORM, T0))
    assert listed(await store.page(DEMO, asks)) == ["4", "3", "2", "1"]


async def test_people_who_left_keep_their_names(store: EvaluationStore) -> None:
    assert ("gone", "gone 花子", frozenset({"agent"})) in await store.people(DEMO)
    assert [login for login, _, _ in await store.people(DEMO, gone=False)] == ["sato", "watanabe"]
