"""Retention, holds and deletion on a real PostgreSQL, and what is deleted on each store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from cti.demo.postgres import RunningPostgres
from cti.domain.errors import NotFound
from cti.domain.keeping import Actor, BeingDeleted, UnderHold
from cti.domain.model import CallId, TenantId
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from cti.web.recordingports import RecordingFilter
from cti.wiring.recordingpages import RecordingPages
from recording.keeping import Keeping, Ruled
from recording.keys import object_keys
from recording.lifecycle import RecordingState
from recording.model import Job
from recording.objects import ObjectStore
from recording.store import PostgresLedger
from recording.sweep import Sweep
from tests.contract.recording.test_ledger import AUDIO, stored
from tests.unit.recording.fakes import DEMO, MemoryObjectStore, later

pytestmark = pytest.mark.asyncio(loop_scope="package")

HANA = Actor(who="hana", address="192.0.2.7")
OTHER = TenantId("other")


@dataclass
class Kept:
    """A ledger with rules, a sweep, and a clock."""

    pool: asyncpg.Pool[Any]
    ledger: PostgresLedger
    keeping: Keeping
    now: datetime = later(0) + timedelta(days=1)
    cleared: list[CallId] = field(default_factory=list)

    def sweep(self, objects: ObjectStore, *, locks: bool = False) -> Sweep:
        return Sweep(
            keeping=self.keeping, objects=objects, now=lambda: self.now, clear_spool=self.cleared.append, locks=locks
        )

    async def row(self, one: Job) -> asyncpg.Record:
        row: asyncpg.Record | None = await self.pool.fetchrow(
            "SELECT * FROM recordings WHERE call_id = $1", one.call_id
        )
        assert row is not None
        return row

    async def trail(self) -> list[tuple[str, str]]:
        rows = await self.pool.fetch("SELECT who, what FROM audit WHERE what LIKE 'recording.%' ORDER BY id")
        return [(row["who"], row["what"]) for row in rows]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def database(postgres: RunningPostgres) -> str:
    url = await postgres.make_database("keeping")
    pool = await create_pool(url, max_size=1)
    await migrate(pool)
    await pool.close()
    return url


@pytest_asyncio.fixture(loop_scope="package")
async def kept(database: str) -> AsyncIterator[Kept]:
    pool = await create_pool(database, max_size=4)
    await pool.execute("TRUNCATE recordings, calls, call_search, tenants CASCADE")
    await pool.execute("ALTER TABLE audit DISABLE TRIGGER USER")
    await pool.execute("DELETE FROM audit")
    await pool.execute("ALTER TABLE audit ENABLE TRIGGER USER")
    await pool.execute("INSERT INTO tenants (tenant, name, time_zone, language) VALUES ('demo', 'd', 'UTC', 'ja')")
    yield Kept(pool=pool, ledger=PostgresLedger(pool), keeping=Keeping(pool))
    await pool.close()


async def rules(kept: Kept, *said: dict[str, Any]) -> None:
    await kept.pool.execute("UPDATE tenants SET retention = $1", list(said))


async def put(kept: Kept, objects: ObjectStore, number: int = 0, **change: object) -> Job:
    """A recording in ledger and store."""
    one = stored(number, **change)
    keys = object_keys(one.tenant, one.call_id, one.arrived_at, suffix=".webm")
    one = replace(one, audio=replace(AUDIO, key=keys.audio, uri=objects.uri(keys.audio), peaks_key=keys.peaks))
    for key in (keys.audio, keys.peaks, keys.manifest):
        await objects.put_bytes(key, b"sound", content_type="audio/webm")
    await kept.ledger.save(one)
    return one


async def there(objects: ObjectStore, one: Job) -> list[bool]:
    keys = object_keys(one.tenant, one.call_id, one.arrived_at, suffix=".webm")
    found = []
    for key in (keys.audio, keys.peaks, keys.manifest):
        try:
            await objects.head(key)
            found.append(True)
        except NotFound:
            found.append(False)
    return found


async def test_the_first_rule_that_fits_says_how_long(kept: Kept) -> None:
    objects = MemoryObjectStore()
    await rules(
        kept,
        {"queue": "members", "result": "voicemail", "days": 10},
        {"queue": "members", "direction": "inbound", "days": 30},
        {"days": 5},
    )
    talked = await put(kept, objects, 1)
    message = await put(kept, objects, 2)
    await kept.pool.execute("UPDATE recordings SET voicemail_s = 3 WHERE call_id = $1", message.call_id)
    elsewhere = await put(kept, objects, 3)
    await kept.pool.execute("UPDATE recordings SET queue = 'lease' WHERE call_id = $1", elsewhere.call_id)
    foreign = await put(kept, objects, 4, tenant=OTHER)
    while await kept.keeping.rule_new():
        pass
    said = [((await kept.row(one))["retain_rule"], (await kept.row(one))["retain_until"]) for one in
            (talked, message, elsewhere, foreign)]  # fmt: skip
    assert [rule for rule, _ in said] == ["2: members, inbound", "1: members, voicemail", "3: all", ""]
    assert talked.stored_at is not None
    assert said[0][1] == talked.stored_at + timedelta(days=30)
    assert said[3][1] is None


async def test_what_is_over_is_deleted_whole_and_the_trail_says_so(kept: Kept, store: ObjectStore) -> None:
    await rules(kept, {"days": 1})
    old, new = await put(kept, store, 1), await put(kept, store, 2)
    kept.now = later(60 + 52) + timedelta(days=1)  # the second is a minute younger
    await kept.pool.execute(
        "INSERT INTO calls (tenant, call_id, state, channel, uniqueid, number_called, caller_kind, arrived_at,"
        " recording_uri) VALUES ('demo', $1, 'ended', 'c', 'u', '+81', 'number', now(), 's3://x')", old.call_id
    )  # fmt: skip
    await kept.sweep(store).once()
    assert (await there(store, old), await there(store, new)) == ([False] * 3, [True] * 3)
    row = await kept.row(old)
    assert (row["state"], row["uri"], row["sha256"], row["deleted_at"]) == ("deleted", None, AUDIO.sha256, kept.now)
    assert await kept.pool.fetchval("SELECT recording_uri FROM calls") is None
    assert await kept.trail() == [("retention", "recording.deletion_ordered"), ("retention", "recording.deleted")]
    assert kept.cleared == [old.call_id]
    assert [m.state for m in await kept.ledger.history(DEMO, old.call_id)][-1] is RecordingState.DELETED
    await kept.ledger.save(old)  # a manifest of long ago turns up
    assert (await kept.row(old))["state"] == "deleted"


async def test_a_hold_keeps_it_and_says_by_whom_until_when(kept: Kept) -> None:
    objects = MemoryObjectStore()
    await rules(kept, {"days": 1})
    one = await put(kept, objects)
    until = kept.now + timedelta(days=30)
    hold = await kept.keeping.hold(DEMO, one.call_id, HANA, "case 17", until=until, at=kept.now)
    kept.now += timedelta(days=5)
    await kept.sweep(objects).once()
    assert await there(objects, one) == [True] * 3
    with pytest.raises(UnderHold, match="held by hana until 20") as refused:
        await kept.keeping.order(DEMO, one.call_id, HANA, "asked", at=kept.now)
    assert [held.hold_id for held in refused.value.holds] == [hold.hold_id]
    assert [h.reason for h in await kept.keeping.holds(DEMO, now=kept.now)] == ["case 17"]
    assert await kept.keeping.holds(OTHER, now=kept.now) == ()
    with pytest.raises(NotFound):
        await kept.keeping.release(OTHER, hold.hold_id, HANA, "not mine", at=kept.now)
    await kept.keeping.release(DEMO, hold.hold_id, HANA, "case closed", at=kept.now)
    with pytest.raises(NotFound):
        await kept.keeping.release(DEMO, hold.hold_id, HANA, "twice", at=kept.now)
    await kept.sweep(objects).once()
    assert await there(objects, one) == [False] * 3
    assert [what for _, what in await kept.trail()] == [
        "recording.held", "recording.released", "recording.deletion_ordered", "recording.deleted"
    ]  # fmt: skip


async def test_those_that_are_held_do_not_keep_the_others_from_being_deleted(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass takes so many; the oldest of all may be held for years."""
    monkeypatch.setattr("recording.keeping.BATCH", 1)
    objects = MemoryObjectStore()
    await rules(kept, {"days": 1})
    held, over = await put(kept, objects, 1), await put(kept, objects, 2)
    while await kept.keeping.rule_new():
        pass
    await kept.keeping.hold(DEMO, held.call_id, HANA, "case", until=None, at=kept.now)
    kept.now += timedelta(days=5)
    assert await kept.keeping.order_expired(kept.now) == 1
    assert [(await kept.row(one))["delete_asked_at"] for one in (held, over)] == [None, kept.now]


