"""The recording worker killed in mid-call, and a second one on the same folder."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from cti.config import load_config
from cti.demo.client import logged_in
from cti.demo.stack import Stack
from cti.wiring.workerpipe import Hello, Ready, encode, read
from tests.e2e.desk.office import at_work, calling, eventually, of_call, offered, record_of

pytestmark = pytest.mark.asyncio(loop_scope="package")


def workers_of(server: int) -> list[int]:
    """Its recording workers' process ids, looked up as a person with `ps` would."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        if b"cti.wiring.recordingworker" in words and str(server).encode() in words:
            found.append(int(folder.name))
    return found


async def the_worker(desk: Stack, *, other_than: int | None = None) -> int:
    assert desk.server is not None
    server = desk.server.pid

    async def ask() -> list[int]:
        return [pid for pid in workers_of(server) if pid != other_than]

    return int((await eventually(ask, bool))[0])


async def talk_and_stop(desk: Stack, meanwhile: Any) -> Any:
    """One call with two seconds of talk; ``meanwhile(call_id)`` is awaited in its middle. Its stored record."""
    async with at_work(desk, "sato") as screens, calling(desk) as phone:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        call_id = offer["pop"]["call_id"]
        await desk.phones["sato"].accept()
        await screens["sato"].wait_for("answer", of_call("pop.answered", call_id), "answer")
        await asyncio.sleep(1)
        await meanwhile(call_id)
        await asyncio.sleep(1)
        await phone.hangup()
        return await record_of(desk, call_id, lambda record: (record["recording"] or {}).get("status") == "stored", 40)


async def test_a_worker_that_dies_in_mid_call_loses_no_recording(desk: Stack) -> None:
    first = await the_worker(desk)

    async def kill(_call_id: str) -> None:
        os.kill(first, signal.SIGKILL)

    record = await talk_and_stop(desk, kill)
    assert await the_worker(desk, other_than=first) != first
    path = f"/api/recordings/{record['call_id']}/audio"
    async with (
        logged_in(desk.web, "watanabe", desk.password("watanabe")) as qa,
        qa.session.get(qa.base + path) as response,
    ):
        assert response.status == 200
        assert response.content_length == len(await response.read()) > 1000


async def test_a_second_worker_waits_until_the_first_is_gone(desk: Stack) -> None:
    """Two servers by mistake, or one that is just ending: never two on one spool."""
    first = await the_worker(desk)
    assert desk.server is not None
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cti.wiring.recordingworker", str(os.getpid()),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert second.stdin is not None
    assert second.stderr is not None
    second.stdin.write(encode(Hello(config=load_config(desk.config), live=frozenset())))
    try:
        said = await asyncio.wait_for(second.stderr.readline(), 20)
        assert b"another recording worker has the folder" in said
        os.kill(first, signal.SIGKILL)
        assert second.stdout is not None
        assert isinstance(await asyncio.wait_for(read(second.stdout), 20), Ready)
    finally:
        second.stdin.close()
        await asyncio.wait_for(second.wait(), 20)
    assert await the_worker(desk, other_than=first) != first
