"""What a journal says twice, late or out of date, against the real tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from cti.domain import events as ev
from cti.domain.errors import Unavailable
from cti.domain.model import (
    AgentId,
    AgentState,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    EndedBy,
    EndReason,
    Link,
    LinkConfidence,
    OfferId,
    OfferOutcome,
    OfferRecord,
    TalkSegment,
    TenantId,
    UniqueId,
)
from cti.store.calls import CallStore
from cti.store.journal import DiskJournal
from cti.store.linkrecorder import LinkRecorder
from cti.store.links import LinkStore
from cti.store.recorder import CallRecorder
from routing.desk import DecisionRow, StateRow
from routing.store import RoutingStore

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DEMO, SATO = TenantId("demo"), AgentId("sato")
CALL_ID = CallId("00000000-0000-0000-0000-000000000001")


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


TALKING = Call(
    call_id=CALL_ID,
    tenant=DEMO,
    state=CallState.TALKING,
    channel=ChannelName("PJSIP/trunk-1"),
    uniqueid=UniqueId("1.0"),
    number_called="+815012345000",
    caller=CallerNumber(kind=CallerKind.NUMBER, e164="+819012345678", national="090-1234-5678"),
    arrived_at=NOW,
    offers=(OfferRecord(offer_id=OfferId("0a" * 16), agent=SATO, reason="", offered_at=later(1)),),
    talks=(
        TalkSegment(
            agent=SATO,
            offer_id=OfferId("0a" * 16),
            agent_channel=ChannelName("PJSIP/demo-sato-1"),
            agent_uniqueid=UniqueId("1.1"),
            answered_at=later(2),
        ),
    ),
    answered_at=later(2),
)
ENDED = replace(
    TALKING,
    state=CallState.ENDED,
    offers=(replace(TALKING.offers[0], rang_at=later(1.5), ended_at=later(2), outcome=OfferOutcome.ACCEPTED),),
    talks=(replace(TALKING.talks[0], ended_at=later(9)),),
    ended_at=later(9),
    ended_by=EndedBy.CALLER,
    end_reason=EndReason.COMPLETED,
)


class Away:
    """A database that is not there."""

    async def save(self, calls: Any = (), links: Any = (), recordings: Any = ()) -> None:
        raise ConnectionRefusedError("away")

    async def handle(self, event: ev.CallLinked) -> None:
        raise Unavailable("away")


def found(n: int, why: str) -> ev.CallLinked:
    link = Link(confidence=LinkConfidence.LIKELY, score=0.5, why=why)
    return ev.CallLinked(at=later(n), tenant=DEMO, call=TALKING, link=link, status="live")


def decision(n: int) -> DecisionRow:
    return DecisionRow(
        tenant=DEMO, at=later(n), kind="offered", slug="longest_idle", params={"idle": n}, call_id=CALL_ID, agent=SATO
    )


@asynccontextmanager
async def dying(folder: Path) -> AsyncIterator[DiskJournal]:
    """The journal of a process that ends without a word: what is on disk by then stays as it is."""
    journal = DiskJournal(folder)
    yield journal
    await journal.synced()
    await journal.close()


async def test_an_older_word_opens_no_closed_call(database: asyncpg.Pool[Any]) -> None:
    store = CallStore(database)
    await store.save([ENDED])
    await store.save([TALKING])
    assert await store.get(DEMO, CALL_ID) == ENDED


async def test_a_menu_may_still_complete_a_closed_call(database: asyncpg.Pool[Any]) -> None:
    store = CallStore(database)
    await store.save([ENDED])
    more = replace(ENDED, hangup_cause=16, extra={"k": "v"})
    await store.save([more])
    assert await store.get(DEMO, CALL_ID) == more


async def test_calls_survive_the_process(database: asyncpg.Pool[Any], tmp_path: Path) -> None:
    async with dying(tmp_path) as journal:
        before = CallRecorder(Away(), journal=journal)
        await before.start()
        before.take(ev.CallAnswered(at=NOW, tenant=DEMO, call=TALKING, agent=SATO, offer_id=None))
        while before.degraded is None:
            await journal.synced()
            await _turn()
        before.take(ev.CallEnded(at=NOW, tenant=DEMO, call=ENDED))
        before.take(ev.RecordingStored(at=NOW, tenant=DEMO, call_id=CALL_ID, uri="s3://b/k", sha256="0", duration_s=1))
        assert await before.stop(deadline_s=0.01) == 2
    after = CallRecorder(CallStore(database), journal=DiskJournal(tmp_path))
    assert await after.recover() == 2
    assert after.newest([TALKING]) == [], "who takes live calls back need not wait for the table"
    await after.start()
    await after.settled()
    assert await CallStore(database).get(DEMO, CALL_ID) == ENDED
    assert await database.fetchval("SELECT recording_uri FROM calls") == "s3://b/k"
    assert list(tmp_path.iterdir()) == []
    await after.stop()


async def test_a_start_without_database_keeps_the_journal(database: asyncpg.Pool[Any], tmp_path: Path) -> None:
    async with dying(tmp_path) as journal:
        before = CallRecorder(Away(), journal=journal)
        before.take(ev.CallEnded(at=NOW, tenant=DEMO, call=ENDED))
        journal.begin()
        await journal.synced()
    for _ in range(2):
        async with dying(tmp_path) as journal:
            between = CallRecorder(Away(), journal=journal)
            assert await between.recover() == 1
            await between.start()
            assert await between.stop(deadline_s=0.05) == 1
    after = CallRecorder(CallStore(database), journal=DiskJournal(tmp_path))
    assert await after.recover() == 1
    await after.start()
    await after.settled()
    assert await CallStore(database).get(DEMO, CALL_ID) == ENDED
    await after.stop()


async def test_links_that_are_told_twice_are_kept_once(database: asyncpg.Pool[Any], tmp_path: Path) -> None:
    store = LinkStore(database)
    async with dying(tmp_path) as journal:
        before = LinkRecorder(Away(), journal=journal)
        journal.begin()
        for event in (found(1, "a"), found(2, "b"), found(3, "a")):
            before.take(event)
        await journal.synced()
    for event in (found(1, "a"), found(2, "b")):  # written, and the process died before the journal was put away
        await store.handle(event)
    after = LinkRecorder(store, journal=DiskJournal(tmp_path))
    assert await after.recover() == 3
    await after.start()
    await after.settled()
    assert [link.link.why for link in await store.history(DEMO, CALL_ID)] == ["a", "b", "a"]
    assert list(tmp_path.iterdir()) == []
    await after.stop()


async def test_decisions_once_and_no_state_older_than_the_tables(database: asyncpg.Pool[Any], tmp_path: Path) -> None:
    def state(agent: str, n: int, value: AgentState) -> StateRow:
        return StateRow(tenant=DEMO, agent=AgentId(agent), state=value, reason="", since=later(n))

    async with dying(tmp_path) as journal:
        before = RoutingStore(database, journal)
        journal.begin()
        before.put_state(state("sato", 5, AgentState.BREAK))
        before.put_state(state("smith", 1, AgentState.BREAK))
        for n in (1, 2, 3):
            before.put_decision(decision(n))
        await journal.synced()
    meanwhile = RoutingStore(database)  # a second server, and what the first had written
    meanwhile.put_state(state("sato", 4, AgentState.AVAILABLE))
    meanwhile.put_state(state("smith", 9, AgentState.TRAINING))
    meanwhile.put_decision(decision(1))
    await meanwhile.start()
    assert await meanwhile.stop() == 0
    after = RoutingStore(database, DiskJournal(tmp_path))
    assert await after.recover() == 4, "what is older than the table's word is left out"
    assert {row.agent: row.state for row in await after.states()} == {"sato": "break", "smith": "training"}
    await after.start()
    assert await after.stop() == 0
    assert {row.agent: row.state for row in await after.states()} == {"sato": "break", "smith": "training"}
    assert [row.params["idle"] for row in await after.decisions_of(DEMO, CALL_ID)] == [1, 2, 3]
    assert list(tmp_path.iterdir()) == []


async def test_a_row_that_the_database_refuses_stops_no_start(database: asyncpg.Pool[Any], tmp_path: Path) -> None:
    async with dying(tmp_path) as journal:
        before = RoutingStore(database, journal)
        journal.begin()
        before.put_decision(replace(decision(1), slug="a\0b"))
        before.put_decision(decision(2))
        await journal.synced()
    after = RoutingStore(database, DiskJournal(tmp_path))
    assert await after.recover() == 2
    await after.start()
    assert await after.stop() == 0
    assert [row.params["idle"] for row in await after.decisions_of(DEMO, CALL_ID)] == [2]


async def _turn() -> None:

    await asyncio.sleep(0)
