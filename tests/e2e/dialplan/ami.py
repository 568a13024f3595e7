"""The barest AMI client: one socket, lines in, lines out. Independent of cti.ami, so that each can judge the other."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping

Message = dict[str, str]
DEADLINE_S = 10.0


class Ami:
    """One log-in. Events are kept from the start; ``since`` is a position in them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.events: list[Message] = []
        self._reader, self._writer = reader, writer
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._lists: dict[str, list[Message]] = {}
        self._ids = itertools.count(1)
        self._arrived = asyncio.Condition()
        self._listener = asyncio.create_task(self._listen(), name="ami events")

    @classmethod
    async def connect(cls, port: int, user: str, secret: str) -> Ami:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ami = cls(reader, writer)
        answer = await ami.action("Login", Username=user, Secret=secret)
        if answer["Response"] != "Success":
            await ami.close()
            raise PermissionError(answer["Message"])
        return ami

    async def close(self) -> None:
        self._listener.cancel()
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    @property
    def now(self) -> int:
        """The position after the last event."""
        return len(self.events)

    async def action(self, name: str, **headers: str) -> Message:
        """Send an action, return its response."""
        token = str(next(self._ids))
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[token] = answer
        lines = {"Action": name, "ActionID": token, **headers}
        self._writer.write("".join(f"{k}: {v}\r\n" for k, v in lines.items()).encode() + b"\r\n")
        return await asyncio.wait_for(answer, DEADLINE_S)

    async def setvar(self, variable: str, value: str, channel: str | None = None) -> None:
        """A channel's variable, or a global one."""
        where = {"Channel": channel} if channel else {}
        answer = await self.action("Setvar", Variable=variable, Value=value, **where)
        assert answer["Response"] == "Success", answer

    async def redirect(self, channel: str, context: str, exten: str = "s") -> None:
        answer = await self.action("Redirect", Channel=channel, Context=context, Exten=exten, Priority="1")
        assert answer["Response"] == "Success", answer

    async def listing(self, name: str, end: str, **headers: str) -> list[Message]:
        """An action that answers with a list of events, ended by the event ``end``."""
        token = str(next(self._ids))
        self._lists[token] = []
        lines = {"Action": name, "ActionID": token, **headers}
        self._writer.write("".join(f"{k}: {v}\r\n" for k, v in lines.items()).encode() + b"\r\n")
        async with asyncio.timeout(DEADLINE_S), self._arrived:
            await self._arrived.wait_for(lambda: any(m.get("Event") == end for m in self._lists[token]))
        return self._lists.pop(token)[:-1]

    async def wait(
        self, test: Callable[[Message], bool], *, since: int = 0, deadline_s: float = DEADLINE_S, what: str = ""
    ) -> Message:
        """The first event after ``since`` that fits."""

        def found() -> Message | None:
            return next((event for event in self.events[since:] if test(event)), None)

        try:
            async with asyncio.timeout(deadline_s), self._arrived:
                await self._arrived.wait_for(lambda: found() is not None)
        except TimeoutError:
            seen = "\n  ".join(short(event) for event in self.events[since:])
            raise AssertionError(f"no {what or 'such event'} in {deadline_s} s; there were:\n  {seen}") from None
        event = found()
        assert event is not None
        return event

    async def user_event(self, name: str, *, since: int = 0, deadline_s: float = DEADLINE_S, **fields: str) -> Message:
        """The first UserEvent of that name with those fields."""

        def fits(event: Message) -> bool:
            return event.get("UserEvent") == name and all(event.get(k) == v for k, v in fields.items())

        return await self.wait(fits, since=since, deadline_s=deadline_s, what=f"{name} {fields}")

    async def kind(self, name: str, *, since: int = 0, deadline_s: float = DEADLINE_S, **fields: str) -> Message:
        """The first event of that kind with those fields."""

        def fits(event: Message) -> bool:
            return event.get("Event") == name and all(event.get(k) == v for k, v in fields.items())

        return await self.wait(fits, since=since, deadline_s=deadline_s, what=f"{name} {fields}")

    def of_call(self, call_id: str, since: int = 0) -> list[Message]:
        """The events that carry a call's identity."""
        return [e for e in self.events[since:] if identity(e) == call_id]

    async def _listen(self) -> None:
        await self._reader.readline()  # the banner
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                block = (await self._reader.readuntil(b"\r\n\r\n")).decode()
                await self._take(parse(block))

    async def _take(self, message: Message) -> None:
        token = message.get("ActionID", "")
        if "Response" in message:
            answer = self._answers.pop(token, None)
            if answer is not None and not answer.done():
                answer.set_result(message)
            return
        async with self._arrived:
            if token in self._lists:
                self._lists[token].append(message)
            else:
                self.events.append(message)
            self._arrived.notify_all()


def parse(block: str) -> Message:
    """Lines to a mapping; ``ChanVariable: NAME=value`` becomes the key NAME (DestChanVariable: Dest.NAME)."""
    message: Message = {}
    for line in block.split("\r\n"):
        key, separator, value = line.partition(": ")
        if not separator:
            continue
        if key.endswith("ChanVariable"):
            name, _, value = value.partition("=")
            prefix = key.removesuffix("ChanVariable")
            key = f"{prefix}.{name}" if prefix else name
        message[key] = value
    return message


def identity(event: Mapping[str, str]) -> str:
    """The call an event belongs to, "" for none."""
    return event.get("CTI_CALL_ID") or event.get("Dest.CTI_CALL_ID") or event.get("CallID") or ""


def short(event: Mapping[str, str]) -> str:
    """An event on one line."""
    keys = (
        "Timestamp",
        "Event",
        "UserEvent",
        "Channel",
        "DestChannel",
        "DialStatus",
        "Cause",
        "Status",
        "Offer",
        "File",
        "Device",
        "State",
    )
    return " ".join(event[k] for k in keys if event.get(k))
