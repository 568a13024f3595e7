"""The wires between our server and what it talks to, each led through a tap that can be cut and can pull a trigger.

A kill point is a place in what crosses a wire: "the offer's Redirect leaves, and has not arrived" is the moment
before these bytes are forwarded. So the server under test is the one that is shipped, without any hook in it
(decision 0100).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

LOOPBACK = "127.0.0.1"
# Patterns may lie across two reads; none of them is longer than this.
TAIL_BYTES = 2_048


class Way(StrEnum):
    """Which way bytes go."""

    ASK = "ask"  # from our server
    TELL = "tell"  # to our server


class Moment(StrEnum):
    """When the trigger is pulled: what matched is not forwarded, or it is."""

    BEFORE = "before"
    AFTER = "after"


class Fate(StrEnum):
    """What becomes of the bytes that a trap BEFORE was waiting for."""

    PASS = "pass"  # they go on: the fault is elsewhere
    DROP = "drop"  # they never left, or never arrive
    HOLD = "hold"  # they go on when ``released`` is set: a frozen process that is thawed


@dataclass(frozen=True, kw_only=True)
class Sight:
    """Something to see on one connection."""

    way: Way
    pattern: re.Pattern[bytes]


@dataclass(kw_only=True, eq=False)
class Trap:
    """Pulls ``pull`` once, when the last of ``sights`` was seen (each after the one before, on the same connection)."""

    sights: tuple[Sight, ...]
    moment: Moment
    pull: Callable[[], None]
    fate: Fate = Fate.PASS
    sprung: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    found: bytes = b""  # what the last sight matched


@dataclass(kw_only=True, eq=False)
class _Line:
    """One connection through the tap."""

    to_server: asyncio.StreamWriter
    to_peer: asyncio.StreamWriter
    tails: dict[Way, bytes] = field(default_factory=lambda: {Way.ASK: b"", Way.TELL: b""})
    seen: dict[Trap, int] = field(default_factory=dict)

    def abort(self) -> None:
        for writer in (self.to_server, self.to_peer):
            _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Not a polite end: RST, as from a peer that lost its memory."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Wire:
    """A tap in front of ``target``."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.traps: list[Trap] = []
        self._target = target
        self._refusing = False
        self._swallowing = False
        self._tear: Way | None = None
        self._lines: set[_Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; ``port`` is where."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        self._refusing = True
        for line in list(self._lines):
            line.abort()

    def tear(self, way: Way) -> None:
        """Forward half of the next bytes that go this way, then reset: they end in the middle of a frame."""
        self._tear = way

    def swallow(self) -> None:
        """A black hole: connections stay, and are made, and nothing comes through."""
        self._swallowing = True

    def mend(self) -> None:
        """New connections work. What was swallowed is lost, so those connections end."""
        if self._swallowing:
            for line in list(self._lines):
                line.abort()
        self._refusing = self._swallowing = False
        self._tear = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            _reset(writer)
            return
        try:
            peer_reader, peer_writer = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            _reset(writer)
            return
        line = _Line(to_server=writer, to_peer=peer_writer)
        self._lines.add(line)
        for way, source, sink in ((Way.ASK, reader, peer_writer), (Way.TELL, peer_reader, writer)):
            task = asyncio.create_task(self._pump(line, way, source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, line: _Line, way: Way, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                trap = self._caught(line, way, data)
                if trap is not None and trap.moment is Moment.BEFORE and not await self._go_on(trap):
                    data = b""
                if self._tear is way:
                    sink.write(data[: max(1, len(data) // 2)])
                    await sink.drain()
                    self._tear = None
                    line.abort()
                    break
                if data and not self._swallowing:
                    sink.write(data)
                    await sink.drain()
                if trap is not None and trap.moment is Moment.AFTER:
                    trap.pull()
                    trap.sprung.set()
        except OSError:
            pass
        finally:
            self._lines.discard(line)
            with contextlib.suppress(OSError):
                sink.close()

    async def _go_on(self, trap: Trap) -> bool:
        """Pull the trigger; whether the bytes are forwarded."""
        trap.pull()
        trap.sprung.set()
        if trap.fate is Fate.HOLD:
            await trap.released.wait()
        return trap.fate is not Fate.DROP

    def _caught(self, line: _Line, way: Way, data: bytes) -> Trap | None:
        """The trap whose last sight ends in ``data``; it is taken away."""
        tail = line.tails[way]
        text = tail + data
        line.tails[way] = text[-TAIL_BYTES:]
        for trap in self.traps:
            at = line.seen.get(trap, 0)
            sight = trap.sights[at]
            if sight.way is not way:
                continue
            match = next((m for m in sight.pattern.finditer(text) if m.end() > len(tail)), None)
            if match is None:
                continue
            line.seen[trap] = at + 1
            if at + 1 == len(trap.sights):
                self.traps.remove(trap)
                trap.found = match.group()
                return trap
        return None
