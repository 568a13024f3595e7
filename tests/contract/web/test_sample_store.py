"""Samples on a real PostgreSQL and over the handlers' own steps: what can be drawn, and what was."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from cti.domain.model import AgentId, CallId, TenantId
from cti.domain.sampling import Rule, RuleKind, draw
from cti.domain.samplingrun import DrawnMeanwhile, SampleItem, SampleRun, Wanted
from cti.store.evaluationforms import EvaluationFormStore
from cti.store.evaluations import EvaluationStore
from cti.store.evaluationsamples import EvaluationSampleStore
from tests.unit.domain.evaluations import FORM, T0, evaluation

DEMO = TenantId("demo")
SATO = AgentId("sato")
WANTED = Wanted(
    form_id="members", since=T0 - timedelta(days=1), until=T0 + timedelta(days=1), agents=[SATO], repeat_days=3
)


def call_id(number: int) -> CallId:
    return CallId(f"00000000-0000-4000-8000-{number:012d}")


async def heard(pool: asyncpg.Pool[Any], number: int, *, state: str = "stored", days: int = 0) -> CallId:
    at = T0 - timedelta(days=days)
    await pool.execute(
        "INSERT INTO recordings (tenant, call_id, state, moves, arrived_at, agents, sha256, silence_s)"
        " VALUES ('demo', $1, $2, 1, $3, '{sato,suzuki}', $4, 12.5)",
        call_id(number), state, at, "a" * 64 if state == "stored" else None,
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO call_links (tenant, call_id, at, made_by, confidence, score, why, status, member_id)"
        " VALUES ('demo', $1, $2, 'system', 'confirmed', 1, 'both', 'live', 'M-1')",
        call_id(number), at,
    )  # fmt: skip
    return call_id(number)


async def test_what_can_be_heard_and_is_not_scored_can_be_drawn(pool: asyncpg.Pool[Any]) -> None:
    store = EvaluationSampleStore(pool)
    await EvaluationFormStore(pool).publish(DEMO, "members", FORM, after=0, by="t", note="", at=T0)
    first = await heard(pool, 1)
    before = await heard(pool, 2, days=2)
    await heard(pool, 3, state="not_recorded")
    scored = evaluation(4)
    await heard(pool, 10)
    await EvaluationStore(pool).begin(scored)
    await pool.execute("UPDATE evaluations SET call_id = $1", call_id(10))
    (found,) = await store.candidates(DEMO, WANTED)
    assert (found.call_id, found.agent, found.silence_s) == (first, "sato", 12.5)
    assert found.repeat_of == before, "the same member, two days before"
    (alone,) = await store.candidates(DEMO, replace(WANTED, repeat_days=1))
    assert alone.repeat_of is None, "too long ago"
    other = await store.candidates(DEMO, replace(WANTED, form_id="other"))
    assert {one.call_id for one in other} == {first, call_id(10)}, "scored on another form"
    assert await store.candidates(DEMO, replace(WANTED, until=T0)) == [], "the end is no part of it"
    assert await store.candidates(TenantId("lease"), WANTED) == []


async def test_a_run_is_kept_and_its_calls_are_not_drawn_again(pool: asyncpg.Pool[Any]) -> None:
    store = EvaluationSampleStore(pool)
    await heard(pool, 1)
    made = draw(await store.candidates(DEMO, WANTED), [Rule(kind=RuleKind.RANDOM, per_agent=2)], [SATO], "s")
    assert made.short == {SATO: 1}
    run = SampleRun(
        sample_id="a" * 32, form_id="members", seed="s", plan=[{"kind": "random"}], since=WANTED.since,
        until=WANTED.until, candidates=1, short=made.short, made_at=T0, made_by="watanabe",
    )  # fmt: skip
    (one,) = made.chosen
    item = SampleItem(
        sample_id=run.sample_id, form_id="members", place=1, call_id=one.call_id, agent=SATO, because=one.because,
        detail=one.detail, assignee="watanabe",
    )  # fmt: skip
    await store.add(DEMO, run, [item])
    assert await store.runs(DEMO) == [run]
    assert await store.items(DEMO, assignee="watanabe") == [item]
    assert await store.items(DEMO, assignee="mori") == []
    assert await store.items(TenantId("lease")) == []
    assert await store.candidates(DEMO, WANTED) == []
    other = await store.candidates(DEMO, replace(WANTED, form_id="other"))
    assert [found.call_id for found in other] == [one.call_id], "drawn on another form"
    await EvaluationFormStore(pool).publish(DEMO, "members", FORM, after=0, by="t", note="", at=T0)
    await EvaluationStore(pool).begin(replace(evaluation(5), call_id=one.call_id))
    assert await store.items(DEMO) == [item], "begun is not done"
    await pool.execute("UPDATE evaluations SET state = 'submitted', submitted_at = began_at")
    assert await store.items(DEMO) == [replace(item, done=True)]


def _run(number: int, form_id: str = "members") -> SampleRun:
    return SampleRun(
        sample_id=f"{number:032x}", form_id=form_id, seed=str(number), plan=[], since=WANTED.since,
        until=WANTED.until, candidates=1, short={}, made_at=T0, made_by="watanabe",
    )  # fmt: skip


def _item(run: SampleRun, one: CallId) -> SampleItem:
    return SampleItem(
        sample_id=run.sample_id, form_id=run.form_id, place=1, call_id=one, agent=SATO, because=RuleKind.RANDOM,
        assignee="watanabe",
    )  # fmt: skip


async def test_of_draws_at_the_same_moment_one_takes_a_call(pool: asyncpg.Pool[Any]) -> None:
    store = EvaluationSampleStore(pool)
    for form in ("members", "other"):
        await EvaluationFormStore(pool).publish(DEMO, form, FORM, after=0, by="t", note="", at=T0)
    one = await heard(pool, 1)
    runs = [_run(number) for number in range(1, 5)]
    made = await asyncio.gather(*(store.add(DEMO, run, [_item(run, one)]) for run in runs), return_exceptions=True)
    assert [type(each) for each in made].count(DrawnMeanwhile) == 3, made
    assert made.count(None) == 1
    assert len(await store.items(DEMO)) == len(await store.runs(DEMO)) == 1, "who lost left nothing behind"
    other = _run(9, "other")
    await store.add(DEMO, other, [_item(other, one)])
    assert len(await store.items(DEMO)) == 2, "another form may have it too"
    with pytest.raises(DrawnMeanwhile):
        await store.add(DEMO, _run(10), [_item(_run(10), one)])
