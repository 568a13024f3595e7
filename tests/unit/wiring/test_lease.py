"""Who holds the lease, who waits for it, who loses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from cti.config import Web
from cti.domain.errors import Unavailable
from cti.domain.lease import VALID_S, Standing
from cti.wiring import lease as module
from cti.wiring.lease import LeaseKeeper, holder_of
from cti.wiring.readiness import Warned
from tests.unit.wiring.leases import T0, MemoryLeases, Row
from tests.unit.wiring.test_ground import a_config


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW_S", 0.005)
    monkeypatch.setattr(module, "LOOK_S", 0.002)


class Server:
    """A keeper with the row that it shares."""

    def __init__(self, name: str, row: Row) -> None:
        self.leases = MemoryLeases(row)
        self.lost = asyncio.Event()
        self.keeper = LeaseKeeper(
            self.leases,
            holder=name,
            address=f"https://{name}",
            now=lambda: T0,
            on_lost=self.lost.set,
            own_s=lambda: row.own_s,
        )


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not what():
            await asyncio.sleep(0.001)


async def test_who_stands_by_takes_over_when_the_holder_says_nothing_any_more() -> None:
    row = Row()
    first, second = Server("a", row), Server("b", row)
    mine = await first.keeper.wait()
    await first.keeper.start()
    waiting = asyncio.create_task(second.keeper.wait())
    for _ in range(40):  # 10 s of the database's time; the holder renews
        row.later(0.25)
        await asyncio.sleep(0.006)
    assert not waiting.done()
    assert second.keeper.owner() == "a, https://a, since 2026-11-22T01:00:00Z"
    first.leases.away = True  # killed, frozen, cut off: the row does not tell them apart
    while not waiting.done():
        row.later(0.25)
        await asyncio.sleep(0.003)
    theirs = await waiting
    assert theirs.epoch > mine.epoch
    assert (row.now - T0).total_seconds() < 10 + VALID_S + 1.5
    first.leases.away = False
    await until(first.lost.is_set)
    assert first.keeper.standing is Standing.LOST
    assert await first.keeper.probe()() == "b, https://b, since 2026-11-22T01:00:13Z is in charge"
    for server in (first, second):
        await server.keeper.stop()
    assert row.lease is not None
    assert row.lease.released
    assert row.lease.holder == "b", "who lost it gave nothing back"


async def test_a_database_away_leaves_the_holder_in_charge_and_the_other_waiting() -> None:
    row = Row()
    first, second = Server("a", row), Server("b", row)
    await first.keeper.wait()
    await first.keeper.start()
    waiting = asyncio.create_task(second.keeper.wait())
    await until(lambda: second.keeper.seen is not None)
    first.leases.away = second.leases.away = True
    row.later(60)
    await until(lambda: first.keeper.standing is Standing.UNPROVEN and second.keeper.problem is not None)
    said = await first.keeper.probe()()
    assert isinstance(said, Warned)
    assert "goes on" in said.why
    second.leases.away = False  # the one who stands by is back first: what it finds has run out long ago
    await until(lambda: second.keeper.problem is None)
    row.later(VALID_S - 0.5)
    await asyncio.sleep(0.02)
    assert not waiting.done()
    first.leases.away = False
    await until(lambda: first.keeper.standing is Standing.HOLDING)
    row.later(1)
    await asyncio.sleep(0.02)
    assert not waiting.done()
    assert not first.lost.is_set()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await first.keeper.stop()


async def test_what_is_given_back_is_taken_at_once() -> None:
    row = Row()
    first, second = Server("a", row), Server("b", row)
    await first.keeper.wait()
    await first.keeper.start()
    waiting = asyncio.create_task(second.keeper.wait())
    await until(lambda: second.keeper.seen is not None)
    await first.keeper.stop()
    await asyncio.wait_for(waiting, 5)
    assert row.now == T0, "no time has passed for the database"
    assert first.leases.closed


async def test_a_predecessor_of_the_same_port_is_not_waited_for() -> None:
    row = Row()
    killed = await Server("a", row).keeper.wait()
    again = await asyncio.wait_for(Server("a", row).keeper.wait(), 5)
    assert again.epoch > killed.epoch
    assert row.now == T0


async def test_a_server_that_is_told_to_serve_takes_it_from_anybody() -> None:
    row = Row()
    first, second = Server("a", row), Server("b", row)
    await first.keeper.take()
    await first.keeper.start()
    await second.keeper.take()
    await second.keeper.start()
    await until(first.lost.is_set)
    assert second.keeper.standing is Standing.HOLDING
    second.leases.away = True  # killed; the first one is what is left
    for _ in range(60):
        row.later(0.25)
        await asyncio.sleep(0.007)
        if first.keeper.standing is Standing.HOLDING:
            break
    assert first.keeper.standing is Standing.HOLDING
    for server in (first, second):
        await server.keeper.stop()


async def test_who_stands_still_does_not_renew() -> None:
    row = Row()
    first, second = Server("a", row), Server("b", row)
    await first.keeper.wait()
    first.keeper.alive = lambda: False
    await first.keeper.start()
    waiting = asyncio.create_task(second.keeper.wait())
    for _ in range(40):
        row.later(0.25)
        await asyncio.sleep(0.006)
    assert waiting.done(), "nobody renewed for 10 s"
    await first.keeper.stop()


async def test_a_server_that_is_told_to_serve_does_not_start_without_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "TAKE_S", 0.01)
    server = Server("a", Row())
    server.leases.away = True
    with pytest.raises(Unavailable):
        await server.keeper.take()


async def test_a_database_that_is_slow_for_a_moment_keeps_no_server_from_starting() -> None:
    server = Server("a", Row())
    server.leases.away = True
    taking = asyncio.create_task(server.keeper.take())
    await asyncio.sleep(0.01)
    server.leases.away = False
    assert (await asyncio.wait_for(taking, 5)).holder == "a"


def test_two_that_can_live_at_once_have_two_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Who finds a lease of its own name takes it at once, so two of one name would depose each other for ever."""
    one = holder_of(a_config(web=8080))
    assert holder_of(a_config(web=8080)) == one
    other_address = a_config(web=8080).model_copy(update={"web": Web.model_construct(host="127.0.0.2", port=8080)})
    assert holder_of(other_address) != one
    (tmp_path / "net").symlink_to("net:[1]")
    monkeypatch.setattr(module, "NETWORK", tmp_path / "net")
    assert holder_of(a_config(web=8080)) != one, "a container beside it, of the same name"


