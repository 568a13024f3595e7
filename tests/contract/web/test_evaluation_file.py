"""Forms of a desk file on a real PostgreSQL: a start, and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import asyncpg

from cti.desk.applyforms import apply_forms
from cti.desk.formschema import EvaluationForm
from cti.domain.evaluationform import Form
from cti.domain.model import TenantId
from cti.store.evaluationforms import EvaluationFormStore
from tests.pools import lent
from tests.unit.domain.evaluations import T0

DEMO = TenantId("demo")
NAME = {"ja": "票", "en": "Form"}


def said(weight: int) -> EvaluationForm:
    question = {"id": "q", "name": NAME, "weight": weight}
    return EvaluationForm.model_validate(
        {"id": "members", "name": NAME, "sections": [{"id": "s", "name": NAME, "questions": [question]}]}
    )


async def test_the_pages_word_stays_until_the_file_says_something_new(pool: asyncpg.Pool[Any]) -> None:
    store = EvaluationFormStore(pool)

    async def applied(form: EvaluationForm) -> list[tuple[str, str]]:
        async with lent(pool) as conn, conn.transaction():
            return list(await apply_forms(conn, "demo", [form], "root"))

    async def history() -> list[Form]:
        return [one.form for one in await store.history(DEMO, "members")]

    assert await applied(said(1)) == [("members", "added")]
    assert await applied(said(1)) == []
    page = replace(said(1).form(), name_en="From the page")
    assert await store.publish(DEMO, "members", page, after=1, by="tanaka", note="", at=T0) == 2
    assert await applied(said(1)) == [("members", "kept")]
    assert await history() == [page, said(1).form()]
    assert await applied(said(5)) == [("members", "changed")]
    assert await history() == [said(5).form(), page, said(1).form()]
    await store.set_active(DEMO, "members", False)
    assert await applied(said(5)) == []
    assert [one.active for one in await store.newest(DEMO)] == [False], "the file said nothing new"