async def test_a_hold_whose_time_is_over_holds_nothing_any_more(kept: Kept) -> None:
    objects = MemoryObjectStore()
    await rules(kept, {"days": 1})
    one = await put(kept, objects)
    await kept.keeping.hold(DEMO, one.call_id, HANA, "case", until=kept.now + timedelta(days=9), at=kept.now)
    kept.now += timedelta(days=10)
    await kept.sweep(objects).once()
    assert await there(objects, one) == [False] * 3
    (over,) = await kept.keeping.holds(DEMO, now=kept.now, counting=False)
    assert (over.released_by, over.released_at) == ("", kept.now)


async def test_of_a_hold_and_a_deletion_at_once_one_comes_first(kept: Kept) -> None:
    objects = MemoryObjectStore()
    for number in range(20):
        one = await put(kept, objects, number)
        outcomes = await asyncio.gather(
            kept.keeping.hold(DEMO, one.call_id, HANA, "case", until=None, at=kept.now),
            kept.keeping.order(DEMO, one.call_id, HANA, "asked", at=kept.now),
            return_exceptions=True,
        )
        failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert [type(error) for error in failed] in ([UnderHold], [BeingDeleted])


async def test_a_deletion_goes_on_where_a_crash_or_a_store_left_it(kept: Kept) -> None:
    objects = MemoryObjectStore()
    one = await put(kept, objects)
    assert await kept.keeping.order(DEMO, one.call_id, HANA, "asked", at=kept.now)
    assert not await kept.keeping.order(DEMO, one.call_id, HANA, "asked again", at=kept.now)
    with pytest.raises(BeingDeleted):
        await kept.keeping.hold(DEMO, one.call_id, HANA, "late", until=None, at=kept.now)
    objects.locked.add(one.audio.key if one.audio else "")
    await kept.sweep(objects).once()  # two of three objects go
    assert await there(objects, one) == [True, False, False]
    row = await kept.row(one)
    assert (row["state"], row["delete_tries"]) == ("stored", 1)
    objects.locked.clear()
    await kept.sweep(objects).once()  # not yet: it waits ten seconds
    assert await there(objects, one) == [True, False, False]
    kept.now += timedelta(seconds=11)
    await kept.sweep(objects).once()
    await kept.sweep(objects).once()
    assert (await kept.row(one))["state"] == "deleted"
    assert [what for _, what in await kept.trail()] == ["recording.deletion_ordered", "recording.deleted"]
    detail = await kept.pool.fetchval("SELECT detail FROM audit WHERE what = 'recording.deleted'")
    assert json.loads(json.dumps(detail)) == {"why": "asked", "ordered_by": "hana"}


