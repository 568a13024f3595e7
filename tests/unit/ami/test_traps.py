"""The traps of panoramisk 1.4, each shown on the bare library first and then gone in ours.

If a test's first half fails, a newer panoramisk has cured that trap, and our work-around may go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any

import pytest
from panoramisk.manager import Manager
from panoramisk.message import Message

from cti.ami.client import AmiClient
from cti.ami.errors import AmiLoginRefused, OutcomeUnknown
from cti.ami.frames import Headers
from cti.domain.errors import CallerError, Unavailable
from tests.unit.ami.fakeasterisk import FakeAsterisk, fake_asterisk, linked, settings, wire


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk() as server:
        yield server


@pytest.fixture
async def bare(fake: FakeAsterisk) -> AsyncIterator[Manager]:
    """The library as it comes."""
    manager = Manager(
        loop=asyncio.get_running_loop(), host="127.0.0.1", port=fake.port, username="kakehashi", secret="right",
        reconnect_timeout=0, ping_delay=1, ping_interval=1,
    )  # fmt: skip
    manager.log.disabled = True
    await manager.connect()
    await fake.received("Login")
    await eventually(lambda: manager.authenticated)
    yield manager
    manager.connect = lambda *a, **k: None  # close() does not stop it, so it is stopped by force
    manager.close()


async def eventually(check: Any, within_s: float = 3.0) -> None:
    async with asyncio.timeout(within_s):
        while not check():
            await asyncio.sleep(0.01)


async def never(check: Any, for_s: float) -> None:
    with pytest.raises(TimeoutError):
        await eventually(check, for_s)


def tick(number: int, more: str = "") -> str:
    return f"Event: Tick\nNumber: {number}{more}"


INJECTION = {"Action": "Setvar", "Variable": "X", "Value": "1\r\n\r\nAction: Command\r\nCommand: core stop now"}


async def test_a_line_break_in_a_value_becomes_a_second_action(fake: FakeAsterisk, bare: Manager) -> None:
    bare.send_action(dict(INJECTION))
    assert (await fake.received("Command"))["Command"] == "core stop now"


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\0b", "a\r\nAction: Command"])
async def test_ours_refuses_a_line_break(fake: FakeAsterisk, bad: str) -> None:
    async with linked(fake, []) as client:
        before = len(fake.actions)
        with pytest.raises(CallerError, match="Value"):
            client.send_action({"Action": "Setvar", "Variable": "X", "Value": bad})
        await client.request({"Action": "Setvar", "Variable": "X", "Value": "honest"})
        assert [a["Value"] for a in fake.actions[before:] if a["Action"] == "Setvar"] == ["honest"]


async def test_a_channel_that_is_a_pattern_goes_through(fake: FakeAsterisk, bare: Manager) -> None:
    bare.send_action({"Action": "Hangup", "Channel": "/.*/"})
    assert (await fake.received("Hangup"))["Channel"] == "/.*/"


@pytest.mark.parametrize("key", ["Channel", "ExtraChannel", "Channel1", "channel"])
async def test_ours_refuses_a_channel_pattern(fake: FakeAsterisk, key: str) -> None:
    async with linked(fake, []) as client:
        with pytest.raises(CallerError, match="pattern"):
            client.send_action({"Action": "Hangup", key: "/.*/"})
        assert fake.named("Hangup") == []


NAME = "Zoë 王 佐藤"


async def feed_bytewise(fake: FakeAsterisk, data: bytes) -> None:
    for byte in data:
        fake.send(bytes([byte]))
        await asyncio.sleep(0.002)  # each byte a TCP segment of its own


async def test_a_name_split_across_chunks_loses_letters(fake: FakeAsterisk, bare: Manager) -> None:
    seen: list[str] = []
    bare.register_event("Tick", lambda _m, event: seen.append(event["Name"]))
    await feed_bytewise(fake, wire(f"Event: Tick\nName: {NAME}"))
    await eventually(lambda: seen)
    assert seen[0] != NAME


async def test_ours_keeps_a_name_split_across_chunks(fake: FakeAsterisk) -> None:
    frames: list[Headers] = []
    async with linked(fake, frames):
        await feed_bytewise(fake, wire(f"Event: Tick\nName: {NAME}"))
        await eventually(lambda: frames)
        assert frames[0]["Name"] == NAME


async def test_bytes_that_are_no_utf8_are_replaced_and_nothing_is_lost(fake: FakeAsterisk) -> None:
    frames: list[Headers] = []
    async with linked(fake, frames):
        fake.send(b"Event: Tick\r\nName: a\xff\xfeb\r\n\r\n" + wire(tick(2)))
        await eventually(lambda: len(frames) == 2)
        assert frames[0]["Name"] == "a\ufffd\ufffdb"


async def test_an_unanswered_action_is_sent_again_after_a_reconnect(fake: FakeAsterisk, bare: Manager) -> None:
    fake.answers["Originate"] = None
    bare.send_action({"Action": "Originate", "Channel": "PJSIP/x", "Async": "true"})
    await fake.received("Originate")
    fake.drop()
    await fake.connected(2)
    await fake.received("Login", 2)
    fake.event("Event: FullyBooted\nStatus: Fully Booted")
    await fake.received("Originate", 2)  # one click, two calls


async def test_ours_never_sends_an_action_twice(fake: FakeAsterisk) -> None:
    fake.answers["Originate"] = None
    async with linked(fake, [], action_s=5.0) as client:
        waiting = client.send_action({"Action": "Originate", "Channel": "PJSIP/x", "Async": "true"})
        await fake.received("Originate")
        fake.drop()
        with pytest.raises(OutcomeUnknown, match="Originate"):
            await waiting
        await eventually(lambda: client.up and client.reconnects == 1)
        fake.event("Event: FullyBooted\nStatus: Fully Booted")
        await client.request({"Action": "Ping"})
        assert len(fake.named("Originate")) == 1


async def test_an_action_waits_for_ever_and_a_dead_link_is_not_noticed(fake: FakeAsterisk, bare: Manager) -> None:
    lost: list[Any] = []
    bare.on_disconnect = lambda *a: lost.append(a)
    fake.answers.update({"Setvar": None, "Ping": None})
    waiting = bare.send_action({"Action": "Setvar", "Variable": "X", "Value": "1"})
    await fake.received("Ping", 2)
    await never(lambda: waiting.done() or lost, 0.5)
    waiting.cancel()


async def test_ours_gives_every_action_a_deadline(fake: FakeAsterisk) -> None:
    fake.answers["Setvar"] = None
    async with linked(fake, [], action_s=0.2) as client:
        with pytest.raises(OutcomeUnknown, match=r"Setvar within 0\.2 s"):
            await client.request({"Action": "Setvar", "Variable": "X", "Value": "1"})
        assert client.up


async def test_ours_notices_a_dead_link(fake: FakeAsterisk) -> None:
    async with linked(fake, []) as client:
        fake.answers["Ping"] = None
        await eventually(lambda: not client.up)
        assert "pings" in (client.problem or "")


def test_a_dead_link_is_noticed_within_five_seconds() -> None:
    usual = settings(FakeAsterisk(), ping_every_s=2.0, ping_s=2.5)
    every_s, answer_s = (field.default for field in fields(usual) if field.name in ("ping_every_s", "ping_s"))
    assert isinstance(every_s, float)
    assert isinstance(answer_s, float)
    assert every_s + answer_s <= 5.0


async def test_a_flood_before_the_answer_to_a_ping_is_a_sign_of_life(fake: FakeAsterisk) -> None:
    frames: list[Headers] = []
    async with linked(fake, frames) as client:
        fake.answers["Ping"] = None
        pings = len(fake.named("Ping"))
        for number in range(40):
            fake.event(tick(number))
            await asyncio.sleep(0.05)
        assert client.up
        assert client.reconnects == 0
        assert len(fake.named("Ping")) > pings + 1


async def test_an_exception_in_a_callback_costs_the_rest_of_the_chunk(fake: FakeAsterisk, bare: Manager) -> None:
    seen: list[str] = []
    lost: list[Any] = []

    def callback(_manager: Manager, event: Message) -> None:
        seen.append(event["Number"])
        raise ValueError("a bug of ours")

    bare.register_event("Tick", callback)
    bare.on_disconnect = lambda *a: lost.append(a)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    fake.send(b"".join(wire(tick(n)) for n in range(3)))
    await eventually(lambda: lost)
    assert seen == ["0"]


async def test_ours_survives_an_exception_in_a_callback(fake: FakeAsterisk) -> None:
    seen: list[str] = []

    def on_frame(frame: Headers) -> None:
        seen.append(frame["Number"])
        raise ValueError("a bug of ours")

    def broken(_manager: Manager, _event: Message) -> None:
        raise ValueError("another")

    client = AmiClient(settings(fake), wanted=("Tick",), on_frame=on_frame)
    client.register_event("Tick", broken)
    await client.start()
    await client.wait_up(5)
    fake.send(b"".join(wire(tick(n)) for n in range(3)))
    await eventually(lambda: len(seen) == 3)
    assert client.up
    assert client.handler_failures == 6
    await client.stop()


async def test_asynchronous_callbacks_lose_the_order(fake: FakeAsterisk, bare: Manager) -> None:
    seen: list[int] = []

    async def callback(_manager: Manager, event: Message) -> None:
        if event["Number"] == "0":
            await asyncio.sleep(0.05)  # the first waits for something
        seen.append(int(event["Number"]))

    bare.register_event("Tick", callback)
    fake.send(b"".join(wire(tick(n)) for n in range(3)))
    await eventually(lambda: len(seen) == 3)
    assert seen == [1, 2, 0]


async def test_ours_delivers_in_order_and_refuses_asynchronous_callbacks(fake: FakeAsterisk) -> None:
    frames: list[Headers] = []

    async def callback(*_: Any) -> None: ...

    async with linked(fake, frames) as client:
        with pytest.raises(TypeError, match="order"):
            client.register_event("Tick", callback)  # type: ignore[arg-type]
        fake.send(b"".join(wire(tick(n)) for n in range(500)))
        await eventually(lambda: len(frames) == 500)
        assert [int(f["Number"]) for f in frames] == list(range(500))


async def test_a_wrong_password_is_tried_for_ever_and_nobody_is_told(fake: FakeAsterisk) -> None:
    fake.answers["Login"] = "Response: Error\nMessage: Authentication failed"
    manager = Manager(
        loop=asyncio.get_running_loop(), host="127.0.0.1", port=fake.port, username="kakehashi", secret="wrong",
        reconnect_timeout=0,
    )  # fmt: skip
    manager.log.disabled = True
    await manager.connect()  # and nothing was raised
    await fake.received("Login")
    fake.drop()  # as Asterisk does after a refusal
    await fake.received("Login", 2)
    fake.drop()
    await fake.received("Login", 3)
    manager.connect = lambda *a, **k: None
    manager.close()


async def test_ours_says_that_the_password_is_wrong_and_stops(fake: FakeAsterisk) -> None:
    client = AmiClient(settings(fake, secret="wrong"), wanted=(), on_frame=lambda _: None)
    await client.start()
    with pytest.raises(AmiLoginRefused, match="secret"):
        await client.wait_up(5)
    await never(lambda: fake.connections > 1, 0.3)
    assert len(fake.named("Login")) == 1
    assert isinstance(client.refused, AmiLoginRefused)
    await client.stop()


async def test_a_log_in_that_was_good_and_is_refused_is_tried_again_slowly(fake: FakeAsterisk) -> None:
    """Asterisk reloads its users, or a secret is changed on both sides: nobody should have to start us again."""
    client = AmiClient(settings(fake, refused_every_s=0.05), wanted=(), on_frame=lambda _: None)
    await client.start()
    await client.wait_up(5)
    fake.answers["Login"] = "Response: Error\nMessage: Authentication failed"
    fake.drop()
    await fake.received("Login", 3)
    refused = (client.refused, client.problem)
    del fake.answers["Login"]
    await eventually(lambda: client.up)
    assert (client.refused, client.problem) == (None, None)
    assert isinstance(refused[0], AmiLoginRefused)
    assert refused[1] is not None
    await client.stop()


async def test_close_does_not_stop_a_reconnect(fake: FakeAsterisk, bare: Manager) -> None:
    bare.reconnect_timeout = 0.1
    fake.drop()
    await eventually(lambda: not bare._connected)
    bare.close()
    await fake.connected(2)  # it comes back all the same


async def test_ours_closes_for_good(fake: FakeAsterisk) -> None:
    async with linked(fake, [], backoff_first_s=0.1) as client:
        fake.drop()
        await eventually(lambda: not client.up)
        client.close()
        await never(lambda: fake.connections > 1, 0.4)
        with pytest.raises(Unavailable):
            client.send_action({"Action": "Ping"})


RESPONSE = "Response: Success\nMessage: Originate successfully queued"
OUTCOME = "Event: OriginateResponse\nActionID: {id}\nResponse: Success\nReason: 4"


async def test_an_event_that_answers_an_action_skips_its_callback(fake: FakeAsterisk, bare: Manager) -> None:
    seen: list[Any] = []
    bare.register_event("OriginateResponse", lambda _m, e: seen.append(e))
    fake.answers["Originate"] = RESPONSE
    waiting = bare.send_action({"Action": "Originate", "Channel": "PJSIP/x", "Async": "true"})
    action = await fake.received("Originate")
    fake.event(OUTCOME.format(id=action["ActionID"]))
    await waiting
    await never(lambda: seen, 0.2)


async def test_ours_tells_an_event_that_answers_an_action(fake: FakeAsterisk) -> None:
    frames: list[Headers] = []
    fake.answers["Originate"] = RESPONSE
    async with linked(fake, frames, wanted=("OriginateResponse",)) as client:
        reply = await client.request({"Action": "Originate", "Channel": "PJSIP/x", "Async": "true"})
        fake.event(OUTCOME.format(id=reply.headers["ActionID"]))
        await eventually(lambda: frames)
        assert frames[0]["Reason"] == "4"


async def test_the_answer_successfully_queued_is_waited_for_again(fake: FakeAsterisk, bare: Manager) -> None:
    fake.answers["Atxfer"] = "Response: Success\nMessage: Atxfer successfully queued"
    waiting = bare.send_action({"Action": "Atxfer", "Channel": "PJSIP/x", "Exten": "1"})
    await fake.received("Atxfer")
    await never(waiting.done, 0.3)
    waiting.cancel()


async def test_ours_takes_an_answer_as_the_answer(fake: FakeAsterisk) -> None:
    fake.answers["Atxfer"] = "Response: Success\nMessage: Atxfer successfully queued"
    async with linked(fake, []) as client:
        reply = await client.request({"Action": "Atxfer", "Channel": "PJSIP/x", "Exten": "1"})
        assert reply.headers["Message"] == "Atxfer successfully queued"


async def test_a_missing_header_reads_as_empty() -> None:
    assert Message({"Event": "Tick"}).nothing == ""


async def test_ours_has_no_header_that_is_missing(fake: FakeAsterisk) -> None:
    frames: list[Headers] = []
    async with linked(fake, frames):
        fake.event("Event: Tick\nEmpty:")
        await eventually(lambda: frames)
        assert frames[0]["Empty"] == ""
        assert "Missing" not in frames[0]
