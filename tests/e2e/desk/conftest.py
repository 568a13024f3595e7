"""One whole desk for these tests: everything real, started once (some 11 s)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from cti.demo.folders import PortPool, run_folder
from cti.demo.stack import Stack, running_stack


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def desk() -> AsyncIterator[Stack]:
    """The running desk, with a registered phone for each agent."""
    with run_folder() as run, PortPool() as pool:
        async with running_stack(run, pool, lambda _: None) as stack:
            for hz, agent in ((1000, "sato"), (700, "suzuki"), (1300, "smith")):
                await stack.start_agent_phone(agent, sound=hz)
            yield stack
