"""One agent, two pages and two phones, on a real Asterisk: one state, one call, one ring (docs/routing.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cti.demo.client import AgentScreen, Person, logged_in, watching
from cti.demo.phones import Baresip
from cti.demo.stack import Stack
from tests.e2e.desk.office import at_work, calling, of_call
from tests.e2e.queues.callers import chooses, pop_of, waits_in
from tests.e2e.queues.conftest import MEMBERS

pytestmark = pytest.mark.asyncio(loop_scope="package")


def is_now(state: str) -> Any:
    """The agent's own state, as their page is told."""
    return lambda message: message["type"] == "agent.state" and message["agent"]["state"] == state


@asynccontextmanager
async def page(desk: Stack) -> AsyncIterator[tuple[Person, AgentScreen]]:
    """Sato logs in once more, as in another browser."""
    async with logged_in(desk.web, "sato", desk.password("sato")) as person, watching(person) as screen:
        yield person, screen


def rings(phone: Baresip) -> int:
    return sum(event.kind == "CALL_INCOMING" for event in phone.events)


async def test_two_pages_are_one_agent(desk: Stack) -> None:
    phone = desk.phones["sato"]
    async with at_work(desk), page(desk) as (here, shows_here), page(desk) as (there, shows_there):
        await here.set_state("break", "lunch")
        await shows_there.wait_for("state", is_now("break"), "what was chosen on the other page")
        await there.set_state("available")
        await shows_here.wait_for("state", is_now("available"), "what was chosen on the other page")
        async with calling(desk, number=MEMBERS, keys=""):
            call_id = await waits_in(desk, "members")
            (_, one), (_, other) = [
                await screen.wait_for("pop", pop_of(call_id), "pop") for screen in (shows_here, shows_there)
            ]
            assert one == other  # the same message with the same number
            await phone.accept()
            for screen in (shows_here, shows_there):
                await screen.wait_for("talk", of_call("pop.answered", call_id), "talk")
        for screen in (shows_here, shows_there):
            await screen.wait_for("state", is_now("wrap_up"), "after-call work")
        await here.set_state("available")
        async with here.session.post(f"{desk.web}/api/logout") as answer:
            assert answer.status == 204
        # The other page is open: the agent stays at work …
        assert (await there.get("/api/me"))["agent"]["state"] == "available"
        async with there.session.post(f"{desk.web}/api/logout") as answer:
            assert answer.status == 204
    async with logged_in(desk.web, "sato", desk.password("sato")) as again:
        # … and is logged out of routing with the last of them; logging in again changes nothing by itself.
        assert (await again.get("/api/me"))["agent"]["state"] == "offline"


async def test_of_two_phones_the_one_that_registered_last_rings_alone(desk: Stack) -> None:
    first = desk.phones["sato"]
    try:
        async with at_work(desk, "sato") as screens:
            rung = rings(first)
            async with calling(desk, number=MEMBERS, keys=""):
                call_id = await waits_in(desk, "members")
                await first.wait_for("CALL_INCOMING", count=rung + 1)
                second = await desk.start_agent_phone("sato", sound=1900)  # the desk's from now on
                await first.accept()  # what rings goes on where it rings
                await screens["sato"].wait_for("talk", of_call("pop.answered", call_id), "talk")
            await screens["sato"].wait_for("state", is_now("wrap_up"), "after-call work")
            await chooses(desk, "sato", "available")
            assert (rings(first), rings(second)) == (rung + 1, 0)
            assert desk.asterisk is not None
            assert (await desk.asterisk.cli("pjsip show contacts")).count("demo-sato/sip:") == 1
            async with calling(desk, number=MEMBERS, keys=""):
                call_id = await waits_in(desk, "members", but=[call_id])
                await second.wait_for("CALL_INCOMING")
                await second.accept()
                await screens["sato"].wait_for("talk", of_call("pop.answered", call_id), "talk")
            assert (rings(first), rings(second)) == (rung + 1, 1)
    finally:
        await first.stop()
