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

from tests.e2e.callbacks.conftest import Office
from tests.e2e.callbacks.steps import at_desk, clean, kill, promise, rang, rows_of, talk
from tests.e2e.desk.office import eventually
from tests.soak._wires import Fate, Moment, Sight, Trap, Way, Wire

pytestmark = pytest.mark.asyncio(loop_scope="package")

ORIGINATE = re.compile(rb"Action: Originate")


@pytest_asyncio.fixture(loop_scope="package")
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


@pytest.mark.parametrize(
    ("moment", "fate"),
    [(Moment.BEFORE, Fate.HOLD), (Moment.AFTER, Fate.PASS)],
    ids=["stored, sent too late", "sent, no answer"],
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
