"""The recording worker as a process: it ends when its server is gone, and not before."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal, as Linux says."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


async def test_a_word_to_the_whole_service_to_end_is_left_to_the_server() -> None:
    command = (sys.executable, "-m", "cti.wiring.recordingworker", str(os.getpid()))
    worker = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=DEVNULL, stderr=PIPE)
    assert worker.stdin is not None
    assert worker.stderr is not None
    try:
        async with asyncio.timeout(20):
            while not catches(worker.pid, signal.SIGTERM):
                await asyncio.sleep(0.02)
        worker.send_signal(signal.SIGTERM)
        said = await asyncio.wait_for(worker.stderr.readline(), 5)
        assert b"ends with its server" in said
        assert worker.returncode is None
        worker.stdin.close()
        assert await asyncio.wait_for(worker.wait(), 10) == 0
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
