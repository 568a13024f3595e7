"""What the dialplan says aloud, read on a log-in of our own: when a caller waits, and when one goes to the fallback."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

from cti.demo.folders import LOOPBACK


@dataclass(frozen=True, kw_only=True)
class Said:
    """A user event of a call."""

    at: float  # Asterisk's clock, epoch seconds
    kind: str  # CtiQueued, CtiFallback, …
    call_id: str
    queue: str


class Observer:
    """Keeps every user event; comes back when Asterisk does."""

    def __init__(self, port: int, user: str, secret: str) -> None:
        self.said: list[Said] = []
        self._port, self._user, self._secret = port, user, secret
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._run(), name="observer")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(OSError, EOFError):
                await self._listen()
            await asyncio.sleep(0.1)

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, self._port, limit=1 << 20)
        try:
            writer.write(f"Action: Login\r\nUsername: {self._user}\r\nSecret: {self._secret}\r\n\r\n".encode())
            while True:
                frame = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace")
                headers = dict(line.split(": ", 1) for line in frame.splitlines() if ": " in line)
                if headers.get("Event") == "UserEvent":
                    self.said.append(
                        Said(
                            at=float(headers.get("Timestamp", time.time())),
                            kind=headers["UserEvent"],
                            call_id=headers.get("CallID", ""),
                            queue=headers.get("Queue", ""),
                        )
                    )
        finally:
            writer.close()