async def test_what_is_not_stored_yet_is_deleted_once_it_is(kept: Kept) -> None:
    objects = MemoryObjectStore()
    before = stored(1, state=RecordingState.ENDED, audio=None, moves=stored(1).moves[:1])
    await kept.ledger.save(before)
    await kept.keeping.order(DEMO, before.call_id, HANA, "asked", at=kept.now)
    await kept.sweep(objects).once()
    assert (await kept.row(before))["state"] == "ended"
    one = await put(kept, objects, 1)
    await kept.sweep(objects).once()
    assert await there(objects, one) == [False] * 3


async def test_what_can_never_be_stored_is_off_the_disk_at_once_and_deleted_when_the_ledger_follows(kept: Kept) -> None:
    """A file that nobody can read is tried for ever: who asked for its deletion must not wait as long."""
    objects = MemoryObjectStore()
    whole = stored(1, state=RecordingState.FAILED, audio=None)
    await kept.ledger.save(replace(whole, moves=whole.moves[:2]))
    await kept.keeping.order(DEMO, whole.call_id, HANA, "asked", at=kept.now)
    await kept.sweep(objects).once()
    row = await kept.row(whole)
    assert (row["state"], kept.cleared) == ("failed", [whole.call_id])
    assert "the ledger follows" in row["delete_trouble"]
    await kept.ledger.save(replace(whole, state=RecordingState.NOT_RECORDED, moves=whole.moves[:3]))
    kept.now += timedelta(hours=1)
    await kept.sweep(objects).once()
    assert (await kept.row(whole))["state"] == "deleted"


