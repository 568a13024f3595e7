"""Calls in a real PostgreSQL: what is saved is what is read, page by page, and the recorder outlives an outage."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from cti.demo.postgres import RunningPostgres
from cti.domain import events as ev
from cti.domain.model import (
    AgentId,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    EndedBy,
    EndReason,
    LegFigures,
    LegSound,
    Link,
    LinkConfidence,
    MenuFacts,
    MenuId,
    MenuStep,
    OfferId,
    OfferOutcome,
    OfferRecord,
    QueueId,
    SkillId,
    SkillLevel,
    TalkSegment,
    TenantId,
    UniqueId,
)
from cti.store.calls import CallStore
from cti.store.pool import create_pool
from cti.store.recorder import CallRecorder

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DEMO, OTHER = TenantId("demo"), TenantId("other")
LINK = Link(confidence=LinkConfidence.LIKELY, score=0.8, why="number_only", member_id="M-1", reservation_id="R-1")


@dataclass(frozen=True, kw_only=True)
class Key:
    at: datetime
    call_id: CallId


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """As cti.web.ports.CallFilter."""

    since: datetime | None = None
    until: datetime | None = None
    queue: str | None = None
    agent: str | None = None
    end_reason: EndReason | None = None
    number_part: str | None = None
    limit: int = 50
    after: Key | None = None


def call_id(number: int) -> CallId:
    return CallId(str(UUID(int=number)))


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def a_call(number: int = 1, **changes: Any) -> Call:
    """A call that has seen everything."""
    call = Call(
        call_id=call_id(number),
        tenant=DEMO,
        state=CallState.ENDED,
        channel=ChannelName("PJSIP/trunk-00000001"),
        uniqueid=UniqueId(f"{number}.0"),
        number_called="+81501234500",
        caller=CallerNumber(kind=CallerKind.NUMBER, e164="+819012345678", national="090-1234-5678"),
        arrived_at=later(number),
        menu_at=later(number + 1),
        menu=MenuFacts(
            menu=MenuId("main"),
            language="ja",
            path=(MenuStep(node="kind", keys="1", label="会員"),),
            is_member=True,
            reservation_number="12345678",
            reason="unlock",
            queue=QueueId("members"),
            skills=(SkillLevel(skill=SkillId("ja"), level=3),),
        ),
        queue=QueueId("members"),
        queued_at=later(number + 2),
        offers=(
            OfferRecord(
                offer_id=OfferId("0a" * 16), agent=AgentId("sato"), reason="最長待機", offered_at=later(number + 3),
                rang_at=later(number + 3.5), ended_at=later(number + 4), outcome=OfferOutcome.REJECTED,
            ),
            OfferRecord(
                offer_id=OfferId("0b" * 16), agent=AgentId("suzuki"), reason="最長待機", offered_at=later(number + 5),
                rang_at=later(number + 5.5), ended_at=later(number + 6), outcome=OfferOutcome.ACCEPTED,
            ),
        ),
        talks=(
            TalkSegment(
                agent=AgentId("suzuki"), offer_id=OfferId("0b" * 16), agent_channel=ChannelName("PJSIP/demo-suzuki-2"),
                agent_uniqueid=UniqueId("2.1"), answered_at=later(number + 6), ended_at=later(number + 60),
            ),
        ),
        answered_at=later(number + 6),
        held_s=3.25,
        transferred_at=(later(number + 30),),
        sounds=(
            LegSound(
                uniqueid=UniqueId(f"{number}.0"), agent=None, began_at=later(number), ended_at=later(number + 60),
                figures=LegFigures(
                    received=2900, lost_from=3, jitter_from_ms=0.5, sent=3000, lost_to=None, jitter_to_ms=None,
                    round_trip_ms=21.5,
                ),
            ),
        ),
        fallback_at=later(number + 2.5),
        ended_at=later(number + 60),
        ended_by=EndedBy.AGENT,
        end_reason=EndReason.COMPLETED,
        hangup_cause=16,
        link=LINK,
        extra={"k": "値"},
    )  # fmt: skip
    return replace(call, **changes)


@pytest.fixture
def store(database: asyncpg.Pool[Any]) -> CallStore:
    return CallStore(database)


async def test_what_is_saved_is_what_is_read(store: CallStore) -> None:
    call = a_call()
    await store.save([call])
    assert await store.get(DEMO, call.call_id) == call


async def test_a_live_call_grows(store: CallStore) -> None:
    young = replace(
        a_call(state=CallState.ARRIVED, menu_at=None, menu=None, queue=None, queued_at=None, offers=(), talks=()),
        answered_at=None, transferred_at=(), fallback_at=None, ended_at=None, ended_by=None, end_reason=None,
        hangup_cause=None, link=None,
    )  # fmt: skip
    await store.save([young])
    assert await store.get(DEMO, young.call_id) == young
    await store.save([a_call()])
    assert await store.get(DEMO, young.call_id) == a_call()


async def test_what_a_restart_forgot_is_kept(store: CallStore) -> None:
    await store.save([a_call()])
    await store.save([a_call(menu=None, menu_at=None, link=None, queued_at=None)])
    assert await store.get(DEMO, call_id(1)) == a_call()


async def test_a_tenant_sees_its_own_calls_only(store: CallStore) -> None:
    await store.save([a_call(1), a_call(2, tenant=OTHER)])
    assert [c.call_id for c in await store.page(DEMO, Wanted())] == [call_id(1)]
    assert await store.get(DEMO, call_id(2)) is None
    assert await store.of_agent(OTHER, AgentId("suzuki"), NOW) == (a_call(2, tenant=OTHER),)


@pytest.mark.parametrize("text", ["", "no-uuid", "1" * 500, "'; DROP TABLE calls; --"])
async def test_no_call_has_an_id_that_is_none(store: CallStore, text: str) -> None:
    assert await store.get(DEMO, CallId(text)) is None


async def test_pages_meet_without_a_gap_and_without_an_overlap(store: CallStore) -> None:
    same_time = [a_call(n, arrived_at=NOW if n % 2 else later(n)) for n in range(1, 31)]
    await store.save(same_time)
    seen: list[Call] = []
    after = None
    while page := await store.page(DEMO, Wanted(limit=7, after=after)):
        seen += page
        after = Key(at=page[-1].arrived_at, call_id=page[-1].call_id)
    assert seen == sorted(same_time, key=lambda c: (c.arrived_at, c.call_id), reverse=True)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(since=later(2)), [3, 2]),
        (Wanted(until=later(2)), [1]),
        (Wanted(queue="roadside"), [2]),
        (Wanted(agent="sato"), [3, 1]),
        (Wanted(agent="smith"), [2]),
        (Wanted(end_reason=EndReason.ABANDONED_IN_QUEUE), [3]),
        (Wanted(number_part="1234"), [2, 1]),
        (Wanted(number_part="090-1234"), [2, 1]),
        (Wanted(number_part="819012345678"), [2, 1]),
        (Wanted(number_part="0990"), []),
        (Wanted(number_part="%"), []),
        (Wanted(since=later(1), until=later(3), agent="sato"), [1]),
        (Wanted(limit=2), [3, 2]),
        (Wanted(limit=0), [3]),
        (Wanted(limit=10**9), [3, 2, 1]),
    ],
)
async def test_filters(store: CallStore, wanted: Wanted, numbers: list[int]) -> None:
    talk = a_call().talks[0]
    await store.save(
        [
            a_call(1),
            a_call(2, queue=QueueId("roadside"), offers=(), talks=(replace(talk, agent=AgentId("smith")),)),
            a_call(3, end_reason=EndReason.ABANDONED_IN_QUEUE, talks=(), caller=CallerNumber(kind=CallerKind.WITHHELD)),
        ]
    )
    assert [c.call_id for c in await store.page(DEMO, wanted)] == [call_id(n) for n in numbers]


async def test_figures_of_queues(store: CallStore, database: asyncpg.Pool[Any]) -> None:
    await database.execute("INSERT INTO tenants VALUES ('demo', 'd', 'Asia/Tokyo', 'ja')")
    await database.execute(
        "INSERT INTO queues (tenant, queue, name_ja, name_en, service_level_s) VALUES ('demo', 'members', 'm', 'm', 5)"
    )
    await store.save(
        [
            a_call(1),  # answered after 4 s
            a_call(2, answered_at=later(12)),  # after 8 s
            a_call(3, answered_at=None, talks=(), end_reason=EndReason.ABANDONED_IN_QUEUE),
            a_call(4, queue=None, queued_at=None, answered_at=None, end_reason=EndReason.ABANDONED_IN_MENU),
            a_call(5, ended_at=None, state=CallState.TALKING),  # not closed
        ]
    )
    (figures,) = (await store.figures(DEMO, NOW)).values()
    assert (figures.offered, figures.answered, figures.abandoned, figures.in_time) == (3, 2, 1, 1)
    assert figures.asa_s == pytest.approx(6.0)
    assert await store.figures(DEMO, later(100)) == {}


async def test_a_restart_takes_live_calls_back(store: CallStore) -> None:
    live = a_call(2, state=CallState.TALKING, ended_at=None, ended_by=None, end_reason=None, hangup_cause=None)
    await store.save([a_call(1), live])
    assert await store.open_calls() == (live,)


async def test_nul_and_strange_text_are_stored(store: CallStore) -> None:
    strange = "a\0b\u2028😀'\"\\"
    await store.save([a_call(extra={strange: strange}, number_called=strange)])
    read = await store.get(DEMO, call_id(1))
    assert read is not None
    assert read.number_called == strange.replace("\0", "")
    assert read.extra == {strange.replace("\0", ""): strange.replace("\0", "")}


# -- the recorder ------------------------------------------------------------------------------------------


def told(call: Call, kind: type[ev.CallEvent] = ev.CallQueued) -> ev.Event:
    return kind(at=NOW, tenant=call.tenant, call=call)


async def test_the_recorder_keeps_the_newest_state_of_each_call(store: CallStore) -> None:
    recorder = CallRecorder(store)
    recorder.take(told(a_call(1, state=CallState.ARRIVED, ended_at=None), ev.CallArrived))
    recorder.take(told(a_call(2)))
    recorder.take(ev.CallEnded(at=NOW, tenant=DEMO, call=a_call(1)))
    await recorder.start()
    await recorder.settled()
    assert await store.get(DEMO, call_id(1)) == a_call(1)
    assert await store.get(DEMO, call_id(2)) == a_call(2)
    assert recorder.counts["saved"] == 2
    assert await recorder.stop() == 0


async def test_a_link_never_brings_back_an_old_state(store: CallStore) -> None:
    recorder = CallRecorder(store)
    await recorder.start()
    recorder.take(told(a_call(link=None), ev.CallEnded))
    await recorder.settled()
    old = a_call(state=CallState.ARRIVED, ended_at=None, link=LINK)
    recorder.take(ev.CallLinked(at=NOW, tenant=DEMO, call=old, link=LINK, status="live"))
    await recorder.settled()
    assert await store.get(DEMO, call_id(1)) == a_call()
    await recorder.stop()


async def test_a_stored_recording_is_part_of_the_record(store: CallStore, database: asyncpg.Pool[Any]) -> None:
    recorder = CallRecorder(store)
    await recorder.start()
    recorder.take(told(a_call()))
    recorder.take(
        ev.RecordingStored(
            at=later(99), tenant=DEMO, call_id=call_id(1), uri="s3://b/k", sha256="0" * 64, duration_s=1.0
        )
    )
    await recorder.settled()
    row = await database.fetchrow("SELECT recording_uri, recording_stored_at FROM calls")
    assert row is not None
    assert tuple(row) == ("s3://b/k", later(99))
    await recorder.stop()


async def test_one_record_that_cannot_be_stored_costs_no_other(store: CallStore) -> None:
    recorder = CallRecorder(store)
    recorder.take(told(a_call(1)))
    recorder.take(told(a_call(2, hangup_cause=2**40)))
    recorder.take(told(a_call(3)))
    await recorder.start()
    await recorder.settled()
    assert [c.call_id for c in await store.page(DEMO, Wanted())] == [call_id(3), call_id(1)]
    assert recorder.counts["refused"] == 1
    assert recorder.degraded is None
    await recorder.stop()


async def test_records_wait_for_a_database_that_is_away(database_url: str, postgres: RunningPostgres) -> None:
    """A real outage: connections are cut and new ones refused; afterwards everything is there, newest state only."""
    admin = await asyncpg.connect(postgres.url)
    name = database_url.rsplit("/", 1)[1]
    pool = await create_pool(database_url, max_size=2)
    store = CallStore(pool)
    recorder = CallRecorder(store)
    await recorder.start()
    try:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        recorder.take(told(a_call(1, state=CallState.ARRIVED, ended_at=None), ev.CallArrived))
        async with asyncio.timeout(10):
            while (why := recorder.degraded) is None:
                await asyncio.sleep(0.01)
        assert "1 records wait" in why
        for number in range(2, 30):
            recorder.take(told(a_call(number)))
        recorder.take(told(a_call(1), ev.CallEnded))
        assert recorder.waiting == 29
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        async with asyncio.timeout(10):
            await recorder.settled()
        assert recorder.degraded is None
        assert len(await store.page(DEMO, Wanted())) == 29
        assert await store.get(DEMO, call_id(1)) == a_call(1)
    finally:
        await recorder.stop()
        await pool.close()
        await admin.close()
