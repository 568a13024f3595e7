"""Callers who wait on a real Asterisk: sent on to another queue, told what everybody is to know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from cti.demo.client import logged_in
from cti.demo.stack import Stack
from cti.domain.spoken import sound_name
from tests.e2e.desk.office import at_work, calling, newest_call, of_call, offered, record_of
from tests.e2e.queues.callers import instant, likeness
from tests.e2e.queues.conftest import OVERFLOW_S, SLOW

pytestmark = pytest.mark.asyncio(loop_scope="package")


@asynccontextmanager
async def resting(desk: Stack) -> AsyncIterator[None]:
    """Suzuki is there, and takes a break: callers wait."""
    async with logged_in(desk.web, "suzuki", desk.password("suzuki")) as suzuki:
        await suzuki.set_state("break", "lunch")
        yield
        await suzuki.set_state("offline")


async def test_an_announcement_is_spoken_and_heard(desk: Stack) -> None:
    """Published as a supervisor does it; a caller who has to wait hears it a moment later, before any other words."""
    words = {"ja": "台風のため、到着が遅れています。", "en": "Because of a typhoon we are late."}
    ends_at = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:
        wanted = {"queue": "slow", "text": words, "ends_at": ends_at}
        async with supervisor.session.post(f"{desk.web}/api/announcements", json=wanted) as answer:
            assert answer.status == 200, await answer.text()
            made = await answer.json()
        async with resting(desk), calling(desk, number=SLOW, keys="") as caller:
            await newest_call(desk, lambda call: call["queue"] == "slow")
            await asyncio.sleep(6)  # the notice, a second of music, the words
            await caller.hangup()
            await caller.wait_for("CALL_CLOSED")
        async with supervisor.session.delete(f"{desk.web}/api/announcements/{made['id']}") as answer:
            assert answer.status == 204
    assert likeness(desk, caller, sound_name(words["ja"], words["en"])) > 0.8


async def test_overflow_to_the_other_queues_agent_with_the_age(desk: Stack) -> None:
    """Suzuki, the only one of the slow queue, talks; Smith, of the other queue, gets the caller after the overflow."""
    async with at_work(desk, "suzuki", "smith") as screens, calling(desk, number=SLOW, keys="") as first:
        _, pop = await screens["suzuki"].wait_for("pop", offered, "pop")
        await desk.phones["suzuki"].accept()
        await screens["suzuki"].wait_for("talk", of_call("pop.answered", pop["pop"]["call_id"]), "talk")
        async with calling(desk, number=SLOW, keys="", caller="080-2222-3333"):
            _, moved = await screens["smith"].wait_for("pop", offered, "pop", OVERFLOW_S + 15)
            record = await record_of(desk, moved["pop"]["call_id"], lambda it: it["queue"] == "english")
        await first.hangup()
    waited_s = (instant(record["offers"][0]["offered_at"]) - instant(record["queued_at"])).total_seconds()
    assert OVERFLOW_S - 0.5 < waited_s < OVERFLOW_S + 5
    conn = await asyncpg.connect(desk.postgres.url)
    try:
        why = await conn.fetch(
            "SELECT slug, result FROM routing_decisions WHERE call_id = $1 ORDER BY at", record["call_id"]
        )
    finally:
        await conn.close()
    assert [tuple(row) for row in why if row["result"] == "overflow"] == [("overflow_waited", "overflow")]