async def test_a_database_whose_clock_is_set_forward_deposes_nobody() -> None:
    row = Row()
    first, second = Server("a", row), Server("b", row)
    await first.keeper.wait()
    waiting = asyncio.create_task(second.keeper.wait())
    await until(lambda: second.keeper.seen is not None)
    row.step(3600)
    await asyncio.sleep(0.02)
    assert not waiting.done(), "it renewed half a second ago"
    await first.keeper.start()  # it renews
    for _ in range(20):
        row.later(0.25)
        await asyncio.sleep(0.006)
    assert not waiting.done()
    first.leases.away = True
    for _ in range(20):
        row.later(0.25)
        await asyncio.sleep(0.006)
    assert waiting.done(), "gone is gone"
    await first.keeper.stop()


async def test_a_database_whose_clock_is_set_back_leaves_nobody_in_charge_for_seconds_only() -> None:
    row = Row()
    first, second = Server("a", row), Server("b", row)
    mine = await first.keeper.wait()  # and it dies
    waiting = asyncio.create_task(second.keeper.wait())
    await until(lambda: second.keeper.seen is not None)
    row.step(-3600)
    for _ in range(22):
        row.later(0.25)
        await asyncio.sleep(0.006)
    assert not waiting.done()
    for _ in range(4):
        row.later(0.25)
        await asyncio.sleep(0.006)
    assert waiting.done(), "its lease is valid for an hour by the database's clock"
    assert (await waiting).epoch > mine.epoch
