"""A queue that rings three agents at once, on a real Asterisk: pops, records, recordings, Asterisk's own account."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cti.demo.client import AgentScreen, logged_in
from cti.demo.phones import Baresip
from cti.demo.stack import Stack
from tests.e2e.desk.office import AGENTS, at_work, calling, eventually, of_call, offered, record_of
from tests.e2e.queues.callers import chooses, pop_of, spool
from tests.e2e.queues.conftest import ALL

pytestmark = pytest.mark.asyncio(loop_scope="package")


@asynccontextmanager
async def all_ring(desk: Stack) -> AsyncIterator[tuple[dict[str, AgentScreen], Baresip, str]]:
    """A caller for whom all three phones ring: the screens, the caller, the call's id."""
    async with at_work(desk, *AGENTS) as screens:
        seen = {agent: len(desk.phones[agent].events) for agent in AGENTS}
        async with calling(desk, number=ALL, keys="") as caller:
            pops = [(await screens[agent].wait_for("pop", offered, "pop"))[1]["pop"] for agent in AGENTS]
            (call_id,) = {pop["call_id"] for pop in pops}
            assert sorted(pop["attempt"] for pop in pops) == [1, 2, 3]
            for agent in AGENTS:
                await desk.phones[agent].wait_for("CALL_INCOMING", since=seen[agent])
            yield screens, caller, call_id


async def ended(desk: Stack, call_id: str) -> dict[str, Any]:
    """The call's record when it is over."""
    record: dict[str, Any] = await record_of(desk, call_id, lambda it: it["end_reason"] is not None)
    return record


def outcomes(record: dict[str, Any]) -> dict[str, str]:
    return {offer["agent"]: offer["outcome"] for offer in record["offers"]}


def bridged(desk: Stack, call_id: str) -> set[str]:
    """Agents who were in a bridge, as Asterisk's own account has it."""
    rows = (desk.folders.log / "cel.csv").read_text(encoding="utf-8").replace('"', "").splitlines()
    entered = [row.split(",") for row in rows if row.startswith("BRIDGE_ENTER,")]
    names = (row[6] for row in entered if call_id in ",".join(row))
    return {name.split("-")[1] for name in names if name.startswith("PJSIP/demo-")}


def how_many(decisions: dict[str, Any], words: str) -> int:
    """How many of the written decisions say so."""
    return sum(words in one["words_en"] for one in decisions["decisions"])


async def states(desk: Stack) -> dict[str, str]:
    found = {}
    for agent in AGENTS:
        async with logged_in(desk.web, agent, desk.password(agent)) as person:
            found[agent] = (await person.get("/api/me"))["agent"]["state"]
    return found


async def test_three_ring_the_second_accepts_and_the_others_stop(desk: Stack) -> None:
    async with all_ring(desk) as (screens, caller, call_id):
        seen = {agent: len(desk.phones[agent].events) for agent in AGENTS}
        await desk.phones["suzuki"].accept()
        await screens["suzuki"].wait_for("answer", of_call("pop.answered", call_id), "answer")
        for agent in ("sato", "smith"):
            await desk.phones[agent].wait_for("CALL_CLOSED", since=seen[agent])
            _, gone = await screens[agent].wait_for("pop", of_call("pop.withdraw", call_id), "withdrawal")
            assert gone["outcome"] == "withdrawn"
        async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as tanaka:
            await eventually(
                lambda: tanaka.get(f"/api/calls/{call_id}/decisions"),
                lambda it: how_many(it, "rings along, longest idle of") == how_many(it, "was faster") == 2,
            )
        await asyncio.sleep(1)  # the talk
        legs = list(spool(desk).glob(f"{call_id}-a-*-rx.wav"))  # gone soon after: mixed and stored
        await caller.hangup()
        record = await ended(desk, call_id)
        assert outcomes(record) == {"sato": "withdrawn", "suzuki": "accepted", "smith": "withdrawn"}
        assert (record["end_reason"], record["agents"]) == ("completed", ["suzuki"])
        assert bridged(desk, call_id) == {"suzuki"}
        assert len(legs) == 1
        # Nothing is held against the others.
        assert {state for agent, state in (await states(desk)).items() if agent != "suzuki"} == {"available"}