async def test_new_rules_for_what_is_stored_already(kept: Kept) -> None:
    objects = MemoryObjectStore()
    await rules(kept, {"days": 100})
    some = [await put(kept, objects, number) for number in range(5)]
    await kept.keeping.rule_new()
    await rules(kept, {"days": 1})
    seen: list[Ruled] = []
    for dry_run in (True, False, False):
        seen.clear()
        until = kept.now + timedelta(days=1)
        await kept.keeping.rule_again(DEMO, dry_run=dry_run, tell=seen.extend, until=until)
        changed = sum(one.changed for one in seen)
        kept_days = (await kept.row(some[0]))["retain_rule"], len(seen)
        assert kept_days == ("1: all", 5)
        if dry_run:
            assert changed == 5
    assert sum(one.changed for one in seen) == 0
    assert (await kept.row(some[0]))["retain_until"] == (some[0].stored_at or later(0)) + timedelta(days=1)
    status = await kept.keeping.status(DEMO, kept.now + timedelta(days=2))
    assert (status["stored"], status["expired"], status["deleted"]) == (5, 5, 0)


async def test_the_stores_own_locks_follow_the_ledger(kept: Kept) -> None:
    objects = MemoryObjectStore()
    await rules(kept, {"days": 30})
    one = await put(kept, objects)
    assert one.audio is not None
    sweep = kept.sweep(objects, locks=True)
    await sweep.once()
    until = (await kept.row(one))["retain_until"]
    assert objects.locks == {one.audio.uri: (until, False)}
    hold = await kept.keeping.hold(DEMO, one.call_id, HANA, "case", until=None, at=kept.now)
    await sweep.once()
    assert objects.locks == {one.audio.uri: (until, True)}
    await kept.keeping.release(DEMO, hold.hold_id, HANA, "over", at=kept.now)
    await sweep.once()
    assert objects.locks == {one.audio.uri: (until, False)}
    assert await kept.keeping.to_lock(kept.now) == ()


async def test_one_that_is_still_locked_holds_up_nobody_and_a_store_that_is_away_is_asked_once(kept: Kept) -> None:
    objects = MemoryObjectStore()
    some = [await put(kept, objects, number) for number in range(3)]
    for one in some:
        await kept.keeping.order(DEMO, one.call_id, HANA, "asked", at=kept.now)
    objects.down, asked = True, objects.requests
    await kept.sweep(objects).once()
    assert objects.requests == asked + 1
    objects.down = False
    kept.now += timedelta(seconds=11)
    objects.locked = {one.audio.key for one in some[:2] if one.audio}
    await kept.sweep(objects).once()
    assert [(await kept.row(one))["state"] for one in some] == ["stored", "stored", "deleted"]


async def test_what_is_ordered_to_be_deleted_is_heard_no_more(kept: Kept) -> None:
    objects = MemoryObjectStore()
    one = await put(kept, objects)
    pages = RecordingPages(kept.pool, objects)  # type: ignore[arg-type]
    before = await pages.get(DEMO, one.call_id)
    assert before is not None and (before.status, before.size) == ("stored", AUDIO.size)
    objects.locked.add(one.audio.key if one.audio else "")  # a store that keeps it, whatever we order
    await kept.keeping.order(DEMO, one.call_id, HANA, "asked", at=kept.now)
    await kept.sweep(objects).once()
    after = await pages.get(DEMO, one.call_id)
    assert after is not None and (after.status, after.size, after.sha256) == ("deleted", None, None)
    (found,) = await pages.page(DEMO, RecordingFilter())
    assert (found.status, found.size) == ("deleted", None)


async def test_a_rule_that_keeps_it_longer_comes_while_it_is_about_to_be_deleted(kept: Kept) -> None:
    objects = MemoryObjectStore()
    await rules(kept, {"days": 1})
    one = await put(kept, objects)
    await kept.keeping.rule_new()
    kept.now += timedelta(days=5)
    async with kept.pool.acquire() as other:
        async with other.transaction():
            await other.execute("SELECT FROM recordings FOR UPDATE")
            ordering = asyncio.create_task(kept.keeping.order_expired(kept.now))
            waits = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            async with asyncio.timeout(4):
                while not await kept.pool.fetchval(waits):
                    await asyncio.sleep(0.01)
            await other.execute("UPDATE recordings SET retain_until = $1", kept.now + timedelta(days=100))
        assert await ordering == 1  # looked at
    assert (await kept.row(one))["delete_asked_at"] is None
