"""One whole desk whose queues are closed, full and passed over."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from cti.demo.folders import PortPool, run_folder
from cti.demo.stack import DESK_FILE, Plan, Stack, running_stack

# What the tests call, without a menu before it.
CLOSED, FULL, SLOW, NIGHT = "05012345101", "05012345102", "05012345103", "05012345104"
CALM, MEMBERS, ALL, TOLD = "05012345105", "05012345106", "05012345107", "05012345108"
OVERFLOW_S = 6
MORE = f"""
[[tenants.demo.skills]]
id = "night"
name = {{ ja = "夜間", en = "Night" }}

[[tenants.demo.calendars]]
id = "never"
weekly = {{ }}

[[tenants.demo.queues]]
id = "closed"
name = {{ ja = "休み", en = "Closed" }}
calendar = "never"
when_closed = {{ do = "voicemail", text = {{ ja = "ご伝言をどうぞ。", en = "Your message, please." }} }}

[[tenants.demo.queues]]
id = "full"
name = {{ ja = "満員", en = "Full" }}
skills = {{ en = 3 }}
max_length = 0

[[tenants.demo.queues]]
id = "slow"
name = {{ ja = "のんびり", en = "Slow" }}
skills = {{ billing = 5 }}
overflow = {{ to = "english", after_s = {OVERFLOW_S} }}
comfort = {{ every_s = 0 }}

[[tenants.demo.queues]]
id = "calm"
name = {{ ja = "静か", en = "Calm" }}
skills = {{ billing = 5 }}
comfort = {{ every_s = 0 }}

[[tenants.demo.queues]]
id = "told"
name = {{ ja = "予告", en = "Told" }}
skills = {{ billing = 5 }}
wrap_up_s = 0
comfort = {{ every_s = 10, place = false, expected = true }}

[[tenants.demo.queues]]
id = "all"
name = {{ ja = "一斉", en = "All" }}
ring_agents = 3
comfort = {{ every_s = 0 }}

[[tenants.demo.queues]]
id = "night"
name = {{ ja = "夜間", en = "Night" }}
skills = {{ night = 1 }}
when_nobody = {{ do = "voicemail", text = {{ ja = "ご伝言をどうぞ。", en = "Your message, please." }} }}
"""


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def desk() -> AsyncIterator[Stack]:
    """The running desk, with a registered phone for each agent."""
    with run_folder() as run, PortPool() as pool:
        numbers = "".join(
            f'\n[[tenants.demo.numbers]]\nnumber = "+81{number[1:]}"\nname = "{queue}"\nqueue = "{queue}"\n'
            for number, queue in (
                (CLOSED, "closed"),
                (FULL, "full"),
                (SLOW, "slow"),
                (NIGHT, "night"),
                (CALM, "calm"),
                (MEMBERS, "members"),
                (ALL, "all"),
                (TOLD, "told"),
            )
        )
        desk_file = run.path / "desk.toml"
        desk_file.write_text(DESK_FILE.read_text(encoding="utf-8") + MORE + numbers, encoding="utf-8")
        async with running_stack(run, pool, lambda _: None, Plan(desk_file=desk_file)) as stack:
            for hz, agent in ((700, "suzuki"), (1300, "smith"), (1900, "sato")):
                await stack.start_agent_phone(agent, sound=hz)
            yield stack
