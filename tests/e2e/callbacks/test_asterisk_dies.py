"""Asterisk is killed while a callback's agent is being rung: the place is kept, and the person is called once."""

from __future__ import annotations

import signal

import pytest

from cti.demo.asterisk import start_asterisk
from tests.e2e.callbacks.conftest import Office
from tests.e2e.callbacks.steps import at_desk, clean, promise, rang, rows_of, states, talk

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_an_asterisk_killed_while_the_agent_rings_loses_no_place(office: Office) -> None:
    desk, since, heard = office.desk, len(office.person.events), len(office.desk.phones["sato"].events)
    await clean(desk)
    await promise(desk)
    await desk.start_server()
    async with at_desk(desk) as (agent, _):
        await agent.set_state("available")
        await desk.phones["sato"].wait_for("CALL_INCOMING", 20.0, since=heard)
        assert desk.asterisk is not None
        desk.asterisk.child.signal(signal.SIGKILL)
        await desk.asterisk.child.wait()
        await desk.phones["sato"].hangup()  # nobody tells it that the call is gone
        heard = len(desk.phones["sato"].events)
        desk.asterisk = await start_asterisk(desk.run)
        await states(desk, "waiting")
        await agent.set_state("available")
        await talk(office, since, heard)
    assert rang(office, since) == 1
    outcome = [row["state"] for row in await rows_of(desk, "SELECT state FROM effects ORDER BY created_at")]
    assert outcome == ["done", "done"], "the first attempt rang an agent and nobody else: it cost no try"
    (row,) = await rows_of(desk, "SELECT tries FROM callbacks")
    assert row["tries"] == 0
