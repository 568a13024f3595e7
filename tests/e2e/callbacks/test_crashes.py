"""The server is killed around the moment in which a callback's call is placed: the person is called exactly once.

The kill points lie on the wire to Asterisk (docs/decisions/0100), so the server is the one that is shipped.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cti.demo.asterisk import start_asterisk
from cti.demo.stack import Stack
from tests.e2e.callbacks.conftest import Office
from tests.e2e.callbacks.steps import at_desk, callbacks, clean, kill, promise, rows_of
from tests.e2e.desk.office import eventually
from tests.soak._wires import Fate, Moment, Sight, Trap, Way, Wire

pytestmark = pytest.mark.asyncio(loop_scope="session")

ORIGINATE = re.compile(rb"Action: Originate")


@pytest_asyncio.fixture(loop_scope="session")
async def wire(office: Office) -> AsyncIterator[Wire]:
    """The server speaks with Asterisk through a tap."""
    desk = office.desk
    tap = Wire(desk.ports.ami)
    await tap.start()
    plain, tapped = desk.config, desk.config.with_name("through-tap.toml")
    tapped.touch(mode=0o600)
    tapped.write_text(plain.read_text().replace(f"ami_port = {desk.ports.ami}", f"ami_port = {tap.port}"))
    desk.config = tapped
    await clean(desk)
    try:
        yield tap
    finally:
        await tap.stop()
        desk.config = plain
        await kill(desk)
        await desk.start_server()


async def states(desk: Stack, *wanted: str, deadline_s: float = 20.0) -> None:
    await callbacks(desk, lambda rows: [row["state"] for row in rows] == list(wanted), deadline_s)


async def talk(office: Office, since: int, heard: int) -> None:
    """The agent answers, the person answers and says that it is them; then both hang up."""
    phone = office.desk.phones["sato"]
    await phone.wait_for("CALL_INCOMING", 25.0, since=heard)
    await phone.accept()
    await office.person.wait_for("CALL_INCOMING", 10.0, since=since)
    await office.person.accept()
    await asyncio.sleep(1.0)
    await office.person.send_digits("1")
    await states(office.desk, "reached")
    await office.person.hangup()
    await office.person.wait_for("CALL_CLOSED", since=since)


def rang(office: Office, since: int) -> int:
    """How often the person's phone rang."""
    return sum(event.kind == "CALL_INCOMING" for event in office.person.events[since:])


@pytest.mark.parametrize(
    ("moment", "fate"),
    [(Moment.BEFORE, Fate.DROP), (Moment.BEFORE, Fate.HOLD), (Moment.AFTER, Fate.PASS)],
    ids=["stored, never sent", "stored, sent too late", "sent, no answer"],
)
async def test_a_server_killed_around_the_order_calls_exactly_once(
    office: Office, wire: Wire, moment: Moment, fate: Fate
) -> None:
    desk, since, heard = office.desk, len(office.person.events), len(office.desk.phones["sato"].events)
    await promise(desk)
    await desk.start_server()
    killed = Trap(
        sights=(Sight(way=Way.ASK, pattern=ORIGINATE),),
        moment=moment,
        fate=fate,
        pull=lambda: desk.server.signal(signal.SIGKILL) if desk.server is not None else None,
    )
    wire.traps.append(killed)
    async with at_desk(desk) as (agent, _):
        await agent.set_state("available")
        await asyncio.wait_for(killed.sprung.wait(), 15.0)
    assert desk.server is not None
    await desk.server.wait()
    (effect,) = await rows_of(desk, "SELECT state FROM effects")
    assert effect["state"] == "stored", "on disk before it is sent, and nobody said what became of it"
    await desk.start_server()
    if fate is Fate.HOLD:
        # What the dead server had written arrives when the new one has looked and barred it.
        await eventually(
            lambda: rows_of(desk, "SELECT state FROM effects"), lambda rows: rows[0]["state"] == "not_done"
        )
        killed.released.set()
    async with at_desk(desk) as (agent, _):
        await agent.set_state("available")
        await talk(office, since, heard)
    outcome = [row["state"] for row in await rows_of(desk, "SELECT state FROM effects ORDER BY created_at")]
    # Asterisk had begun: the same call went on. It had not: a second one was placed, under an id of its own.
    assert outcome == (["done"] if moment is Moment.AFTER else ["not_done", "done"])
    assert rang(office, since) == 1


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
