"""The server is killed while callers wait and talk, and comes back: nobody is dropped, nobody on a break is rung."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from cti.demo.client import logged_in
from cti.demo.phones import Baresip
from cti.demo.stack import Stack
from tests.e2e.desk.office import at_work, calling, eventually, of_call, offered, record_of
from tests.e2e.dialplan.ami import Ami, identity

pytestmark = pytest.mark.asyncio(loop_scope="package")

# Japanese, not a member, something else: the members' queue, which all three agents have the skills for.
MEMBERS = "1w2w0"
WAITING = ("090-1111-0002", "090-1111-0003")
PROMISED_S = 10.0  # how long a caller may be without anybody


@pytest_asyncio.fixture(loop_scope="package")
async def ami(desk: Stack) -> AsyncIterator[Ami]:
    """A look at Asterisk that needs no server."""
    ami = await Ami.connect(desk.ports.ami, "kakehashi", desk.secrets["ami"])
    yield ami
    await ami.close()


async def paused(ami: Ami) -> dict[str, set[str]]:
    """Agent → what each of Asterisk's own queues says of them."""
    found: dict[str, set[str]] = {}
    for row in await ami.listing("QueueStatus", "QueueStatusComplete"):
        if row["Event"] == "QueueMember":
            found.setdefault(row["Location"].removeprefix("PJSIP/demo-"), set()).add(row["Paused"])
    return found


async def mirrored(ami: Ami, **flags: str) -> dict[str, set[str]]:
    """Wait until these agents are so in all of Asterisk's queues; everybody's flags then."""
    return dict(await eventually(lambda: paused(ami), lambda now: all(now[name] == {flags[name]} for name in flags)))


async def hears(ami: Ami, channel: str, prompt: str) -> None:
    """Wait until the prompt is being played to a channel."""
    await eventually(lambda: says(ami, channel), lambda file: prompt in file, 2)


async def says(ami: Ami, channel: str) -> str:
    """What is being played to a channel."""
    rows = await ami.listing("CoreShowChannels", "CoreShowChannelsComplete")
    return next((row["ApplicationData"] for row in rows if row["Channel"] == channel), "")


def ended(record: dict[str, Any]) -> bool:
    return record["ended_at"] is not None


def rung(desk: Stack, agent: str) -> int:
    return sum(event.kind == "CALL_INCOMING" for event in desk.phones[agent].events)


async def phone_of(desk: Stack, agent: str) -> str:
    """What the server believes of an agent's phone."""
    async with logged_in(desk.web, agent, desk.password(agent)) as person:
        return str((await person.get("/api/me"))["agent"]["phone"])


async def waits(desk: Stack, caller: str) -> dict[str, Any]:
    """The record of the caller with that number, once they wait."""

    def found(page: dict[str, Any]) -> list[dict[str, Any]]:
        return [c for c in page["calls"] if c["caller"]["national"] == caller and c["state"] == "queued"]

    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as person:
        page = await eventually(lambda: person.get("/api/calls", limit="10"), lambda page: bool(found(page)))
    return dict(await record_of(desk, found(page)[0]["call_id"], lambda _: True))


async def test_states_are_mirrored_and_survive_a_restart_of_asterisks_queues(desk: Stack, ami: Ami) -> None:
    async with at_work(desk, "sato", "smith"), logged_in(desk.web, "suzuki", desk.password("suzuki")) as suzuki:
        for state, flag in (("training", "1"), ("available", "0"), ("break", "1")):
            await suzuki.set_state(state, "lunch" if state == "break" else "")
            now = await mirrored(ami, suzuki=flag)
        assert now == {"sato": {"0"}, "suzuki": {"1"}, "smith": {"0"}}
        assert desk.asterisk is not None
        await desk.asterisk.cli("module reload app_queue.so")
        assert await paused(ami) == now
    await mirrored(ami, sato="1", suzuki="1", smith="1")


