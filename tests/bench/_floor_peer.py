"""The floor: the least that can redirect a caller to an agent. No skills, no records, no checks. Run by the benches.

usage: _floor_peer.py AMI_PORT USER SECRET PREFIX COUNT; agents are PREFIX0 … and all of them idle at the start. Prints
"ready" when it is logged in. Bytes are searched, not parsed: nothing that has to look at Hangup can do less.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections import deque

_CHANNEL = re.compile(rb"\r\nChannel: ([^\r]+)")


class Floor(asyncio.Protocol):
    """One AMI connection."""

    def __init__(self, user: str, secret: str, prefix: str, count: int) -> None:
        self._log_in = f"Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\nEvents: on\r\n\r\n".encode()
        self._phones = re.compile(rf"PJSIP/({prefix}[0-9]+)-[0-9a-f]+\Z".encode())
        self._idle = deque(f"{prefix}{n}".encode() for n in range(count))
        self._known = frozenset(self._idle)
        self._waiting: deque[bytes] = deque()
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._log_in)

    def data_received(self, data: bytes) -> None:
        *frames, self._buffer = (self._buffer + data).split(b"\r\n\r\n")
        for frame in frames:
            if b"Authentication accepted" in frame:
                print("ready", flush=True)
            channel = _CHANNEL.search(frame)
            if channel is None:
                continue
            if frame.startswith(b"Event: Hangup\r\n"):
                self._hung_up(channel[1])
            elif b"\r\nUserEvent: BenchWaits" in frame:
                self._waiting.append(channel[1])
                self._match()

    def connection_lost(self, exc: Exception | None) -> None:
        raise SystemExit(1)

    def _hung_up(self, channel: bytes) -> None:
        phone = self._phones.match(channel)
        if phone is None:
            if channel in self._waiting:
                self._waiting.remove(channel)
        elif phone[1] in self._known:
            self._idle.append(phone[1])
            self._match()

    def _match(self) -> None:
        while self._idle and self._waiting:
            agent, caller = self._idle.popleft(), self._waiting.popleft()
            assert self._transport is not None
            self._transport.write(
                b"Action: Redirect\r\nChannel: %b\r\nContext: bench-dial\r\nExten: %b\r\nPriority: 1\r\n\r\n"
                % (caller, agent)
            )


async def main(port: int, user: str, secret: str, prefix: str, count: int) -> None:
    """Run until killed."""
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: Floor(user, secret, prefix, count), "127.0.0.1", port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])))
