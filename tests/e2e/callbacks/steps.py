"""What these tests do again and again."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import asyncpg

from cti.demo.client import AgentScreen, Person, logged_in, watching
from cti.demo.stack import TENANT, Stack
from cti.demo.tones import tone_seconds
from tests.e2e.callbacks.conftest import PERSON, Office
from tests.e2e.desk.office import calling, eventually, replayed

BREAK = "lunch"


@asynccontextmanager
async def at_desk(desk: Stack) -> AsyncIterator[tuple[Person, AgentScreen]]:
    """The agent is there and takes no calls yet."""
    async with logged_in(desk.web, "sato", desk.password("sato")) as agent, watching(agent) as screen:
        await agent.set_state("break", BREAK)
        try:
            yield agent, screen
        finally:
            with suppress(aiohttp.ClientError):  # a server that was killed has no agents
                await agent.set_state("offline")


async def keep_place(desk: Stack, *, caller: str = "090-1234-5678", keys: str = "1") -> str:
    """A caller waits, presses 1, confirms with ``keys``, and is told; returns their call."""
    async with calling(desk, caller=caller) as phone:
        call_id = await eventually(lambda: newest(desk), lambda call_id: call_id is not None)
        # CTI_KEEP is set 2 s after the entry, and said with the first announcement.
        await asyncio.sleep(3.5)
        await phone.send_digits("1")
        closed = asyncio.create_task(phone.wait_for("CALL_CLOSED", 40.0))
        while not closed.done():  # a machine under load is slow to ask
            await asyncio.wait({closed}, timeout=3.0)
            if not closed.done():
                await phone.send_digits(keys)
        await closed
    return str(call_id)


async def newest(desk: Stack) -> str | None:
    rows = await rows_of(
        desk, "SELECT call_id::text AS call_id FROM calls WHERE state = 'queued' ORDER BY arrived_at DESC"
    )
    return rows[0]["call_id"] if rows else None


async def rows_of(desk: Stack, query: str, *args: Any) -> list[dict[str, Any]]:
    """Rows of the desk's database."""
    conn = await asyncpg.connect(desk.postgres.url)
    try:
        return [dict(row) for row in await conn.fetch(query, *args)]
    finally:
        await conn.close()


async def callbacks(desk: Stack, wanted: Callable[[list[dict[str, Any]]], bool], deadline_s: float = 15.0) -> Any:
    """All callbacks as stored, oldest first, once they are as wanted."""
    query = "SELECT * FROM callbacks WHERE tenant = $1 ORDER BY asked_at"
    return await eventually(lambda: rows_of(desk, query, TENANT), wanted, deadline_s)


async def recorded_tones(desk: Stack, call_id: str, hz: tuple[int, ...]) -> dict[tuple[str, int], float]:
    """Seconds of each tone on each side of the stored recording."""
    sides = dict(zip(("left", "right"), await replayed(desk, call_id), strict=True))
    return {(side, tone): tone_seconds(sound, tone) for side, sound in sides.items() for tone in hz}


async def kill(desk: Stack) -> None:
    """SIGKILL, whatever it is doing."""
    assert desk.server is not None
    desk.server.signal(signal.SIGKILL)
    await desk.server.wait()


async def clean(desk: Stack) -> None:
    """Nobody is called back; the server is down."""
    await kill(desk)
    await run_sql(desk, "DELETE FROM callbacks")
    await run_sql(desk, "DELETE FROM effects")
    await run_sql(desk, "DELETE FROM agent_states")
    assert desk.asterisk is not None
    await desk.asterisk.cli("channel request hangup all")


async def run_sql(desk: Stack, query: str, *args: object) -> None:
    conn = await asyncpg.connect(desk.postgres.url)
    try:
        await conn.execute(query, *args)
    finally:
        await conn.close()


async def promise(desk: Stack) -> None:
    """Somebody kept their place ten minutes ago; the server that promised is gone."""
    await run_sql(
        desk,
        "INSERT INTO callbacks (tenant, callback_id, state, version, queue, origin, number, number_called, language,"
        " queued_at, asked_at) VALUES ($1, $2, 'waiting', 1, 'members', $3, $4, $5, 'ja',"
        " now() - interval '10 minutes', now() - interval '9 minutes')",
        TENANT,
        uuid.uuid4().hex,
        uuid.uuid4(),
        "+81" + PERSON[1:],
        "+81" + desk.number[1:],
    )


async def states(desk: Stack, *wanted: str, deadline_s: float = 20.0) -> None:
    await callbacks(desk, lambda rows: [row["state"] for row in rows] == list(wanted), deadline_s)


async def talk(office: Office, since: int, heard: int) -> None:
    """The agent answers, the person answers and says that it is them; then both hang up."""
    phone = office.desk.phones["sato"]
    await phone.wait_for("CALL_INCOMING", 25.0, since=heard)
    await phone.accept()
    await office.person.wait_for("CALL_INCOMING", 10.0, since=since)
    await office.person.accept()
    await asyncio.sleep(1.0)
    await office.person.send_digits("1")
    await states(office.desk, "reached")
    await office.person.hangup()
    await office.person.wait_for("CALL_CLOSED", since=since)


def rang(office: Office, since: int) -> int:
    """How often the person's phone rang."""
    return sum(event.kind == "CALL_INCOMING" for event in office.person.events[since:])
