"""What is forgotten, and when, on a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from cti.domain.aftercall import CallNote
from cti.domain.callbacks import Callback, CallbackId, CallbackMove, advance
from cti.domain.effects import Effect, EffectId, EffectState
from cti.domain.errors import Unavailable
from cti.domain.model import AgentId, CallId, QueueId, TenantId
from cti.domain.outgoing import MessageKind, Outgoing
from cti.store.aftercall import AftercallStore
from cti.store.effects import EffectStore
from cti.store.outgoing import OutgoingStore, write_outgoing
from cti.store.pool import create_pool
from cti.store.retention import RetentionStore

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
DEMO = TenantId("demo")
NUMBER = "+819012345678"
OLD, YOUNG = NOW - timedelta(days=30, seconds=1), NOW - timedelta(days=29, hours=23)


def callback(number: int, ended_at: datetime | None) -> Callback:
    made = Callback(
        callback_id=CallbackId(f"{number:032x}"), tenant=DEMO, queue=QueueId("members"),
        origin=CallId(f"00000000-0000-4000-8000-{number:012d}"), number=NUMBER, number_called="+815012345000",
        language="ja", queued_at=OLD, asked_at=OLD,
    )  # fmt: skip
    return made if ended_at is None else advance(made, CallbackMove.CANCEL, ended_at, outcome="by_desk")


def effect(number: int, state: EffectState, changed_at: datetime) -> Effect:
    return Effect(
        effect_id=EffectId(f"{number:032x}"), tenant=DEMO, kind="callback", created_at=OLD, changed_at=changed_at,
        state=state, body={"number": NUMBER, "queue": "members", "call": "c"},
    )  # fmt: skip


async def forget(pool: asyncpg.Pool[Any], now: datetime = NOW, batch: int = 500) -> dict[str, int]:
    return dict(await RetentionStore(pool, batch=batch).forget(now, numbers_days=30, notes_days=30, outgoing_days=30))


async def test_numbers_of_those_who_were_called_back_are_blanked_and_the_rest_stays(
    database: asyncpg.Pool[Any],
) -> None:
    store = EffectStore(database)
    settled, young, waiting = callback(1, OLD), callback(2, YOUNG), callback(3, None)
    done, refused = effect(1, EffectState.DONE, OLD), effect(2, EffectState.NOT_DONE, OLD)
    fresh, unknown = effect(3, EffectState.DONE, YOUNG), effect(4, EffectState.UNKNOWN, OLD)
    await store.save(settled, young, waiting, done, refused, fresh, unknown)
    nothing = {"callbacks": 0, "effects": 0, "tickets": 0, "notes": 0, "outgoing": 0, "messages": 0}
    assert await forget(database) == nothing | {"callbacks": 1, "effects": 2}
    page = {one.callback_id: one for one in await store.page(DEMO, 10)}
    assert page[settled.callback_id] == replace(settled, number="")
    assert (page[young.callback_id], page[waiting.callback_id]) == (young, waiting)
    rows = await database.fetch("SELECT effect_id, body ->> 'number' AS number, body ->> 'call' AS call FROM effects")
    numbers = {row["effect_id"]: row["number"] for row in rows}
    assert numbers == {e.effect_id: e.body["number"] for e in (fresh, unknown)} | {
        done.effect_id: "", refused.effect_id: "",
    }  # fmt: skip
    assert {row["call"] for row in rows} == {"c"}
    assert await forget(database) == nothing


async def test_a_desk_of_many_is_done_in_batches(database: asyncpg.Pool[Any]) -> None:
    await EffectStore(database).save(*(callback(n, OLD) for n in range(25)))
    assert (await forget(database, batch=10))["callbacks"] == 25
    assert await database.fetchval("SELECT count(*) FROM callbacks WHERE number <> ''") == 0


async def test_words_of_notes_go_and_what_the_call_was_about_stays(database: asyncpg.Pool[Any]) -> None:
    store, call = AftercallStore(database), CallId("6f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c11")

    def note(agent: str, words: str) -> CallNote:
        return CallNote(
            tenant=DEMO, call_id=call, agent=AgentId(agent), version=0, note=words, reasons=("unlock",), changed_at=NOW
        )  # fmt: skip

    old = await store.save(note("sato", "鈴木様 折り返し希望"), OLD)
    empty = await store.save(note("suzuki", ""), OLD + timedelta(milliseconds=1))
    begun_long_ago = await store.save(note("tanaka", "ま"), OLD + timedelta(milliseconds=2))
    young = await store.save(replace(begun_long_ago, note="まだ書いている"), YOUNG)
    assert (await forget(database))["notes"] == 1
    assert await store.notes(DEMO, call) == [replace(old, note=""), empty, young]
    assert (await forget(database))["notes"] == 0
    retention, later = RetentionStore(database), NOW + timedelta(days=61)
    kept = await retention.forget(later, numbers_days=1, notes_days=3650, outgoing_days=1)
    assert kept["notes"] == 0, "numbers, messages and notes have days of their own"


async def test_messages_go_when_they_are_old_delivered_or_not_and_numbers_go_on(
    database: asyncpg.Pool[Any],
) -> None:
    async def tell(number: int) -> None:
        about = CallId(f"00000000-0000-4000-8000-{number:012d}")
        one = Outgoing(tenant=DEMO, kind=MessageKind.CALL_CLOSED, about=about, call_id=about, at=NOW, body={})
        async with database.acquire() as connection, connection.transaction():
            await write_outgoing(connection, [one])

    store = OutgoingStore(database)
    for number in (1, 2, 3):
        await tell(number)
    await database.execute("UPDATE outgoing SET stored_at = $1 WHERE id < 3", OLD)
    await database.execute("UPDATE outgoing SET stored_at = $1 WHERE id = 3", YOUNG)
    assert (await forget(database))["outgoing"] == 2
    assert [m.id for m in await store.after(DEMO, 0, 10)] == [3]
    assert (await forget(database, NOW + timedelta(days=9)))["outgoing"] == 1
    await tell(4)
    assert [m.id for m in await store.after(DEMO, 0, 10)] == [4], "a number is never given twice"


async def test_messages_that_stay_for_longer_do_not_keep_the_number(database: asyncpg.Pool[Any]) -> None:
    """``callback_numbers_days`` is a promise about the number, wherever we wrote it down; who waits keeps theirs."""
    await EffectStore(database).save(callback(1, OLD), callback(2, YOUNG), callback(3, None))
    await database.execute("UPDATE outgoing SET stored_at = $1", OLD)
    retention, told = RetentionStore(database), OutgoingStore(database)
    before = await told.after(DEMO, 0, 10)
    assert (await retention.forget(NOW, numbers_days=30, notes_days=30, outgoing_days=60))["messages"] == 2
    after = await told.after(DEMO, 0, 10)
    assert [m.body["number"] for m in after] == ["", "", NUMBER, NUMBER, NUMBER]
    assert [dict(m.body) | {"number": ""} for m in before] == [dict(m.body) | {"number": ""} for m in after]
    assert (await retention.forget(NOW, numbers_days=30, notes_days=30, outgoing_days=60))["messages"] == 0


async def test_with_the_database_away_it_says_so(database_url: str) -> None:
    away = await create_pool(database_url)
    await away.close()
    with pytest.raises(Unavailable, match="away"):
        await forget(away)
