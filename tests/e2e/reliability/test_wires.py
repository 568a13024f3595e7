"""The taps, between a client and a server that says back what it hears in capitals."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.soak._wires import Fate, Moment, Sight, Trap, Way, Wire


@asynccontextmanager
async def tapped() -> AsyncIterator[tuple[Wire, list[bytes]]]:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            heard.append(data)
            writer.write(data.upper())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    wire = Wire(server.sockets[0].getsockname()[1])
    await wire.start()
    try:
        yield wire, heard
    finally:
        await wire.stop()
        server.close()


@asynccontextmanager
async def connected(wire: Wire) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    try:
        yield reader, writer
    finally:
        writer.close()


def trap(moment: Moment, pull: Callable[[], None], *sights: tuple[Way, bytes], fate: Fate = Fate.PASS) -> Trap:
    seen = tuple(Sight(way=way, pattern=re.compile(pattern)) for way, pattern in sights)
    return Trap(sights=seen, moment=moment, pull=pull, fate=fate)


async def test_before_the_kill_point_nothing_has_arrived_and_dropped_bytes_never_do() -> None:
    async with tapped() as (wire, heard), connected(wire) as (reader, writer):
        at_pull: list[list[bytes]] = []
        wire.traps.append(trap(Moment.BEFORE, lambda: at_pull.append(list(heard)), (Way.ASK, b"two"), fate=Fate.DROP))
        writer.write(b"one")
        assert await reader.read(10) == b"ONE"
        writer.write(b"two")
        await asyncio.wait_for(asyncio.sleep(0.05), 1)
        writer.write(b"three")
        assert await reader.read(10) == b"THREE"
    assert at_pull == [[b"one"]]
    assert heard == [b"one", b"three"]


async def test_held_bytes_go_on_when_released() -> None:
    async with tapped() as (wire, heard), connected(wire) as (reader, writer):
        held = trap(Moment.BEFORE, lambda: None, (Way.ASK, b"x"), fate=Fate.HOLD)
        wire.traps.append(held)
        writer.write(b"x")
        await asyncio.wait_for(held.sprung.wait(), 1)
        assert heard == []
        held.released.set()
        assert await reader.read(10) == b"X"


async def test_after_the_kill_point_they_have_left() -> None:
    async with tapped() as (wire, _), connected(wire) as (reader, writer):
        sent = trap(Moment.AFTER, lambda: None, (Way.ASK, b"x"))
        wire.traps.append(sent)
        writer.write(b"x")
        assert await reader.read(10) == b"X"
        assert sent.sprung.is_set()
        assert wire.traps == []


async def test_sights_are_seen_in_order_on_one_connection_and_across_reads() -> None:
    async with tapped() as (wire, _), connected(wire) as (reader, writer), connected(wire) as (_, other):
        order = trap(Moment.AFTER, lambda: None, (Way.ASK, b"ab"), (Way.ASK, b"cd"))
        wire.traps.append(order)
        other.write(b"cd")
        for part in (b"cd", b"a", b"b", b"c"):
            writer.write(part)
            await reader.read(10)
        assert not order.sprung.is_set()
        writer.write(b"d")
        await reader.read(10)
        await asyncio.wait_for(order.sprung.wait(), 1)


async def test_cut_resets_and_refuses_until_mended() -> None:
    async with tapped() as (wire, _), connected(wire) as (reader, writer):
        writer.write(b"x")
        assert await reader.read(10) == b"X"
        wire.cut()
        with pytest.raises(ConnectionError):
            await reader.read(10)
        async with connected(wire) as (again, _):
            with pytest.raises(ConnectionError):
                if not await again.read(10):
                    raise ConnectionResetError
        wire.mend()
        async with connected(wire) as (again, to):
            to.write(b"y")
            assert await again.read(10) == b"Y"


async def test_a_black_hole_keeps_connections_and_says_nothing() -> None:
    async with tapped() as (wire, heard), connected(wire) as (reader, writer):
        writer.write(b"x")
        await reader.read(10)
        wire.swallow()
        writer.write(b"lost")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(10), 0.1)
        assert heard == [b"x"]
        wire.mend()
        with pytest.raises(ConnectionError):
            await reader.read(10)


async def test_a_torn_frame_is_half_of_it_and_then_a_reset() -> None:
    async with tapped() as (wire, heard), connected(wire) as (_, writer):
        wire.tear(Way.ASK)
        writer.write(b"12345678")
        await asyncio.wait_for(_heard(heard), 1)
        assert heard == [b"1234"]


async def _heard(heard: list[bytes]) -> None:
    while not heard:
        await asyncio.sleep(0.01)
