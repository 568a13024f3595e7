"""Phones in browsers and how calls sounded there, on a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from cti.domain.errors import NotFound
from cti.domain.model import AgentId, TenantId
from cti.domain.quality import LineQuality
from cti.store.calls import CallStore
from cti.store.quality import QualityStore
from cti.web.phoneports import AgentPhone
from cti.wiring.phones import BrowserPhones
from tests.unit.web.fakes import call_id, closed_call

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
DEMO, LEASE, SATO, SUZUKI = TenantId("demo"), TenantId("lease"), AgentId("sato"), AgentId("suzuki")
FIRST = LineQuality(
    agent=SATO, talk_at=T0, reported_at=T0 + timedelta(seconds=30), measured_s=30.0, received=1500, lost_in=3,
    jitter_in_ms=1.5, jitter_in_max_ms=4.0, sent=1500, lost_out=None, jitter_out_ms=None, round_trip_ms=None,
    round_trip_max_ms=None,
)  # fmt: skip


async def test_the_longest_measurement_of_each_talk_stays(pool: asyncpg.Pool[Any]) -> None:
    await CallStore(pool).save([closed_call(1)])
    store = QualityStore(pool)
    assert await store.of_call(DEMO, call_id(1)) == []
    later = replace(FIRST, measured_s=60.0, reported_at=T0 + timedelta(seconds=60), lost_out=2, round_trip_ms=20.5)
    second = replace(FIRST, agent=SUZUKI, talk_at=T0 + timedelta(seconds=90))
    for measured in (second, FIRST, later, FIRST):
        await store.keep(DEMO, call_id(1), measured)
    assert await store.of_call(DEMO, call_id(1)) == [later, second]
    assert await store.of_call(LEASE, call_id(1)) == []


async def test_a_phone_comes_with_its_policy(pool: asyncpg.Pool[Any]) -> None:
    await pool.execute(
        "UPDATE agents SET phone = 'browser', auto_answer = 'always' WHERE tenant = 'demo' AND agent = 'sato'"
    )
    for queue, seconds in (("members", 2), ("roadside", None), ("urgent", 0)):
        await pool.execute(
            "INSERT INTO queues (tenant, queue, name_ja, name_en, auto_answer_s) VALUES ('demo', $1, $1, $1, $2)",
            queue, seconds,
        )  # fmt: skip
    phones = BrowserPhones("wss://cti.example.com/ws", pool)
    found = await phones.phone_of(DEMO, SATO)
    assert found == AgentPhone(in_browser=True, auto_answer="always", queues={"members": 2, "urgent": 0})  # type: ignore[dict-item]
    assert (await phones.log_in(DEMO, SATO)).endpoint == "demo-sato"
    with pytest.raises(NotFound):
        await phones.phone_of(LEASE, SATO)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE agents SET auto_answer = 'sometimes' WHERE tenant = 'demo'",
        "INSERT INTO queues (tenant, queue, name_ja, name_en, auto_answer_s) VALUES ('demo', 'late', '', '', 16)",
    ],
)
async def test_the_tables_hold_no_other_policy(pool: asyncpg.Pool[Any], statement: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await pool.execute(statement)
