"""What the tests do with the desk: agents who come and go, callers, and what the records say afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any

from cti.demo.call import place_call
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
