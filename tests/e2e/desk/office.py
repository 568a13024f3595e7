"""What the tests do with the desk: agents who come and go, callers, and what the records say afterwards."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any

from cti.demo.call import place_call
from cti.demo.check import decoded
from cti.demo.client import AgentScreen, Person, logged_in, watching
from cti.demo.phones import Baresip
from cti.demo.stack import Stack

AGENTS = ("sato", "suzuki", "smith")
# The shortest way to an agent: Japanese, urgent. The greeting may be talked over, the recording notice may not.
URGENT = "10"
_numbers = count(1)


@asynccontextmanager
async def at_work(desk: Stack, *agents: str) -> AsyncIterator[dict[str, AgentScreen]]:
    """Exactly these agents are available; their screens by name."""
    async with AsyncExitStack() as open_things:
        people: dict[str, Person] = {}
        for agent in AGENTS:
            people[agent] = await open_things.enter_async_context(logged_in(desk.web, agent, desk.password(agent)))
        screens = {agent: await open_things.enter_async_context(watching(people[agent])) for agent in agents}
        for agent in AGENTS:
            await people[agent].set_state("available" if agent in agents else "offline")
        try:
            yield screens
        finally:
            for agent in AGENTS:
                await people[agent].set_state("offline")


@asynccontextmanager
async def calling(
    desk: Stack, *, caller: str = "090-1234-5678", keys: str = URGENT, number: str | None = None, sound: int = 440
) -> AsyncIterator[Baresip]:
    """A caller on the line; switched off at the end."""
    phone = await place_call(
        desk.run, desk.pool, trunk=desk.trunk, number=number or desk.number, caller=caller, keys=keys, sound=sound,
        name=f"caller-{next(_numbers)}",
    )  # fmt: skip
    try:
        yield phone
    finally:
        await phone.stop()


async def eventually(ask: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool], deadline_s: float = 15.0) -> Any:
    """Ask until the answer is wanted; fails with the last answer."""
    end = time.monotonic() + deadline_s
    while True:
        answer = await ask()
        if wanted(answer):
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s:g} s; last: {answer}")
        await asyncio.sleep(0.1)


def offered(message: dict[str, Any]) -> bool:
    """A pop."""
    return bool(message["type"] == "pop.offer")


def of_call(kind: str, call_id: str) -> Callable[[dict[str, Any]], bool]:
    """A message of that kind about that call."""
    return lambda message: message["type"] == kind and message.get("call_id") == call_id


async def record_of(desk: Stack, call_id: str, wanted: Callable[[Any], bool], deadline_s: float = 15.0) -> Any:
    """The contact record, as a supervisor reads it, once it is as wanted."""
    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:
        return await eventually(lambda: supervisor.get(f"/api/calls/{call_id}"), wanted, deadline_s)


async def newest_call(desk: Stack, wanted: Callable[[Any], bool]) -> Any:
    """The newest call's summary, once it is as wanted."""
    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:
        page = await eventually(
            lambda: supervisor.get("/api/calls", limit="1"),
            lambda page: bool(page["calls"]) and wanted(page["calls"][0]),
        )
        return page["calls"][0]


async def replayed(desk: Stack, call_id: str, deadline_s: float = 40.0) -> tuple[array[int], array[int]]:
    """What QA hears of a call once its recording is stored: caller and agents, 8,000 samples a second."""
    async with logged_in(desk.web, "watanabe", desk.password("watanabe")) as qa:

        async def status() -> Any:
            rows = (await qa.get("/api/recordings", limit="10"))["recordings"]
            return next((row["status"] for row in rows if row["call_id"] == call_id), None)

        await eventually(status, lambda status: status == "stored", deadline_s)
        async with qa.session.get(f"{qa.base}/api/recordings/{call_id}/audio") as response:
            assert response.status == 200
            left, right = await decoded(await response.read())
    return left, right


async def commanded(person: Person, command: str, to: str = "", *, status: int = 200) -> Any:
    """What an agent does with their call, over HTTP; the answer, once confirmed."""
    async with person.session.post(f"{person.base}/api/my/call", json={"command": command, "to": to}) as response:
        answer = await response.json()
        assert response.status == status, answer
        return answer


async def in_phase(screen: AgentScreen, wanted: str | None) -> Any:
    """The newest call.talk of this agent's socket, once it says so; None: no talk."""

    def newest() -> Any:
        told = [message for _, message in screen.messages if message["type"] == "call.talk"]
        return told[-1]["talk"] if told else None

    async with asyncio.timeout(20):
        while (newest() or {}).get("phase") != wanted:
            await asyncio.sleep(0.02)
    return newest()
