"""Whoever connects to the menu server, it goes on serving callers."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time

import pytest

from tests.unit.ivr.asterisk import CALL_ID, ScriptedAsterisk, environment
from tests.unit.ivr.serving import Served, serving


async def closed_by_server(port: int, data: bytes, deadline_s: float = 5.0) -> float:
    """Send ``data``, keep the line open, and tell after how many seconds the server closed it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(deadline_s):
            while await reader.read(65536):
                pass
    writer.close()
    return time.monotonic() - began


async def still_serves(served: Served) -> None:
    asterisk = ScriptedAsterisk(port=served.port, keys={"member": "0"})
    async with asyncio.timeout(5):
        await asterisk.call()
    assert asterisk.variables["CTI_QUEUE"] == "roadside"


STRANGERS = {
    "a browser": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("16030100") + b"\x01" * 200 + b"\n",
    "one line of a megabyte": b"agi_x: " + b"A" * 1_000_000,
    "a megabyte with its end": b"agi_x: " + b"A" * 1_000_000 + b"\n",
    "an environment without end": b"".join(b"agi_k%d: v\n" % n for n in range(5000)),
    "another script": environment(script="../../etc/passwd"),
    "no arguments": environment(arguments=()),
    "a call that is no UUID": environment(arguments=("1; DROP TABLE calls", "demo", "main")),
    "a menu that is no name": environment(arguments=(CALL_ID, "demo", "x" * 300)),
    "a reply before any command": environment() + b"200 result=1\n" * 3,
    "noise": random.Random(22).randbytes(200_000),
}


@pytest.mark.parametrize("data", STRANGERS.values(), ids=STRANGERS.keys())
async def test_nonsense_is_dropped_at_once(data: bytes) -> None:
    async with serving(environment_deadline_s=30.0, reply_margin_s=0.5) as served:
        assert await closed_by_server(served.port, data) < 4
        assert served.server.counts.failed == 1
        await still_serves(served)


async def test_who_says_nothing_is_dropped_after_the_deadline() -> None:
    async with serving(environment_deadline_s=0.2) as served:
        waited_s = await closed_by_server(served.port, b"")
        assert 0.15 < waited_s < 2
        await still_serves(served)


async def test_who_drips_a_byte_now_and_then_gets_no_more_time() -> None:
    async with serving(environment_deadline_s=0.3) as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for byte in environment():
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.02)
        assert time.monotonic() - began < 3
        writer.close()
        assert served.server.counts.failed == 1


async def test_connecting_and_closing_again_leaves_the_loop_alive() -> None:
    async with serving() as served:
        for _ in range(200):
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.close()
        async with asyncio.timeout(5):
            while served.server.counts.failed < 200:
                await asyncio.sleep(0)
        await still_serves(served)


async def test_closing_after_the_environment_is_a_caller_who_left() -> None:
    async with serving() as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(environment())
        await writer.drain()
        writer.close()
        async with asyncio.timeout(5):
            while served.server.counts.hung_up < 1:
                await asyncio.sleep(0)


async def test_garbage_instead_of_an_answer_ends_that_call_alone() -> None:
    async with serving() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(environment())
        assert await reader.readline()
        writer.write(b"\xff\xfe nonsense\n")
        assert await reader.read() == b""
        writer.close()
        assert served.server.counts.failed == 1
        await still_serves(served)


async def test_a_crowd_that_says_nothing_does_not_keep_callers_out_for_long() -> None:
    async with serving(max_connections=20, environment_deadline_s=0.3) as served:
        crowd = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(20)]
        async with asyncio.timeout(5):
            while served.server.counts.failed < 20:
                await asyncio.sleep(0.01)
        await still_serves(served)
        for _, writer in crowd:
            writer.close()
