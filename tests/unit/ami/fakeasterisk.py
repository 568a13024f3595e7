"""A small AMI server: speaks the wire protocol on a real socket and can be made to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from cti.ami.client import AmiClient, AmiSettings
from cti.ami.frames import Headers, parse_headers

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
VERSION = "22.10.1+dfsg+~cs6.17.60671434-1"
Answer = str | None  # headers without ActionID, one a line; None: say nothing


class FakeAsterisk:
    """``answers`` by action name; what is not there gets Success. ``actions`` is everything that was received."""

    def __init__(self) -> None:
        self.port = 0
        self.greeting = GREETING
        self.secret = "right"
        self.version = VERSION
        self.answers: dict[str, Answer | Callable[[Headers], Answer]] = {}
        self.actions: list[Headers] = []
        self.connections = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Condition()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.drop()
            self._server = None

    def drop(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def send(self, data: bytes) -> None:
        """Bytes to everybody who is logged in."""
        for writer in self._writers:
            writer.write(data)

    def event(self, text: str) -> None:
        """An event, one header a line."""
        self.send(wire(text))

    def named(self, action: str) -> list[Headers]:
        """The actions of one name received so far."""
        return [a for a in self.actions if a["Action"].lower() == action.lower()]

    async def received(self, action: str, count: int = 1) -> Headers:
        """Wait until this action came ``count`` times; the last of them."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: len(self.named(action)) >= count)
        return self.named(action)[count - 1]

    async def connected(self, count: int) -> None:
        """Wait until so many connections have been made."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self.connections >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        async with self._changed:
            self.connections += 1
            self._changed.notify_all()
        writer.write(self.greeting)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                action = parse_headers((await reader.readuntil(b"\r\n\r\n")).decode().rstrip("\r\n"))
                async with self._changed:
                    self.actions.append(action)
                    self._changed.notify_all()
                answer = self._answer(action)
                if answer is not None:
                    writer.write(wire(answer, action["ActionID"]))
        writer.close()

    def _answer(self, action: Headers) -> Answer:
        name = action["Action"]
        if name in self.answers:
            answer = self.answers[name]
            return answer(action) if callable(answer) else answer
        if name.lower() == "login" and action["Secret"] != self.secret:
            return "Response: Error\nMessage: Authentication failed"
        if name == "CoreSettings":
            return f"Response: Success\nAsteriskVersion: {self.version}"
        if name == "Ping":
            return "Response: Success\nPing: Pong"
        return "Response: Success\nMessage: done"


def wire(text: str, action_id: str = "") -> bytes:
    """Headers as a frame; several frames are separated by an empty line."""
    frames = []
    for frame in text.strip().split("\n\n"):
        lines = frame.strip().split("\n")
        if action_id:
            lines.insert(1, f"ActionID: {action_id}")
        frames.append("\r\n".join(line.strip() for line in lines) + "\r\n\r\n")
    return "".join(frames).encode()


@contextlib.asynccontextmanager
async def fake_asterisk() -> AsyncIterator[FakeAsterisk]:
    fake = FakeAsterisk()
    await fake.start()
    try:
        yield fake
    finally:
        await fake.stop()


def settings(fake: FakeAsterisk, **changes: object) -> AmiSettings:
    """Settings for the fake, with short patience."""
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": fake.port,
        "username": "kakehashi",
        "secret": "right",
        "connect_s": 1.0,
        "action_s": 0.5,
        "ping_every_s": 0.2,
        "ping_s": 0.3,
        "backoff_first_s": 0.02,
        "backoff_max_s": 0.1,
    }
    return AmiSettings(**{**values, **changes})  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def linked(
    fake: FakeAsterisk, frames: list[Headers], *, wanted: tuple[str, ...] = ("Tick",), **changes: object
) -> AsyncIterator[AmiClient]:
    """A client that is up; wanted events are appended to ``frames``."""
    client = AmiClient(settings(fake, **changes), wanted=wanted, on_frame=frames.append)
    await client.start()
    try:
        await client.wait_up(5)
        yield client
    finally:
        await client.stop()
