"""One whole desk for these tests, with a way out to a person's phone, on a trunk that is that phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio

from cti.demo.folders import PortPool, run_folder
from cti.demo.phones import Baresip, PhoneAccount, start_phone
from cti.demo.stack import DESK_FILE, Plan, Stack, running_stack

PERSON = "09012345678"
PERSON_HZ, AGENT_HZ = 500, 1000
# All day long, whenever the tests run; short rings and pauses, since a person who does not answer is waited for.
RULES = 'callback = { opens = "00:00", closes = "23:59", tries = 2, pause_s = 5, ring_s = 5 }'
# For test_outbound.py: short rings here too.
OUTBOUND = 'number = "+815012345000"\nring_s = 5\nown_ring_s = 5'


@dataclass(frozen=True, kw_only=True)
class Office:
    """The desk, and the phone of the person who is called back."""

    desk: Stack
    person: Baresip


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def office() -> AsyncIterator[Office]:
    """The running desk, with a registered phone for one agent."""
    with run_folder() as run, PortPool() as pool:
        text = DESK_FILE.read_text(encoding="utf-8").replace("\nmax_wait_s = ", f"\n{RULES}\nmax_wait_s = ")
        text += f"\n[tenants.demo.outbound]\n{OUTBOUND}\n"
        desk_file = run.path / "desk.toml"
        desk_file.write_text(text, encoding="utf-8")
        # Asterisk's address is of no use to it: it only receives.
        account = PhoneAccount(user=PERSON, server="127.0.0.1:9")
        person = await start_phone(run, pool, account, name="person", sound=PERSON_HZ, answer="manual")
        settings: dict[str, int | str] = {"trunk_out": person.address.rpartition("@")[2], "agent_rtp_timeout_s": 3}
        try:
            async with running_stack(run, pool, lambda _: None, Plan(desk_file=desk_file, asterisk=settings)) as desk:
                await desk.start_agent_phone("sato", sound=AGENT_HZ)
                yield Office(desk=desk, person=person)
        finally:
            await person.stop()
