"""The recordings' disk fills up under real calls: they go on and hear each other, and recording comes back by itself.

The disk is a small file system in memory, mounted over the folder that Asterisk records into; files of ballast fill it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from cti.demo.client import AgentScreen, logged_in
from cti.demo.folders import PortPool, run_folder
from cti.demo.stack import Plan, Stack, running_stack
from cti.demo.tones import read_wav, tone_seconds
from tests.e2e.desk.office import at_work, calling, eventually, of_call, offered

pytestmark = pytest.mark.asyncio(loop_scope="session")

DISK_MB, WARN_MB, STOP_MB = 60, 40, 20  # running recordings are ended below 10
CALLER_HZ = 440
# A number without a menu, for whom good Japanese is needed; and the members' queue, for which smith is good enough too.
PARTNERS = "05012345010"
MEMBERS = "1w2w0"
AGENTS = {"sato": 1000, "suzuki": 700, "smith": 1300}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk() -> AsyncIterator[Stack]:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    limits = {"free_warn_mb": WARN_MB, "free_stop_mb": STOP_MB}
    with run_folder() as run, PortPool() as pool:
        async with (
            AsyncExitStack() as cleanup,
            running_stack(run, pool, lambda _: None, Plan(recording=limits)) as stack,
        ):
            spool = spool_of(stack)
            owner = spool.stat()
            mounted = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB * 1_000_000}", "tmpfs", str(spool)], capture_output=True
            )
            if mounted.returncode != 0:
                pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
            # Lazily: Asterisk may still have a file open there.
            cleanup.callback(subprocess.run, ["umount", "-l", str(spool)], check=True)
            os.chown(spool, owner.st_uid, owner.st_gid)
            spool.chmod(owner.st_mode & 0o7777)
            for agent, hz in AGENTS.items():
                await stack.start_agent_phone(agent, sound=hz)
            yield stack


def spool_of(desk: Stack) -> Path:
    return desk.folders.spool / "monitor"


def leave(desk: Stack, free_mb: float) -> None:
    """Ballast, so that this much of the disk is free now."""
    ballast = spool_of(desk) / "ballast"
    ballast.unlink(missing_ok=True)
    room = os.statvfs(spool_of(desk))
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, int(room.f_bavail * room.f_frsize - free_mb * 1_000_000))


async def dialplan_says(desk: Stack, wanted: str) -> None:
    """Wait until the dialplan's switch stands so."""
    assert desk.asterisk is not None
    asterisk = desk.asterisk
    await eventually(lambda: asterisk.cli("dialplan show globals"), lambda said: f"CTI_RECORD={wanted}" in said, 25.0)


async def disk_part(desk: Stack) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{desk.web}/readyz") as answer:
        return dict((await answer.json())["parts"]["disk"])


async def answered(desk: Stack, screens: dict[str, AgentScreen]) -> tuple[str, str]:
    """Whoever is popped takes the call: call id and agent."""
    pops = {
        asyncio.create_task(screen.wait_for("pop", offered, "pop", 30.0), name=agent)
        for agent, screen in screens.items()
    }
    done, others = await asyncio.wait(pops, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    first = done.pop()
    agent, (_, offer) = first.get_name(), first.result()
    call_id = offer["pop"]["call_id"]
    await desk.phones[agent].wait_for("CALL_INCOMING")
    await desk.phones[agent].accept()
    await screens[agent].wait_for("answer", of_call("pop.answered", call_id), "answer")
    return call_id, agent


async def recording(desk: Stack, call_id: str, wanted: tuple[str, ...]) -> dict[str, Any]:
    """What QA sees of a call's recording, once it is settled so; what can be heard is read whole and compared."""
    async with logged_in(desk.web, "watanabe", desk.password("watanabe")) as qa:

        async def ask() -> Any:
            rows = (await qa.get("/api/recordings"))["recordings"]
            return next((row for row in rows if row["call_id"] == call_id), None)

        row = dict(await eventually(ask, lambda row: row is not None and row["status"] in wanted, 60.0))
        if row["sha256"]:
            async with qa.session.get(f"{qa.base}/api/recordings/{call_id}/audio") as answer:
                assert hashlib.sha256(await answer.read()).hexdigest() == row["sha256"]
        return row


def heard_s(desk: Stack, agent: str) -> float:
    """How long the agent's phone heard the caller in its last call."""
    channels, rate_hz = read_wav(desk.phones[agent].heard()[-1])
    return tone_seconds(channels[0], CALLER_HZ, rate_hz)


async def grows(path: Path) -> None:
    """Wait until somebody has written to a file."""
    before = path.stat().st_size
    await eventually(lambda: asyncio.to_thread(lambda: path.stat().st_size), lambda size: size > before, 5.0)


async def test_a_full_disk_stops_recordings_and_no_call(desk: Stack) -> None:
    async with at_work(desk, *AGENTS) as screens:
        await dialplan_says(desk, "yes")
        async with calling(desk, number=PARTNERS, keys="") as first:
            one, agent = await answered(desk, screens)
            screens.pop(agent)

            leave(desk, WARN_MB - 5)
            part = await eventually(lambda: disk_part(desk), lambda part: part["why"] is not None)
            assert part["ready"]
            assert part["why"].startswith("room for recordings gets short")
            await dialplan_says(desk, "yes")

            leave(desk, STOP_MB - 5)
            await dialplan_says(desk, "no")
            await grows(spool_of(desk) / f"{one}-c-rx.wav")  # what runs is not touched
            async with calling(desk, caller="090-0000-0002", number=PARTNERS, keys="") as second:
                two, other = await answered(desk, screens)
                screens.pop(other)
                assert list(spool_of(desk).glob(f"{two}-*")) == []

                leave(desk, STOP_MB / 2 - 3)  # and now even those that run are too much
                why = "no recordings, the disk is nearly full"
                await eventually(lambda: disk_part(desk), lambda part: str(part["why"]).startswith(why))
                await asyncio.sleep(4)  # talk that nobody records: longer than what a truncated recording may lack
                assert first.events[-1].kind != "CALL_CLOSED"
                await second.hangup()
            await first.hangup()
        (spool_of(desk) / "ballast").unlink()
        await dialplan_says(desk, "yes")
        async with calling(desk, caller="090-0000-0003", keys=MEMBERS) as third:
            three, last = await answered(desk, screens)
            await asyncio.sleep(2)
            await third.hangup()

        lost = await recording(desk, two, ("not_recorded", "stored"))
        assert (lost["status"], lost["why"]) == ("not_recorded", "disk_full")
        cut = await recording(desk, one, ("truncated", "stored"))
        assert cut["status"] == "truncated"
        whole = await recording(desk, three, ("stored", "truncated"))
        assert (whole["status"], whole["why"]) == ("stored", None)
        assert heard_s(desk, agent) > 6
        assert heard_s(desk, other) > 3
        assert heard_s(desk, last) > 1
        assert list(spool_of(desk).iterdir()) == [], "all is settled, nothing is left"
