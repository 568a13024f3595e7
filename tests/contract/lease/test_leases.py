"""What a lease's statements do, held by the rules in memory and by PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from cti.domain.errors import Unavailable
from cti.domain.lease import VALID_S
from cti.store import leases as module
from cti.store.leases import LeaseStore
from cti.wiring.lease import Leases
from tests.unit.wiring.leases import MemoryLeases, Row


@dataclass(kw_only=True)
class Place:
    """Two processes' view of one row."""

    one: Leases
    other: Leases
    run_out: Callable[[], Awaitable[Any]]


@pytest.fixture(params=["memory", "postgresql"])
async def place(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Place]:
    if request.param == "memory":
        row = Row()
        yield Place(one=MemoryLeases(row), other=MemoryLeases(row), run_out=row.run_out)
        return
    one, other = LeaseStore(database_url, "desk"), LeaseStore(database_url, "desk")
    conn = await asyncpg.connect(database_url)
    try:
        yield Place(
            one=one,
            other=other,
            run_out=lambda: conn.execute("UPDATE leases SET valid_until = clock_timestamp()"),
        )
    finally:
        one.close()
        other.close()
        await conn.close()


async def test_the_first_takes_it_and_the_second_does_not(place: Place) -> None:
    before = await place.one.look()
    assert before.lease is None
    lease = await place.one.claim("a", "https://a")
    assert lease is not None
    assert await place.other.claim("b", "https://b") is None
    look = await place.other.look()
    assert look.lease == lease
    assert lease.valid_until - lease.taken_at == timedelta(seconds=VALID_S)
    assert lease.epoch >= int(before.at.timestamp() * 1_000_000)
    assert (lease.holder, lease.address, lease.released) == ("a", "https://a", False)


async def test_who_renews_keeps_it(place: Place) -> None:
    lease = await place.one.claim("a", "")
    assert lease is not None
    await place.run_out()
    assert await place.one.renew(lease.epoch), "nobody has taken it"
    assert await place.other.claim("b", "") is None


async def test_what_ran_out_is_taken_with_a_larger_epoch_and_the_old_one_hears_so(place: Place) -> None:
    first = await place.one.claim("a", "")
    assert first is not None
    await place.run_out()
    second = await place.other.claim("b", "")
    assert second is not None
    assert second.epoch > first.epoch
    assert not await place.one.renew(first.epoch)
    assert not await place.one.give_back(first.epoch)
    assert (await place.one.look()).lease == second


async def test_what_is_given_back_is_free(place: Place) -> None:
    first = await place.one.claim("a", "")
    assert first is not None
    assert await place.one.give_back(first.epoch)
    assert not await place.one.renew(first.epoch)
    second = await place.other.claim("b", "")
    assert second is not None
    assert not second.released
    assert second.epoch > first.epoch


async def test_a_named_epoch_is_overruled_and_no_other(place: Place) -> None:
    first = await place.one.claim("a", "")
    assert first is not None
    assert await place.other.claim("b", "", first.epoch - 1) is None
    second = await place.other.claim("b", "", first.epoch)
    assert second is not None
    assert await place.one.claim("c", "", first.epoch) is None


async def test_of_many_who_claim_at_once_one_gets_it(database_url: str) -> None:
    stores = [LeaseStore(database_url, "desk") for _ in range(8)]
    try:
        for _ in range(10):
            taken = [lease for lease in await asyncio.gather(*(s.claim("x", "") for s in stores)) if lease]
            assert len(taken) == 1
            assert await stores[0].give_back(taken[0].epoch)
    finally:
        for store in stores:
            store.close()


async def test_a_claim_that_waited_for_a_renewal_sees_it(database_url: str) -> None:
    """Both want the same row: whoever comes second judges what the first one wrote, by the time that it is then."""
    holder, spare = LeaseStore(database_url, "desk"), LeaseStore(database_url, "desk")
    conn = await asyncpg.connect(database_url)
    try:
        lease = await holder.claim("a", "")
        assert lease is not None
        await conn.execute("UPDATE leases SET valid_until = clock_timestamp()")
        async with conn.transaction():
            await conn.execute("UPDATE leases SET valid_until = clock_timestamp() + interval '3 seconds'")
            claiming = asyncio.create_task(spare.claim("b", ""))
            while not await conn.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.005)
        assert await claiming is None
    finally:
        holder.close()
        spare.close()
        await conn.close()


async def test_a_database_away_or_stuck_is_said_soon_and_the_next_word_gets_through(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASK_S", 0.2)
    store = LeaseStore(database_url, "desk")
    conn = await asyncpg.connect(database_url)
    try:
        lease = await store.claim("a", "")
        assert lease is not None
        async with conn.transaction():
            await conn.execute("SELECT FROM leases FOR UPDATE")
            began_s = time.monotonic()
            with pytest.raises(Unavailable):
                await store.renew(lease.epoch)
            assert time.monotonic() - began_s < 2.0
        monkeypatch.setattr(module, "ASK_S", 5.0)
        assert await store.renew(lease.epoch)
        await conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                           " AND datname = current_database()")  # fmt: skip
        with contextlib.suppress(Unavailable):  # unless it was heard already that the connection is gone
            await store.renew(lease.epoch)
        assert await store.renew(lease.epoch)
    finally:
        store.close()
        await conn.close()


async def test_a_database_that_nobody_can_reach_is_said(unused_tcp_port: int) -> None:
    store = LeaseStore(f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/none", "desk")
    with pytest.raises(Unavailable):
        await store.look()
    with pytest.raises(Unavailable):
        await store.renew(1)


async def test_a_database_that_refuses_confirms_nothing_and_is_asked_again(database_url: str) -> None:
    """As the copy that is left after a fail-over, until it may write."""
    store = LeaseStore(database_url, "desk")
    conn = await asyncpg.connect(database_url)
    name = await conn.fetchval("SELECT current_database()")
    try:
        lease = await store.claim("a", "")
        assert lease is not None
        await conn.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        store.close()  # the setting is for new connections
        with pytest.raises(Unavailable, match="ReadOnlySQLTransactionError"):
            await store.renew(lease.epoch)
        assert (await store.look()).lease == lease
        await conn.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        store.close()
        assert await store.renew(lease.epoch)
    finally:
        store.close()
        await conn.close()
