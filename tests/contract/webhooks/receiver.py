"""The example receiver as its own process."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parents[3] / "examples" / "webhook-receiver" / "receive.py"
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef" * 2).decode()
MANY_S = 20.0


@dataclass
class Example:
    """The running example and its inbox."""

    url: str
    inbox: Path
    process: asyncio.subprocess.Process

    async def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(MANY_S):
            said: dict[str, Any] = json.loads(await self.process.stdout.readline())
            return said

    def kept(self) -> list[tuple[str, int]]:
        database = sqlite3.connect(self.inbox)
        try:
            rows = database.execute("SELECT id, message FROM messages ORDER BY place").fetchall()
        finally:
            database.close()
        return [(message_id, json.loads(message)["id"]) for message_id, message in rows]


@asynccontextmanager
async def example(inbox: Path, port: int = 0) -> AsyncIterator[Example]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), "--port", str(port), "--db", str(inbox),
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "WEBHOOK_SECRET": SECRET},
    )  # fmt: skip
    running = Example(url="", inbox=inbox, process=process)
    try:
        running.url = (await running.line())["url"]
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
