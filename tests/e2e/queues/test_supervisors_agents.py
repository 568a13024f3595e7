"""A supervisor acts on plans, skills and agents, over HTTP, on a real Asterisk: it shows in the next ring."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from cti.demo.client import DemoFailed, Person
from cti.demo.stack import Stack
from tests.e2e.desk.office import calling, eventually, of_call
from tests.e2e.queues.callers import asks, chooses, line, on_a_break, pop_of, waits_in
from tests.e2e.queues.conftest import CALM, MEMBERS

pytestmark = pytest.mark.asyncio(loop_scope="package")

# A plan and skills are written to PostgreSQL and read again before they hold; routing-oracles.md's aim is a second, the
# rest is the load that runs beside the tests.
AT_ONCE_S = 3.0


@asynccontextmanager
async def planned(tanaka: Person, queue: str, plan: object) -> AsyncIterator[list[str]]:
    """The queue has this plan for the length of the block, then the one before again: its warnings."""
    before = await tanaka.get(f"/api/queues/{queue}/plan")
    body = {"plan": plan, "after": before["version"], "note": "test"}
    done = await asks(tanaka, "POST", f"/api/queues/{queue}/plan", body)
    try:
        yield done["warnings"]
    finally:
        body = {"plan": before["plan"], "after": done["version"], "note": "as it was"}
        await asks(tanaka, "POST", f"/api/queues/{queue}/plan", body)


async def test_a_published_plan_moves_the_call_that_waits_already(desk: Stack) -> None:
    async with on_a_break(desk, "suzuki", "smith") as (screens, tanaka), calling(desk, number=CALM, keys=""):
        await chooses(desk, "smith", "available")  # has not the skill that the queue asks for
        call_id = await waits_in(desk, "calm")
        began = time.monotonic()
        async with planned(tanaka, "calm", [{"want": {"agents": ["smith"]}, "expires_s": 600}]):
            await screens["smith"].wait_for("pop", pop_of(call_id), "pop")
            assert time.monotonic() - began < AT_ONCE_S
            await desk.phones["smith"].accept()
            await screens["smith"].wait_for("talk", of_call("pop.answered", call_id), "talk")


async def test_new_skills_find_the_call_that_waits_already(desk: Stack) -> None:
    async with on_a_break(desk, "suzuki", "smith") as (screens, tanaka), calling(desk, number=CALM, keys=""):
        await chooses(desk, "smith", "available")
        call_id = await waits_in(desk, "calm")
        had = {one["id"]: one["level"] for one in (await tanaka.get("/api/agents/smith/skills"))["skills"]}
        began = time.monotonic()
        await asks(tanaka, "PUT", "/api/agents/smith/skills", {"skills": had | {"billing": 5}})
        try:
            await screens["smith"].wait_for("pop", pop_of(call_id), "pop")
            assert time.monotonic() - began < AT_ONCE_S
        finally:
            await asks(tanaka, "PUT", "/api/agents/smith/skills", {"skills": had})
        # Whose phone rings goes on ringing: nobody takes a call away because skills changed meanwhile.
        await desk.phones["smith"].accept()
        await screens["smith"].wait_for("talk", of_call("pop.answered", call_id), "talk")


async def test_an_agent_who_is_logged_out_stops_ringing_and_the_caller_waits_on(desk: Stack) -> None:
    async with on_a_break(desk, "suzuki") as (screens, tanaka), calling(desk, number=CALM, keys="") as caller:
        phone, screen = desk.phones["suzuki"], screens["suzuki"]
        await chooses(desk, "suzuki", "available")
        call_id = await waits_in(desk, "calm")
        await screen.wait_for("pop", pop_of(call_id), "pop")
        rung = len(phone.events)
        await asks(tanaka, "PUT", "/api/agents/suzuki/state", {"state": "offline"})
        await phone.wait_for("CALL_CLOSED", since=rung)
        await screen.wait_for(
            "state", lambda it: it["type"] == "agent.state" and it["agent"]["state"] == "offline", "log-out"
        )
        assert await line(tanaka, "calm") == [call_id]
        assert not any(event.kind == "CALL_CLOSED" for event in caller.events)
        # Logged out of routing, not off the page: back at work, the caller who waited is hers.
        await asks(tanaka, "PUT", "/api/agents/suzuki/state", {"state": "available"})
        await phone.wait_for("CALL_INCOMING", since=rung)


@asynccontextmanager
async def switched_off(desk: Stack, agent: str) -> AsyncIterator[None]:
    """The desk file names this agent no more: as `config apply` does it."""

    async def switch(active: bool) -> None:
        await conn.execute("UPDATE agents SET active = $2 WHERE agent = $1", agent, active)
        await conn.execute("SELECT pg_notify('desk_changed', 'test')")

    async def is_back() -> bool:
        try:
            await chooses(desk, agent, "offline")
        except DemoFailed:
            return False
        return True

    conn = await asyncpg.connect(desk.postgres.url)
    try:
        await switch(False)
        yield
        await switch(True)
        await eventually(is_back, bool)
    finally:
        await conn.close()


async def test_an_agent_who_is_deleted_while_ringing_leaves_the_caller_to_the_next(desk: Stack) -> None:
    async with on_a_break(desk, "suzuki", "smith") as (screens, _), calling(desk, number=MEMBERS, keys="") as caller:
        await chooses(desk, "suzuki", "available")
        call_id = await waits_in(desk, "members")
        await screens["suzuki"].wait_for("pop", pop_of(call_id), "pop")
        await chooses(desk, "smith", "available")
        rung = len(desk.phones["suzuki"].events)
        async with switched_off(desk, "suzuki"):
            await desk.phones["suzuki"].wait_for("CALL_CLOSED", since=rung)
            await screens["smith"].wait_for("pop", pop_of(call_id), "pop")
            await desk.phones["smith"].accept()
            await screens["smith"].wait_for("talk", of_call("pop.answered", call_id), "talk")
            assert not any(event.kind == "CALL_CLOSED" for event in caller.events)
    # Their phone fell silent while it was nobody's: who is declared again is rung again, and not a minute later.
    async with on_a_break(desk, "suzuki") as (screens, _), calling(desk, number=MEMBERS, keys=""):
        call_id = await waits_in(desk, "members")
        await chooses(desk, "suzuki", "available")
        await screens["suzuki"].wait_for("pop", pop_of(call_id), "pop")
