"""A supervisor acts on callers who wait, over HTTP, on a real Asterisk: another queue, another priority."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cti.demo.phones import Baresip
from cti.demo.stack import Stack
from tests.e2e.desk.office import calling, eventually, of_call, record_of
from tests.e2e.queues.callers import asks, chooses, likeness, line, on_a_break, pop_of, waits_in
from tests.e2e.queues.conftest import CALM

pytestmark = pytest.mark.asyncio(loop_scope="package")

# From the supervisor's word to the ring: the caller is sent to the other queue's loop, which reports. Some 10 ms on a
# quiet machine; a second is what a person still calls at once.
AT_ONCE_S = 1.0


@asynccontextmanager
async def two_waiting(desk: Stack) -> AsyncIterator[tuple[tuple[Baresip, str], tuple[Baresip, str]]]:
    """Two callers of the calm queue with the ids of their calls, the elder first."""
    async with calling(desk, number=CALM, keys="") as elder:
        first = await waits_in(desk, "calm")
        async with calling(desk, number=CALM, keys="", caller="080-2222-3333", sound=600) as younger:
            yield (elder, first), (younger, await waits_in(desk, "calm", but=[first]))


async def test_moved_to_a_queue_whose_agent_is_ready_it_rings_there_at_once(desk: Stack) -> None:
    async with on_a_break(desk, "suzuki", "smith") as (screens, tanaka):
        await chooses(desk, "smith", "available")
        async with calling(desk, number=CALM, keys=""):
            call_id = await waits_in(desk, "calm")
            before = await record_of(desk, call_id, lambda it: it["queued_at"] is not None)
            asked = time.monotonic()
            await asks(tanaka, "POST", f"/api/waiting/{call_id}/move", {"queue": "english"})
            _, pop = await screens["smith"].wait_for("pop", pop_of(call_id), "pop")
            assert time.monotonic() - asked < AT_ONCE_S
            assert pop["pop"]["queue"]["id"] == "english"
            await desk.phones["smith"].accept()
            await screens["smith"].wait_for("talk", of_call("pop.answered", call_id), "talk")
        record = await record_of(desk, call_id, lambda it: it["end_reason"] is not None)
        assert record["queued_at"] == before["queued_at"]  # the age came along
        assert [offer["agent"] for offer in record["offers"]] == ["smith"]
        # Reasons are written some tenths of a second later.
        told = await eventually(
            lambda: tanaka.get(f"/api/calls/{call_id}/decisions"),
            lambda told: any(one["by"] == "tanaka" for one in told["decisions"]),
        )
    (moved,) = [one for one in told["decisions"] if one["by"] == "tanaka"]
    assert moved["words_en"] == "moved by tanaka; goes on to the queue english"


async def test_moved_it_waits_there_with_its_age_before_the_younger(desk: Stack) -> None:
    """The calm queue says nothing; the other one tells callers their place: so they hear where they are."""
    async with on_a_break(desk, "suzuki", "smith") as (screens, tanaka):
        async with two_waiting(desk) as ((elder, first), (younger, second)):

            async def moves(call_id: str) -> None:
                await asks(tanaka, "POST", f"/api/waiting/{call_id}/move", {"queue": "english"})
                await eventually(lambda: line(tanaka, "english"), lambda ids: call_id in ids)

            await moves(second)  # the younger gets there first, and has to let the elder pass
            await moves(first)
            assert await line(tanaka, "english") == [first, second]
            assert await line(tanaka, "calm") == []
            await asyncio.sleep(13)  # 8 s of music, then the words
            await chooses(desk, "smith", "available")
            await screens["smith"].wait_for("pop", pop_of(first), "pop")
            for caller in (elder, younger):
                await caller.hangup()
                await caller.wait_for("CALL_CLOSED")
        for call_id in (first, second):
            assert (await record_of(desk, call_id, lambda it: it["end_reason"] is not None))["queue"] == "english"
    assert likeness(desk, elder, "position-next") > 0.8
    assert likeness(desk, younger, "position-2") > 0.8


async def test_a_priority_decides_who_is_next(desk: Stack) -> None:
    async with on_a_break(desk, "suzuki") as (screens, tanaka), two_waiting(desk) as ((_, first), (_, second)):
        assert await line(tanaka, "calm") == [first, second]
        said = await asks(tanaka, "PUT", f"/api/waiting/{second}/priority", {"priority": 50})
        assert (said["position"], said["priority"], said["own_priority"]) == (1, 50, 50)
        assert await line(tanaka, "calm") == [second, first]
        await chooses(desk, "suzuki", "available")
        await screens["suzuki"].wait_for("pop", pop_of(second), "pop")
        assert not any(pop_of(first)(message) for _, message in screens["suzuki"].messages)
