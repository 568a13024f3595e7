"""Calls that come and go while the server is dead: each gets its contact record afterwards, with its recording."""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from cti.demo.client import logged_in
from cti.demo.phones import Baresip
from cti.demo.stack import Stack
from tests.e2e.desk.office import at_work, calling, eventually, record_of
from tests.e2e.dialplan.ami import Ami, Message
from tests.e2e.fallback.test_server_dies import ended, mirrored, rung

pytestmark = pytest.mark.asyncio(loop_scope="package")

# Encoders get what others leave of a processor: a second on a quiet machine, minutes on one that runs other tests.
STORED_S = 150.0
STEP_S = 1.5  # whole seconds are what the dialplan leaves, and a busy machine's rest


@pytest_asyncio.fixture(loop_scope="package")
async def ami(desk: Stack) -> AsyncIterator[Ami]:
    """A look at Asterisk that needs no server."""
    ami = await Ami.connect(desk.ports.ami, "kakehashi", desk.secrets["ami"])
    yield ami
    await ami.close()


def instant(event: Message) -> datetime:
    """Asterisk's own time of an event."""
    return datetime.fromtimestamp(float(event["Timestamp"]), UTC)


def near(text: str, at: datetime, within_s: float = STEP_S) -> bool:
    """Whether a record's time is that of an event."""
    return abs((datetime.fromisoformat(text) - at).total_seconds()) <= within_s


async def served_by_asterisk(ami: Ami, agent: Baresip, caller: Baresip, *, since: int, rings: int) -> dict[str, Any]:
    """Answered by the only agent in Asterisk's own queue, four seconds of talk, ended by the caller."""
    arrived = await ami.user_event("CtiArrived", since=since)
    fell = await ami.user_event("CtiFallback", since=since, CallID=arrived["CallID"])
    await agent.wait_for("CALL_INCOMING", count=rings)
    await agent.accept()
    joined = await ami.kind("BridgeEnter", since=since, Channel=arrived["Channel"])
    await asyncio.sleep(4)  # of talk
    await caller.hangup()
    hung = await ami.kind("Hangup", since=since, Uniqueid=arrived["Uniqueid"])
    times = {"arrived": arrived, "fell": fell, "answered": joined, "ended": hung}
    return {"call": arrived["CallID"], **{name: instant(event) for name, event in times.items()}}


async def given_up(ami: Ami, caller: Baresip, *, since: int) -> dict[str, Any]:
    """Waited in Asterisk's own queue, and hung up."""
    arrived = await ami.user_event("CtiArrived", since=since)
    fell = await ami.user_event("CtiFallback", since=since, CallID=arrived["CallID"])
    await asyncio.sleep(5.5)  # long enough to be kept
    await caller.hangup()
    hung = await ami.kind("Hangup", since=since, Uniqueid=arrived["Uniqueid"])
    return {"call": arrived["CallID"], "arrived": instant(arrived), "fell": instant(fell), "ended": instant(hung)}


@pytest.mark.timeout(300)
async def test_calls_nobody_heard_of(desk: Stack, ami: Ami) -> None:
    async with at_work(desk, "sato"):
        await mirrored(ami, sato="0")
        since = ami.now
        async with calling(desk, keys="", caller="090-2222-0001") as menu_caller:
            in_menu = await ami.user_event("CtiArrived", since=since)
            await record_of(desk, in_menu["CallID"], lambda record: record["state"] == "in_menu")
            await kill(desk)
            await ami.user_event("CtiFallback", since=since, CallID=in_menu["CallID"])
            await menu_caller.hangup()
            left = await ami.kind("Hangup", since=since, Uniqueid=in_menu["Uniqueid"])
        rings, since = rung(desk, "sato"), ami.now
        async with calling(desk, keys="", caller="090-2222-0002") as caller:
            answered = await served_by_asterisk(ami, desk.phones["sato"], caller, since=since, rings=rings + 1)
        since = ami.now
        async with calling(desk, keys="", caller="090-2222-0003") as caller:
            abandoned = await given_up(ami, caller, since=since)
        await desk.start_server()
        await listed(desk, answered["call"], abandoned["call"])
        await check_answered(desk, answered)
        await check_abandoned(desk, abandoned)
        known = await record_of(desk, in_menu["CallID"], ended)
        assert (known["ended_by"], known["end_reason"]) == ("caller", "abandoned_in_queue")
        assert near(known["ended_at"], instant(left), 0.1)
        assert known["caller"]["national"] == "090-2222-0001"  # what was known stays
        await check_recording(desk, str(answered["call"]))
        await check_twice(desk)


async def kill(desk: Stack) -> None:
    assert desk.server is not None
    desk.server.signal(signal.SIGKILL)
    await desk.server.wait()


async def listed(desk: Stack, *calls: str) -> None:
    """Wait until these calls have a record: the server is ready before it has read Asterisk's account."""
    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:
        await eventually(
            lambda: supervisor.get("/api/calls", limit="20"),
            lambda page: set(calls) <= {call["call_id"] for call in page["calls"]},
        )


async def check_answered(desk: Stack, told: dict[str, Any]) -> None:
    record = await record_of(desk, told["call"], ended)
    assert (record["agents"], record["end_reason"], record["ended_by"]) == (["sato"], "completed", "caller")
    assert record["inferred"] is True
    assert near(record["arrived_at"], told["arrived"], 0.1)
    assert near(record["queued_at"], told["fell"])
    assert near(record["fallback_at"], told["fell"])
    assert near(record["answered_at"], told["answered"], 0.1)
    assert near(record["ended_at"], told["ended"], 0.1)
    assert record["number_called"].endswith(desk.number.removeprefix("0"))


async def check_abandoned(desk: Stack, told: dict[str, Any]) -> None:
    record = await record_of(desk, told["call"], ended)
    assert (record["agents"], record["end_reason"], record["ended_by"]) == ([], "abandoned_in_queue", "caller")
    assert record["answered_at"] is None
    assert near(record["arrived_at"], told["arrived"], 0.1)
    assert near(record["queued_at"], told["fell"])
    assert near(record["ended_at"], told["ended"], 0.1)


async def check_recording(desk: Stack, call_id: str) -> None:
    """Listed for QA with who is heard, and replayed whole."""
    async with logged_in(desk.web, "watanabe", desk.password("watanabe")) as qa:

        async def in_list() -> Any:
            page = await qa.get("/api/recordings", limit="20")
            return next((one for one in page["recordings"] if one["call_id"] == call_id), None)

        found = await eventually(in_list, lambda one: one is not None and one["status"] == "stored", STORED_S)
        assert found["agents"] == ["sato"]
        assert found["duration_s"] > 4
        async with qa.session.get(f"{qa.base}/api/recordings/{call_id}/audio") as response:
            assert response.status == 200
            assert hashlib.sha256(await response.read()).hexdigest() == found["sha256"]


async def check_twice(desk: Stack) -> None:
    """Another start finds nothing new, and changes nothing."""
    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:
        before = await supervisor.get("/api/calls", limit="20")
    await kill(desk)
    await desk.start_server()
    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:
        after = await supervisor.get("/api/calls", limit="20")
    assert after["calls"] == before["calls"]
