"""What the tests of queues look at: the spool, what a caller heard, instants of the API."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from cti.demo.client import AgentScreen, Person, logged_in
from cti.demo.phones import Baresip
from cti.demo.sipp import RunningSipp, SippLoad, start_sipp
from cti.demo.stack import ROOT, Stack
from tests.e2e.desk.office import at_work, eventually, newest_call, offered
from tests.e2e.ivr.test_heard import place, samples


def spool(desk: Stack) -> Path:
    return desk.folders.spool / "monitor"


def said_in(desk: Stack, prompt: str) -> Path:
    """A prompt's sound in Japanese."""
    return desk.run.path / "sounds" / "kakehashi" / "ja" / f"{prompt}.wav"


def likeness(desk: Stack, caller: Baresip, prompt: str, *, whole: bool = False) -> float:
    """How well a prompt, its first two seconds or all of it, is found in what the caller heard, 0 to 1."""
    (heard,) = caller.heard()
    return place(samples(heard), samples(said_in(desk, prompt))[: None if whole else 16_000])[0]


async def console(desk: Stack, *commands: str) -> None:
    """What somebody at Asterisk's own console does, whether or not a server lives."""
    assert desk.asterisk is not None
    for command in commands:
        await desk.asterisk.cli(command)


async def told_in(desk: Stack, context: str) -> str:
    """The channel of the caller who is in that context of the dialplan; empty while nobody is."""
    assert desk.asterisk is not None
    rows = [row.split("!") for row in (await desk.asterisk.cli("core show channels concise")).splitlines()]
    return next((row[0] for row in rows if row[1:2] == [context]), "")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def waits_in(desk: Stack, queue: str, *, but: Sequence[str] = ()) -> str:
    """The id of the newest call once it stands in that queue's line; ``but``: calls that came before."""
    call = await newest_call(desk, lambda call: call["call_id"] not in but and call["queue"] == queue)
    call_id = str(call["call_id"])
    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:
        await eventually(lambda: line(supervisor, queue), lambda ids: call_id in ids)
    return call_id


async def saying(desk: Stack, channel: str) -> str:
    """The sound that was last said to who waits on this channel; empty before any was."""
    assert desk.asterisk is not None
    shown = await desk.asterisk.cli(f"core show channel {channel}")
    return "".join(row.rpartition("/")[2] for row in shown.splitlines() if row.startswith("CTI_SAYING="))


@asynccontextmanager
async def crowd(desk: Stack, number: str, calls: int) -> AsyncIterator[RunningSipp]:
    """So many callers at once, silent, who stay until the desk hangs up; Asterisk has them all."""

    async def there() -> int:
        assert desk.asterisk is not None
        return (await desk.asterisk.cli("core show channels concise")).count("PJSIP/trunk-")

    scenario = desk.run.path / "crowd.xml"
    text = (ROOT / "tests/soak/scenarios/waits.xml").read_text(encoding="utf-8")
    scenario.write_text(re.sub(".*rtp_stream=.*\n", "", text), encoding="utf-8")
    load = SippLoad(scenario=scenario, server=desk.trunk, service=number, calls=calls, rate_hz=50)
    sipp = await start_sipp(desk.run, desk.pool, load, name="crowd")
    try:
        await eventually(there, lambda count: count >= calls, 20)
        yield sipp
    finally:
        await sipp.stop()


async def board_line(person: Person, queue: str) -> list[dict[str, Any]]:
    """Who waits in a queue, in order of service, as the live page has it."""
    board = await person.get("/api/queues")
    (found,) = [one for one in board["queues"] if one["queue"]["id"] == queue]
    return list(found["waiting"])


async def line(person: Person, queue: str) -> list[str]:
    """The ids of those who wait in a queue, in order of service."""
    return [call["call_id"] for call in await board_line(person, queue)]


async def asks(supervisor: Person, method: str, path: str, body: Mapping[str, Any]) -> Any:
    """What the server answers a supervisor who acts on something; fails with what it says when it refuses."""
    async with supervisor.session.request(method, supervisor.base + path, json=body) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


def pop_of(call_id: str) -> Callable[[dict[str, Any]], bool]:
    """The offer of that call on an agent's screen."""
    return lambda message: offered(message) and message["pop"]["call_id"] == call_id


@asynccontextmanager
async def on_a_break(desk: Stack, *agents: str) -> AsyncIterator[tuple[dict[str, AgentScreen], Person]]:
    """These agents are logged in and take a break, so that callers wait: their screens, and the supervisor."""
    async with at_work(desk, *agents) as screens, logged_in(desk.web, "tanaka", desk.password("tanaka")) as tanaka:
        for agent in agents:
            await chooses(desk, agent, "break", "lunch")
        yield screens, tanaka


async def chooses(desk: Stack, agent: str, state: str, reason: str = "") -> None:
    """What an agent does on their own page."""
    async with logged_in(desk.web, agent, desk.password(agent)) as person:
        await person.set_state(state, reason)
