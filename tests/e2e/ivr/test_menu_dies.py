"""The menu server is killed or frozen while it speaks: the caller hears a word of patience and goes on."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cti.demo.processes import Child, ChildSpec, start_child
from tests.e2e.ivr.desk import Desk

pytestmark = pytest.mark.asyncio(loop_scope="package")


@contextlib.asynccontextmanager
async def a_server(desk: Desk, name: str) -> AsyncIterator[Child]:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "tests.e2e.ivr.menu_process", str(desk.settings.fastagi_port), str(desk.sounds)]
    log = desk.run.log(name)
    child = await start_child(ChildSpec(name=name, argv=command, log=log, cwd=root))

    async def ready() -> bool:
        return "ready" in log.read_text()

    try:
        await child.until_ready(ready, 20)
        yield child
    finally:
        child.signal(signal.SIGCONT)
        await child.stop(grace_s=1)


async def test_killed_in_the_middle_of_a_prompt_the_caller_stays_and_meets_the_next_server(desk: Desk) -> None:
    async with a_server(desk, "menu-killed") as child:
        phone = await desk.caller()
        await asyncio.sleep(1.0)  # inside the greeting
        await phone.send_digits("11")
        # The notice is said to its end, then the reservation number is asked for, which takes six seconds.
        await desk.until(lambda seen: seen.get("CTI_KEYS", "").endswith(",1"))
        await asyncio.sleep(3.0)
        child.signal(signal.SIGKILL)
        await child.wait()
        async with a_server(desk, "menu-second"):
            await desk.until(lambda seen: seen.get("Application") == "AGI" and seen.get("CTI_TRY", "0") >= "2")
            # The second server knows language and membership: "#" is the answer to the reservation number.
            await phone.send_digits("#1")
            seen = await desk.waiting()
    assert seen["CTI_QUEUE"] == "roadside"
    assert (seen["CTI_DONE"], seen["CTI_KEYS"]) == ("1", "")
    assert not [event for event in phone.events if event.kind == "CALL_CLOSED"]


async def test_without_any_server_the_caller_is_in_the_queue_after_some_tries(desk: Desk) -> None:
    async with a_server(desk, "menu-gone") as child:
        await desk.caller()
        await asyncio.sleep(1.5)
        child.signal(signal.SIGKILL)
        await child.wait()
        seen = await desk.waiting(30)
    assert seen["CTI_QUEUE"] == "members"
    assert seen["CTI_DONE"] == ""


async def test_frozen_in_the_middle_of_a_prompt_the_caller_is_taken_away_from_it(desk: Desk) -> None:
    async with a_server(desk, "menu-frozen") as child:
        phone = await desk.caller()
        await asyncio.sleep(1.5)
        began = time.monotonic()
        child.signal(signal.SIGSTOP)
        # The greeting (3.5 s), the margin of this server (2 s) and rounding; then the dialplan speaks.
        await desk.until(lambda seen: seen.get("Application") == "Playback", 12)
        assert time.monotonic() - began < 9
        child.signal(signal.SIGCONT)
        await desk.until(lambda seen: seen.get("Application") == "AGI", 12)
        await phone.send_digits("10")
        seen = await desk.waiting()
    assert seen["CTI_QUEUE"] == "roadside"