async def test_killed_and_started_again(desk: Stack, ami: Ami) -> None:
    async with at_work(desk, "sato") as screens, logged_in(desk.web, "suzuki", desk.password("suzuki")) as suzuki:
        await suzuki.set_state("break", "lunch")
        async with AsyncExitStack() as lines:
            first = await lines.enter_async_context(calling(desk, keys=MEMBERS))
            second, third = await asyncio.gather(
                *(lines.enter_async_context(calling(desk, keys=MEMBERS, caller=number)) for number in WAITING)
            )
            _, offer = await screens["sato"].wait_for("pop", offered, "pop", 40.0)
            await desk.phones["sato"].accept()
            await screens["sato"].wait_for("answer", of_call("pop.answered", offer["pop"]["call_id"]), "answer")
            before = [await waits(desk, number) for number in WAITING]
            await mirrored(ami, sato="0", suzuki="1")
            counts = {agent: rung(desk, agent) for agent in desk.phones}
            died = await _kill(desk)
            since = ami.now
            for record in before:
                fell = await ami.user_event("CtiFallback", since=since, CallID=record["call_id"], deadline_s=PROMISED_S)
                await hears(ami, fell["Channel"], "fallback-sorry")
            assert time.monotonic() - died < PROMISED_S
            await first.hangup()  # talked on until here; the agent is free for the next
            await desk.phones["sato"].wait_for("CALL_INCOMING", PROMISED_S, count=counts["sato"] + 1)
            dial = await ami.kind("DialBegin", since=since)
            # Whoever came to Asterisk's queue first: the two look at the heartbeat at moments of their own.
            ringing, other = sorted(
                zip(before, (second, third), strict=True), key=lambda w: w[0]["call_id"] != identity(dial)
            )
            await desk.start_server()
            assert await phone_of(desk, "sato") == "ringing"
            await _rung_by_asterisk(desk, *ringing, other=other[0]["call_id"])
            await _back_in_routing(desk, *other, rings=counts["sato"] + 2)
            assert [rung(desk, agent) - counts[agent] for agent in ("suzuki", "smith")] == [0, 0]
    records = [await record_of(desk, record["call_id"], ended) for record in before]
    told = await record_of(desk, offer["pop"]["call_id"], ended)
    assert [record["end_reason"] for record in (told, *records)] == ["completed"] * 3
    assert (told["fallback_at"], told["agents"]) == (None, ["sato"])


async def _rung_by_asterisk(desk: Stack, before: dict[str, Any], caller: Baresip, *, other: str) -> None:
    """The caller for whom Asterisk's own queue rings: left alone, answered, and known to be so."""
    call_id = before["call_id"]
    record = await record_of(desk, call_id, lambda record: record["state"] == "fallback")
    assert (record["queued_at"], record["offers"]) == (before["queued_at"], [])
    assert record["fallback_at"] > before["queued_at"]
    await desk.phones["sato"].accept()
    await record_of(desk, call_id, lambda record: record["state"] == "talking" and record["agents"] == ["sato"])
    await eventually(lambda: phone_of(desk, "sato"), lambda phone: phone == "busy")
    waiting = await record_of(desk, other, lambda record: record["state"] == "queued")
    assert waiting["offers"] == []  # neither while the only agent's phone rang, nor while they talk
    await caller.hangup()
    await record_of(desk, call_id, ended)


async def _back_in_routing(desk: Stack, before: dict[str, Any], caller: Baresip, *, rings: int) -> None:
    """The caller whom nobody was rung for: back with us, as old as before, and served as soon as the agent is free."""
    call_id = before["call_id"]
    record = await record_of(desk, call_id, lambda record: record["state"] == "queued")
    assert record["queued_at"] == before["queued_at"]
    assert record["fallback_at"] > before["queued_at"]
    async with logged_in(desk.web, "sato", desk.password("sato")) as sato:
        await sato.set_state("available")  # instead of the rest of the after-call work
    await desk.phones["sato"].wait_for("CALL_INCOMING", count=rings)
    await desk.phones["sato"].accept()
    record = await record_of(desk, call_id, lambda record: record["state"] == "talking")
    assert [(offer["agent"], offer["outcome"]) for offer in record["offers"]] == [("sato", "accepted")]
    await caller.hangup()


async def _kill(desk: Stack) -> float:
    assert desk.server is not None
    desk.server.signal(signal.SIGKILL)
    await desk.server.wait()
    return time.monotonic()
