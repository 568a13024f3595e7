"""The outbox on a real PostgreSQL and a real journal: on disk when save returns, an older word never wins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cti.domain.callbacks import Callback, CallbackId, CallbackMove, CallbackState
from cti.domain.callbacks import advance as move_callback
from cti.domain.effects import Effect, EffectId, EffectMove, EffectState, advance
from cti.domain.errors import Unavailable
from cti.domain.model import CallId, QueueId, SkillId, SkillLevel, TenantId
from cti.store.effects import EffectStore
from cti.store.journal import DiskJournal
from cti.store.pool import create_pool

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
EFFECT = Effect(
    effect_id=EffectId("e" * 32), tenant=TenantId("demo"), kind="callback", created_at=NOW, changed_at=NOW,
    body={"number": "+819012345678"},
)  # fmt: skip
CALLBACK = Callback(
    callback_id=CallbackId("c" * 32), tenant=TenantId("demo"), queue=QueueId("members"),
    origin=CallId("00000000-0000-4000-8000-000000000001"), number="+819012345678", number_called="+815012345000",
    language="ja", queued_at=NOW - timedelta(minutes=9), asked_at=NOW,
    skills=(SkillLevel(skill=SkillId("en"), level=3),),
)  # fmt: skip
ATTEMPT = CallId("00000000-0000-4000-8000-000000000002")


async def test_what_is_saved_is_found_by_the_next_start(database: asyncpg.Pool[Any]) -> None:
    store = EffectStore(database)
    calling = move_callback(CALLBACK, CallbackMove.CALL, NOW, effect_id=EFFECT.effect_id, attempt=ATTEMPT)
    await store.save(CALLBACK)
    await store.save(EFFECT, calling)
    assert await EffectStore(database).load() == ([calling], [EFFECT])
    done = advance(advance(EFFECT, EffectMove.SEND, NOW), EffectMove.CONFIRM, NOW)
    reached = move_callback(calling, CallbackMove.REACH, NOW, outcome="reached")
    await store.save(done)
    await store.save(reached)
    assert await EffectStore(database).load() == ([], [])
    assert await store.page(TenantId("demo"), 10) == [reached]
    await store.save(EFFECT, calling)
    assert await EffectStore(database).load() == ([], []), "an older word does not replace a newer one"


async def test_a_place_that_was_taken_over_is_told_to_the_next_start(database: asyncpg.Pool[Any]) -> None:
    store = EffectStore(database)
    now = datetime.now(UTC)
    taken = move_callback(CALLBACK, CallbackMove.TAKE_OVER, now, successor=ATTEMPT)
    old = replace(taken, callback_id=CallbackId("d" * 32), ended_at=now - timedelta(days=1))
    await store.save(taken, old)
    assert (await store.load())[0] == [taken]


async def test_without_the_database_the_journal_keeps_it_and_the_next_start_writes_it(
    database_url: str, database: asyncpg.Pool[Any], tmp_path: Path
) -> None:
    away = await create_pool(database_url, max_size=2)
    store = EffectStore(away, DiskJournal(tmp_path / "effects"))
    await store.start()
    away.terminate()
    await store.save(EFFECT, CALLBACK)
    assert store.waiting == 2
    assert store.degraded is not None
    await store.stop()
    assert await EffectStore(database).load() == ([], []), "not in the tables yet"

    following = EffectStore(database, DiskJournal(tmp_path / "effects"))
    assert await following.recover() == 2
    assert await following.load() == ([CALLBACK], [EFFECT]), "known before it is written"
    await following.start()
    await following.save(move_callback(CALLBACK, CallbackMove.CANCEL, NOW))
    await following.stop()
    callbacks, effects = await EffectStore(database).load()
    assert ([one.state for one in effects], callbacks) == ([EffectState.STORED], [])
    assert (await following.page(TenantId("demo"), 1))[0].state is CallbackState.CANCELLED
    last = DiskJournal(tmp_path / "effects")
    last_store = EffectStore(database, last)
    assert await last_store.recover() == 0, "all is in the tables, the journal is empty"
    await last_store.stop()


async def test_with_neither_nothing_is_promised(database_url: str) -> None:
    away = await create_pool(database_url, max_size=1)
    store = EffectStore(away)
    away.terminate()
    with pytest.raises(Unavailable, match="neither the database nor the local disk"):
        await store.save(EFFECT)
    assert store.waiting == 0