async def test_all_accept_within_milliseconds_and_one_has_the_caller(desk: Stack) -> None:
    async with all_ring(desk) as (_, caller, call_id):
        await asyncio.gather(*(desk.phones[agent].accept() for agent in AGENTS))
        await record_of(desk, call_id, lambda it: it["state"] == "talking")
        await asyncio.sleep(1)  # time for a second one, if there were one
        await caller.hangup()
        record = await ended(desk, call_id)
        assert sorted(outcomes(record).values()) == ["accepted", "withdrawn", "withdrawn"]
        (winner,) = record["agents"]
        assert bridged(desk, call_id) == {winner}


async def test_one_declines_and_the_others_ring_on(desk: Stack) -> None:
    async with all_ring(desk) as (screens, caller, call_id):
        await desk.phones["sato"].hangup()
        _, gone = await screens["sato"].wait_for("pop", of_call("pop.withdraw", call_id), "withdrawal")
        assert gone["outcome"] == "rejected"
        await desk.phones["smith"].accept()
        await screens["smith"].wait_for("answer", of_call("pop.answered", call_id), "answer")
        await caller.hangup()
        record = await ended(desk, call_id)
    assert outcomes(record) == {"sato": "rejected", "suzuki": "withdrawn", "smith": "accepted"}


async def test_an_agent_who_leaves_stops_ringing_alone(desk: Stack) -> None:
    async with all_ring(desk) as (screens, caller, call_id):
        seen = len(desk.phones["sato"].events)
        await chooses(desk, "sato", "break", "lunch")
        await desk.phones["sato"].wait_for("CALL_CLOSED", since=seen)
        await screens["sato"].wait_for("pop", of_call("pop.withdraw", call_id), "withdrawal")
        await desk.phones["suzuki"].accept()
        await screens["suzuki"].wait_for("answer", of_call("pop.answered", call_id), "answer")
        await caller.hangup()
        record = await ended(desk, call_id)
    assert outcomes(record) == {"sato": "withdrawn", "suzuki": "accepted", "smith": "withdrawn"}


async def test_the_caller_who_hangs_up_ends_every_ring(desk: Stack) -> None:
    async with all_ring(desk) as (screens, caller, call_id):
        seen = {agent: len(desk.phones[agent].events) for agent in AGENTS}
        await caller.hangup()
        for agent in AGENTS:
            await desk.phones[agent].wait_for("CALL_CLOSED", since=seen[agent])
            await screens[agent].wait_for("pop", of_call("pop.withdraw", call_id), "withdrawal")
        record = await ended(desk, call_id)
        assert set(outcomes(record).values()) == {"withdrawn"}
        assert record["end_reason"] == "abandoned_in_queue"
        await eventually(lambda: states(desk), lambda found: set(found.values()) == {"available"})


async def test_nobody_answers_and_the_caller_is_served_with_their_age_by_who_comes_back(desk: Stack) -> None:
    """All decline: each bears it, and the caller waits on; whoever is asked again after it has the caller."""
    async with all_ring(desk) as (screens, caller, call_id):
        before = await record_of(desk, call_id, lambda it: it["queued_at"] is not None)
        for agent in AGENTS:
            await desk.phones[agent].hangup()
        record = await record_of(desk, call_id, lambda it: it["state"] == "queued")
        assert set(outcomes(record).values()) == {"rejected"}
        # Nobody else is there, so they are asked again after the shorter pause.
        _, again = await screens["sato"].wait_for("pop", pop_of(call_id), "pop", 40.0)
        assert again["pop"]["queued_at"] == before["queued_at"]
        await caller.hangup()
        await ended(desk, call_id)


async def test_a_server_that_dies_while_three_ring_takes_the_whole_ring_over(desk: Stack) -> None:
    """The next one knows each phone: it stops one alone, and whoever answers has the caller."""
    assert desk.server is not None
    async with all_ring(desk) as (_, caller, call_id):
        seen = {agent: len(desk.phones[agent].events) for agent in AGENTS}
        await record_of(desk, call_id, lambda it: len(it["offers"]) == 3)  # what was not written cannot be taken over
        desk.server.signal(signal.SIGKILL)
        await desk.server.wait()
        await desk.start_server()
        await chooses(desk, "sato", "break", "lunch")
        await desk.phones["sato"].wait_for("CALL_CLOSED", since=seen["sato"])
        await desk.phones["suzuki"].accept()
        await record_of(desk, call_id, lambda it: it["state"] == "talking")
        await desk.phones["smith"].wait_for("CALL_CLOSED", since=seen["smith"])
        await caller.hangup()
        record = await ended(desk, call_id)
    assert outcomes(record) == {"sato": "withdrawn", "suzuki": "accepted", "smith": "withdrawn"}
    assert len(record["offers"]) == 3
    assert bridged(desk, call_id) == {"suzuki"}
