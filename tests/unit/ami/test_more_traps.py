"""Traps of panoramisk 1.4 beside the manager link: FastAGI, calls by Uniqueid, answers. First bare, then ours.

If a test's first half fails, a newer panoramisk has cured that trap.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from panoramisk.call_manager import CallManager
from panoramisk.fast_agi import Application, Request
from panoramisk.manager import Manager
from panoramisk.message import Message

from cti.ami.frames import parse_headers
from cti.ami.translate import translate
from ivr.agi import AgiConnection, HangUp, Reply
from tests.unit.ami.fakeasterisk import FakeAsterisk, fake_asterisk, linked
from tests.unit.ami.test_traps import eventually, never

QUEUED = "Response: Success\nMessage: Originate successfully queued"


class Closed:
    """A connection whose other end is gone, as asyncio's reader tells it; it counts who does not notice."""

    def __init__(self) -> None:
        self.asked = 0

    async def read(self, _size: int) -> bytes:
        self.asked += 1
        if self.asked > 1_000:
            raise RuntimeError("asked a thousand times without a turn for anybody else")
        return b""


class Written:
    """Takes what is written."""

    def write(self, _data: bytes) -> None: ...

    async def drain(self) -> None: ...


async def test_a_fastagi_client_that_connects_and_closes_freezes_the_loop() -> None:
    closed = Closed()
    with pytest.raises(RuntimeError, match="a thousand times"):
        await Application(loop=asyncio.get_running_loop()).handler(closed, Written())
    # Ours: tests/contract/ivr/test_strangers.py, test_connecting_and_closing_again_leaves_the_loop_alive.


async def test_after_hangup_each_command_gets_the_answer_of_the_one_before() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"HANGUP\n200 result=1\n200 result=2\n")
    request = Request(None, {}, reader, Written())
    first, second = await request.send_command("FIRST"), await request.send_command("SECOND")
    assert "error" in first
    assert second["result"][0] == "1"


def test_ours_tells_the_hangup_beside_the_answer() -> None:
    connection = AgiConnection()
    list(connection.receive(b"agi_network: yes\n\n"))
    connection.send(b"FIRST")
    events = list(connection.receive(b"HANGUP\n200 result=1\n"))
    assert [type(event) for event in events] == [HangUp, Reply]


def test_two_calls_of_one_second_become_one() -> None:
    loop = asyncio.new_event_loop()
    try:
        manager = CallManager(loop=loop)
        for number in (1, 2):
            manager.handle_calls(manager, Message({"Event": "Newchannel", "Uniqueid": f"1795300000.{number}"}))
        assert len(manager.calls_queues) == 1
    finally:
        loop.close()


def test_ours_keeps_them_apart() -> None:
    seen = set()
    for number in (1, 2):
        frame = {
            "Event": "Hangup", "Channel": f"PJSIP/trunk-0000000{number}", "Uniqueid": f"1795300000.{number}",
            "Cause": "16",
        }  # fmt: skip
        seen.add(getattr(translate(frame, datetime(2026, 11, 22, tzinfo=UTC)), "uniqueid", None))
    assert len(seen) == 2
    assert None not in seen


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk() as server:
        yield server


async def test_what_a_command_says_is_not_where_it_is_looked_for() -> None:
    message: Any = Message.from_line("Response: Success\r\nMessage: output follows\r\nOutput: one\r\nOutput: two")
    assert message.content == ""
    assert message["Output"] == ["one", "two"]


def test_ours_keeps_every_line_under_its_name() -> None:
    assert parse_headers("Response: Success\r\nOutput: one\r\nOutput: two")["Output"] == "one\ntwo"


async def test_an_originate_without_async_costs_the_connection(fake: FakeAsterisk) -> None:
    fake.answers["Originate"] = QUEUED
    manager = Manager(
        loop=asyncio.get_running_loop(), host="127.0.0.1", port=fake.port, username="kakehashi", secret="right",
        reconnect_timeout=0,
    )  # fmt: skip
    manager.log.disabled = True
    await manager.connect()
    await eventually(lambda: manager.authenticated)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the KeyError ends up there
    before = fake.connections
    waiting = manager.send_action({"Action": "Originate", "Channel": "PJSIP/x"})
    await fake.connected(before + 1)
    assert not waiting.done()
    manager.connect = lambda *a, **k: None
    manager.close()


async def test_ours_takes_its_answer_and_stays(fake: FakeAsterisk) -> None:
    fake.answers["Originate"] = QUEUED
    async with linked(fake, []) as client:
        reply = await client.request({"Action": "Originate", "Channel": "PJSIP/x"})
        assert reply.headers["Message"] == "Originate successfully queued"
        await never(lambda: fake.connections > 1, 0.2)
