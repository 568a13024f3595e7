"""Callers who wait on a real Asterisk: sent on to another queue, told what everybody is to know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from cti.demo.client import Person, logged_in
from cti.demo.phones import Baresip
from cti.demo.stack import Stack
from cti.demo.tones import RATE_HZ
from cti.domain.spoken import sound_name
from routing.announce import minutes, wait_prompt
from routing.expected import SEEN_CALLS
from tests.e2e.desk.office import at_work, calling, eventually, newest_call, of_call, offered, record_of
from tests.e2e.ivr.test_heard import samples
from tests.e2e.queues.callers import (
    asks,
    board_line,
    crowd,
    instant,
    likeness,
    line,
    said_in,
    saying,
    told_in,
)
from tests.e2e.queues.conftest import OVERFLOW_S, SLOW, TOLD

pytestmark = pytest.mark.asyncio(loop_scope="package")

OURS = "080-3333-4444"


@asynccontextmanager
async def announced(supervisor: Person, queue: str, words: Mapping[str, str]) -> AsyncIterator[None]:
    """Words for everybody who waits in this queue, published as a supervisor does it."""
    wanted = {"queue": queue, "text": words, "ends_at": (datetime.now(UTC) + timedelta(minutes=5)).isoformat()}
    made = await asks(supervisor, "POST", "/api/announcements", wanted)
    yield
    async with supervisor.session.delete(f"{supervisor.base}/api/announcements/{made['id']}") as answer:
        assert answer.status == 204


async def handled(phone: Baresip, calls: int) -> None:
    """An agent answers so many calls and hangs up, answers one more, and talks on."""
    since = len(phone.events)
    for call in range(1, calls + 2):
        await phone.wait_for("CALL_INCOMING", 25, since=since, count=call)
        await phone.accept()
        await phone.wait_for("CALL_ESTABLISHED", since=since, count=call)
        if call <= calls:
            await phone.hangup()


async def test_an_announcement_and_the_expected_wait_are_spoken_and_heard(desk: Stack) -> None:
    """Who has to wait hears what everybody is to know, a moment later; and, once enough calls were seen to believe it
    ourselves (decision 0200), how many minutes it will take, as the live page has it."""
    words = {"ja": "台風のため、到着が遅れています。", "en": "Because of a typhoon we are late."}
    async with (
        at_work(desk, "suzuki"),
        logged_in(desk.web, "tanaka", desk.password("tanaka")) as tanaka,
        announced(tanaka, "told", words),
        crowd(desk, TOLD, SEEN_CALLS + 1) as others,
    ):
        agent = asyncio.create_task(handled(desk.phones["suzuki"], SEEN_CALLS))
        # All hear the notice first: when the first of them comes into the line, the last will before who dials now.
        await eventually(lambda: line(tanaka, "told"), bool, 20)
        async with calling(desk, number=TOLD, keys="", caller=OURS) as caller:
            call_id = (await newest_call(desk, lambda call: call["caller"]["national"] == OURS))["call_id"]
            await agent
            await eventually(lambda: line(tanaka, "told"), lambda ids: ids == [call_id])
            channel = await told_in(desk, "cti-wait")
            said = await eventually(lambda: saying(desk, channel), lambda name: name.startswith("wait-"), 40)
            (waiting,) = await board_line(tanaka, "told")
            await asyncio.sleep(len(samples(said_in(desk, said))) / RATE_HZ + 1)
            await caller.hangup()
            await caller.wait_for("CALL_CLOSED")
        await desk.phones["suzuki"].hangup()
        assert (await others.finish()).successful == SEEN_CALLS + 1
    told = minutes(waiting["expected_s"])
    assert said == wait_prompt(told)
    # All of the words, which are alike but for the number; so another number is not found.
    assert likeness(desk, caller, wait_prompt(told), whole=True) > 0.8
    assert likeness(desk, caller, wait_prompt(told + 1), whole=True) < 0.6
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
        # Reasons are written some tenths of a second later; the agent's offer comes after the overflow's.
        why = await eventually(
            lambda: conn.fetch(
                "SELECT slug, result FROM routing_decisions WHERE call_id = $1 ORDER BY at", record["call_id"]
            ),
            lambda rows: len(rows) >= 2,
        )
    finally:
        await conn.close()
    assert [tuple(row) for row in why if row["result"] == "overflow"] == [("overflow_waited", "overflow")]
