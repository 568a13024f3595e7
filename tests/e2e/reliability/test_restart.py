"""The server is killed while a caller waits, and started again: ready within 3 s, and ready means that offers are made.

What is promised holds on a machine with two idle cores (docs/reliability.md). Here other work may stand beside it: the
time in which the server's main thread was ready to run and had no processor (Linux counts it: proc(5), schedstat) is
taken off, and so is what the host of a virtual machine gave to others meanwhile (proc(5), stat: steal; the mean of all
processors). On an idle machine that is nothing.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from cti.demo.client import logged_in
from cti.demo.folders import PortPool, run_folder
from cti.demo.stack import Stack, running_stack
from tests.e2e.desk.office import at_work, calling, eventually, offered

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROMISED_S = 3.0
RESTARTS = 3
# Japanese, not a member, something else: the members' queue, where callers wait for whoever is on a break.
MEMBERS = "1w2w0"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk() -> AsyncIterator[Stack]:
    with run_folder() as run, PortPool() as pool:
        async with running_stack(run, pool, lambda _: None) as stack:
            await stack.start_agent_phone("sato", sound=1000)
            yield stack


def waited_for_a_processor_s(pid: int) -> float:
    """How long the main thread was runnable and did not run."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9


def stolen_s() -> float:
    """How long, since this machine began, each of its processors wanted to run and the host let others."""
    total = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    return int(total[8]) / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)


async def restart(desk: Stack) -> tuple[float, float]:
    """SIGKILL and start again: seconds until /readyz said yes, and those of them without a processor."""
    assert desk.server is not None
    desk.server.signal(signal.SIGKILL)
    await desk.server.wait()
    began_s, before_s = time.monotonic(), stolen_s()
    await desk.start_server()
    return time.monotonic() - began_s, waited_for_a_processor_s(desk.server.pid) + stolen_s() - before_s


async def waiting(desk: Stack) -> int:
    """Callers in the queue, as the database has them."""
    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:
        page = await supervisor.get("/api/calls", limit="10")
    return sum(call["state"] == "queued" for call in page["calls"])


async def test_a_killed_server_is_ready_again_within_three_seconds_and_makes_offers(desk: Stack) -> None:
    async with AsyncExitStack() as open_things:
        sato = await open_things.enter_async_context(logged_in(desk.web, "sato", desk.password("sato")))
        await sato.set_state("break", "lunch")
        caller = await open_things.enter_async_context(calling(desk, keys=MEMBERS))
        await eventually(lambda: waiting(desk), lambda count: count == 1, 40.0)
        took = [await restart(desk) for _ in range(RESTARTS)]
        said = ", ".join(f"{total_s:.2f} s ({waited_s:.2f} s without a processor)" for total_s, waited_s in took)
        assert all(total_s - waited_s <= PROMISED_S for total_s, waited_s in took), f"ready after {said}"
        assert caller.events[-1].kind != "CALL_CLOSED"
        async with at_work(desk, "sato") as screens:
            await screens["sato"].wait_for("pop", offered, "pop", 10.0)
            await desk.phones["sato"].wait_for("CALL_INCOMING", 5.0)
        print(f"ready after {said}")


async def test_what_is_ready_is_told_part_by_part(desk: Stack) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{desk.web}/readyz") as answer:
        parts = (await answer.json())["parts"]
    assert {"ami", "routing", "postgres", "s3", "lookup", "ivr", "disk"} <= set(parts)
    assert all(part["ready"] for part in parts.values())
