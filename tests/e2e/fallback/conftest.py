"""One whole desk for these tests, where a phone rings long enough for a server to be started meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from cti.demo.folders import PortPool, run_folder
from cti.demo.stack import DESK_FILE, Plan, Stack, running_stack

RING_S = 90  # on a machine that is busy with other tests a start may take 20 s


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def desk() -> AsyncIterator[Stack]:
    """The running desk, with a registered phone for each agent."""
    with run_folder() as run, PortPool() as pool:
        desk_file = run.path / "desk.toml"
        text = DESK_FILE.read_text(encoding="utf-8")
        assert text.count("ring_s = 20\n") == 2
        desk_file.write_text(text.replace("ring_s = 20\n", f"ring_s = {RING_S}\n"), encoding="utf-8")
        async with running_stack(run, pool, lambda _: None, Plan(desk_file=desk_file)) as stack:
            for hz, agent in ((1000, "sato"), (700, "suzuki"), (1300, "smith")):
                await stack.start_agent_phone(agent, sound=hz)
            yield stack
