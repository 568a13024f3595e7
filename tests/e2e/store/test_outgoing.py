"""Messages for other systems on a real PostgreSQL: with their facts or not at all, once, in order, none missed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cti.domain import events as ev
from cti.domain.callbacks import Callback, CallbackId, CallbackMove, advance
from cti.domain.model import (
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    EndedBy,
    EndReason,
    QueueId,
    TenantId,
    UniqueId,
)
from cti.domain.outgoing import Message, MessageKind, Outgoing
from cti.store.calls import CallStore
from cti.store.effects import EffectStore
from cti.store.journal import DiskJournal
from cti.store.outgoing import OutgoingStore, write_outgoing
from cti.store.pool import create_pool
from cti.store.recorder import AWAY, CallRecorder

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
DEMO, OTHER = TenantId("demo"), TenantId("other")


def call_id(number: int) -> CallId:
    return CallId(f"00000000-0000-4000-8000-{number:012d}")


def live(number: int, tenant: TenantId = DEMO) -> Call:
    return Call(
        call_id=call_id(number), tenant=tenant, state=CallState.QUEUED, channel=ChannelName("PJSIP/trunk-1"),
        uniqueid=UniqueId(f"1.{number}"), number_called="+81120000001", queue=QueueId("members"),
        caller=CallerNumber(kind=CallerKind.NUMBER, e164="+819012345678", national="090-1234-5678"),
        arrived_at=NOW, queued_at=NOW + timedelta(seconds=5),
    )  # fmt: skip


def closed(number: int, tenant: TenantId = DEMO) -> Call:
    return replace(
        live(number, tenant), state=CallState.ENDED, ended_at=NOW + timedelta(seconds=60 + number),
        ended_by=EndedBy.CALLER, end_reason=EndReason.ABANDONED_IN_QUEUE, hangup_cause=16,
    )  # fmt: skip


def stored(number: int, tenant: TenantId = DEMO) -> ev.RecordingStored:
    return ev.RecordingStored(
        at=NOW + timedelta(minutes=9), tenant=tenant, call_id=call_id(number), uri="s3://b/k", sha256="0" * 64,
        duration_s=61.5,
    )  # fmt: skip


def message(number: int, tenant: TenantId = DEMO) -> Outgoing:
    kind = MessageKind.CALL_CLOSED
    return Outgoing(tenant=tenant, kind=kind, about=call_id(number), call_id=call_id(number), at=NOW, body={})


CALLBACK = Callback(
    callback_id=CallbackId("c" * 32), tenant=DEMO, queue=QueueId("members"), origin=call_id(1),
    number="+819012345678", number_called="+815012345000", language="ja", queued_at=NOW, asked_at=NOW,
)  # fmt: skip


def told(messages: list[Message]) -> list[tuple[int, str, str]]:
    return [(m.id, m.kind.value, m.call_id) for m in messages]


async def everything(pool: asyncpg.Pool[Any], tenant: TenantId = DEMO) -> list[Message]:
    return await OutgoingStore(pool).after(tenant, 0, 200)


async def test_a_call_is_told_when_it_is_closed_and_only_once(database: asyncpg.Pool[Any]) -> None:
    calls = CallStore(database)
    await calls.save([live(1), closed(2)])
    await calls.save([closed(1), closed(1)], recordings=[stored(2)])
    await calls.save([closed(2)], recordings=[stored(2)])
    assert told(await everything(database)) == [
        (1, "call.closed", call_id(2)),
        (2, "call.closed", call_id(1)),
        (3, "recording.stored", call_id(2)),
    ]
    first = (await everything(database))[0]
    assert first.body["caller"] == {"kind": "number", "e164": "+819012345678", "national": "090-1234-5678"}
    assert (first.body["wait_s"], first.body["end_reason"]) == (57.0, "abandoned_in_queue")
    assert first.at == closed(2).ended_at


async def test_a_recording_that_was_stored_while_nobody_heard_is_told_at_the_next_start(
    database: asyncpg.Pool[Any],
) -> None:
    """The ledger is written by a process of its own: this one may die before it hears of it."""
    calls, now = CallStore(database), datetime.now(UTC)
    await database.execute("INSERT INTO tenants VALUES ('demo', 'Demo', 'Asia/Tokyo', 'ja')")
    await calls.save([closed(1), closed(2), closed(3)], recordings=[stored(1)])
    for number, state in ((1, "stored"), (2, "stored"), (3, "encoded")):
        await database.execute(
            "INSERT INTO recordings (tenant, call_id, state, moves, arrived_at, stored_at, uri, sha256, duration_s)"
            " VALUES ('demo', $1, $2, 7, $3, $3, 's3://b/k', $4, 12.5)", call_id(number), state, now, "0" * 64,
        )  # fmt: skip
    untold = await calls.untold_recordings()
    assert [(one.call_id, one.at, one.duration_s) for one in untold] == [(call_id(2), now, 12.5)]
    await calls.save(recordings=untold)
    assert await calls.untold_recordings() == []
    assert told(await everything(database))[-1] == (5, "recording.stored", call_id(2))


async def test_desks_have_numbers_of_their_own(database: asyncpg.Pool[Any]) -> None:
    await CallStore(database).save([closed(1), closed(1, OTHER), closed(2), closed(2, OTHER)])
    assert [m.id for m in await everything(database)] == [1, 2]
    assert [m.id for m in await everything(database, OTHER)] == [1, 2]
    store = OutgoingStore(database)
    assert [m.id for m in await store.after(DEMO, 1, 50)] == [2]
    assert (await store.head(DEMO), await store.head(TenantId("nobody"))) == (2, 0)


async def test_what_is_rolled_back_was_never_told_and_leaves_no_gap(database: asyncpg.Pool[Any]) -> None:
    await CallStore(database).save([closed(1)])
    async with database.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await write_outgoing(connection, [message(4), message(5)])
        await transaction.rollback()
    await CallStore(database).save([closed(6)])
    assert told(await everything(database)) == [(1, "call.closed", call_id(1)), (2, "call.closed", call_id(6))]


async def test_a_crash_between_the_fact_and_the_commit_leaves_neither(database: asyncpg.Pool[Any]) -> None:
    """The fact is written, its message waits for its number: there the connection dies."""
    calls = CallStore(database)
    await calls.save([closed(1)])
    async with database.acquire() as other, other.transaction():
        await other.execute("SELECT FROM outgoing_heads FOR UPDATE")
        saving = asyncio.create_task(calls.save([closed(2)]))
        waits = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        async with asyncio.timeout(10):
            while (victim := await database.fetchval(waits)) is None:
                await asyncio.sleep(0.01)
        await database.execute("SELECT pg_terminate_backend($1)", victim)
        with pytest.raises(AWAY):
            await saving
    assert await calls.get(DEMO, call_id(2)) is None
    assert [m.call_id for m in await everything(database)] == [call_id(1)]
    await calls.save([closed(2)])
    assert [(m.id, m.call_id) for m in await everything(database)] == [(1, call_id(1)), (2, call_id(2))]


async def test_two_servers_that_tell_the_same_tell_it_once(database: asyncpg.Pool[Any]) -> None:
    await CallStore(database).save([closed(9)])
    async with database.acquire() as one, database.acquire() as other:
        first, second = one.transaction(), other.transaction()
        await first.start()
        await second.start()
        await write_outgoing(one, [message(1), message(2)])
        waiting = asyncio.create_task(write_outgoing(other, [message(2), message(3)]))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        async with asyncio.timeout(10):
            while not await database.fetchval(waits):
                await asyncio.sleep(0.01)
        await first.commit()
        await waiting
        await second.commit()
    assert [m.call_id for m in await everything(database)] == [call_id(n) for n in (9, 1, 2, 3)]


async def test_whoever_sees_a_number_sees_all_before_it(database: asyncpg.Pool[Any]) -> None:
    """Eight writers, some of which roll back; a reader that asks for what is after its last never misses one."""
    seen: dict[TenantId, list[int]] = defaultdict(list)
    done = asyncio.Event()
    expected: dict[TenantId, int] = defaultdict(int)

    async def write(writer: int) -> None:
        for n in range(15):
            number = writer * 100 + n
            tenants = [DEMO] if n % 3 else [OTHER, DEMO] if writer % 2 else [DEMO, OTHER]
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                await write_outgoing(connection, [message(number, t) for t in tenants])
                await asyncio.sleep(0.001 * (number % 4))  # late commits are what this is about
                if n % 5 == 4:
                    await transaction.rollback()
                    continue
                await transaction.commit()
            for tenant in tenants:
                expected[tenant] += 1

    async def read(tenant: TenantId) -> None:
        store, last = OutgoingStore(pool), 0
        while True:
            finished = done.is_set()
            messages = await store.after(tenant, last, 3)
            seen[tenant] += [m.id for m in messages]
            last = seen[tenant][-1] if seen[tenant] else 0
            if finished and not messages:
                return
            await asyncio.sleep(0)

    pool = database
    readers = asyncio.gather(read(DEMO), read(OTHER))
    await asyncio.gather(*(write(n) for n in range(8)))
    done.set()
    await readers
    assert seen == {tenant: list(range(1, many + 1)) for tenant, many in expected.items()}
    assert expected[DEMO] > expected[OTHER] > 0


async def test_a_callback_is_told_when_it_is_asked_and_when_it_is_over(database: asyncpg.Pool[Any]) -> None:
    store = EffectStore(database)
    calling = advance(CALLBACK, CallbackMove.CALL, NOW, attempt=call_id(2))
    await store.save(CALLBACK)
    await store.save(calling)
    assert [m.kind for m in await everything(database)] == [MessageKind.CALLBACK_ASKED]
    await store.save(advance(calling, CallbackMove.REACH, NOW, outcome="reached"))
    messages = await everything(database)
    assert [m.kind for m in messages] == [MessageKind.CALLBACK_ASKED, MessageKind.CALLBACK_SETTLED]
    assert (messages[1].body["state"], messages[1].body["attempt"]) == ("reached", call_id(2))


async def test_a_word_that_came_too_late_is_neither_stored_nor_told(database: asyncpg.Pool[Any]) -> None:
    """A frozen server thaws and ends a callback that the other one is just placing: no system may hear of it."""
    store = EffectStore(database)
    late = advance(CALLBACK, CallbackMove.CANCEL, NOW, outcome="frozen")
    placed = advance(CALLBACK, CallbackMove.CALL, NOW)
    newer = advance(placed, CallbackMove.REACH, NOW + timedelta(seconds=9), outcome="reached")
    await store.save(replace(placed, version=late.version + 1))
    await store.save(late)
    await store.save(replace(newer, version=late.version + 2))
    messages = await everything(database)
    assert [m.kind for m in messages] == [MessageKind.CALLBACK_ASKED, MessageKind.CALLBACK_SETTLED]
    assert messages[1].body["state"] == "reached"


async def test_with_the_database_away_all_is_told_once_and_in_order_when_it_is_back(
    database_url: str, tmp_path: Path
) -> None:
    """The process that could not write dies, the next one reads its journals: each once, calls as they ended."""
    away = await create_pool(database_url)
    await away.close()  # every use of it says that the database is away
    recorder = CallRecorder(CallStore(away), journal=DiskJournal(tmp_path / "calls"))
    effects = EffectStore(away, DiskJournal(tmp_path / "effects"))
    await recorder.start()
    await effects.start()
    for number in (1, 2, 3):
        recorder.take(ev.CallArrived(at=NOW, tenant=DEMO, call=live(number)))
    for number in (3, 1, 2):  # they end in another order than they came in
        recorder.take(ev.CallEnded(at=NOW, tenant=DEMO, call=closed(number)))
    recorder.take(stored(3))
    await effects.save(CALLBACK)
    await effects.save(advance(CALLBACK, CallbackMove.CANCEL, NOW, outcome="by_desk"))
    assert await recorder.stop(0.1) == 4
    assert await effects.stop(0.1) == 1

    pool = await create_pool(database_url)
    recorder = CallRecorder(CallStore(pool), journal=DiskJournal(tmp_path / "calls"))
    effects = EffectStore(pool, DiskJournal(tmp_path / "effects"))
    assert await recorder.recover() == 4
    assert await effects.recover() == 1
    await recorder.start()
    await recorder.settled()
    await effects.start()
    assert (await recorder.stop(), await effects.stop()) == (0, 0)
    assert [(m.id, m.kind.value, m.call_id[-1]) for m in await everything(pool)] == [
        (1, "call.closed", "3"),
        (2, "call.closed", "1"),
        (3, "call.closed", "2"),
        (4, "recording.stored", "3"),
        (5, "callback.asked", "1"),
        (6, "callback.settled", "1"),
    ]
    await pool.close()


async def test_a_reader_of_ours_begins_with_what_happens_now_and_goes_on_where_it_was(
    database: asyncpg.Pool[Any],
) -> None:
    store = OutgoingStore(database)
    await CallStore(database).save([closed(1), closed(2)])
    assert await store.cursor(DEMO, "webhook") == 2
    await CallStore(database).save([closed(3)])
    assert await store.cursor(DEMO, "webhook") == 2
    assert await store.move_cursor(DEMO, "webhook", 2, 3)
    assert not await store.move_cursor(DEMO, "webhook", 2, 3), "somebody else moved it"
    assert await OutgoingStore(database).cursor(DEMO, "webhook") == 3


async def test_a_process_that_stands_still_in_a_transaction_keeps_no_locks(database: asyncpg.Pool[Any]) -> None:
    assert await database.fetchval("SHOW idle_in_transaction_session_timeout") == "15s"
