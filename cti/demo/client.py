"""What a person does with the pages, done over HTTP and WebSocket: log in, choose a state, watch the pop, replay."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp

MESSAGE_DEADLINE_S = 15.0


class DemoFailed(RuntimeError):
    """A step did not happen; ``step`` names it as `demo --check` reports it."""

    def __init__(self, step: str, sentence: str) -> None:
        super().__init__(f"{step}: {sentence}")
        self.step = step


class Person:
    """Somebody who is logged in."""

    def __init__(self, base: str, session: aiohttp.ClientSession, login: str) -> None:
        self.base = base
        self.login = login
        self.session = session

    async def get(self, path: str, **query: str) -> Any:
        """The JSON of a GET. Raises DemoFailed for any status but 200."""
        async with self.session.get(self.base + path, params=query) as response:
            if response.status != 200:
                raise DemoFailed("web", f"GET {path} answered {response.status}: {(await response.text())[:200]}")
            return await response.json()

    async def set_state(self, state: str, reason: str = "") -> None:
        """Choose one's state. Played people give no reasons: where one is needed, they leave the call another way."""
        for chosen in (state, "training", state):
            body = {"state": chosen, "reason": reason if chosen == state else ""}
            async with self.session.put(f"{self.base}/api/my/state", json=body) as response:
                refusal = "" if response.status == 200 else await response.text()
            if chosen == state and not refusal:
                return
            if refusal and "reason_missing" not in refusal:
                break
        raise DemoFailed("web", f"the state {state!r} was refused: {refusal[:200]}")


@asynccontextmanager
async def logged_in(base: str, login: str, password: str) -> AsyncIterator[Person]:
    """Log in; the session ends with the block. Raises DemoFailed when the password is refused."""
    jar = aiohttp.CookieJar(unsafe=True)  # a cookie for an IP address, as on a page opened by its number
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Origin": base}) as session:
        body = {"login": login, "password": password}
        async with session.post(f"{base}/api/login", json=body) as response:
            if response.status != 200:
                raise DemoFailed("web", f"log-in of {login!r} answered {response.status}")
        yield Person(base, session, login)


class AgentScreen:
    """The agent's socket: every message with the instant it arrived, in order."""

    def __init__(self) -> None:
        self.messages: list[tuple[datetime, dict[str, Any]]] = []
        self._arrived = asyncio.Condition()

    async def take(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Read until the socket ends."""
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                break
            now = datetime.now(UTC)
            async with self._arrived:
                self.messages.append((now, json.loads(frame.data)))
                self._arrived.notify_all()

    async def wait_for(
        self, step: str, wanted: Callable[[dict[str, Any]], bool], what: str, deadline_s: float = MESSAGE_DEADLINE_S
    ) -> tuple[datetime, dict[str, Any]]:
        """The first message, past or to come, that ``wanted`` accepts. Raises DemoFailed(step) at the deadline."""

        def found() -> tuple[datetime, dict[str, Any]] | None:
            return next((entry for entry in self.messages if wanted(entry[1])), None)

        try:
            async with asyncio.timeout(deadline_s), self._arrived:
                await self._arrived.wait_for(lambda: found() is not None)
        except TimeoutError:
            kinds = ", ".join(message["type"] for _, message in self.messages) or "nothing"
            raise DemoFailed(step, f"no {what} within {deadline_s:g} s; the socket brought: {kinds}") from None
        entry = found()
        if entry is None:  # cannot be: the condition was met and messages are never removed
            raise DemoFailed(step, what)
        return entry


@asynccontextmanager
async def watching(person: Person) -> AsyncIterator[AgentScreen]:
    """The person's agent socket, open for the length of the block."""
    screen = AgentScreen()
    async with person.session.ws_connect(f"{person.base}/api/socket", heartbeat=20) as socket:
        reader = asyncio.create_task(screen.take(socket), name=f"screen of {person.login}")
        try:
            await screen.wait_for("pop", lambda message: message["type"] == "snapshot", "snapshot")
            yield screen
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
