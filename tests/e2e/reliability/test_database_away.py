"""PostgreSQL dies, calls go on, then the server is killed: once both are back the records know everything."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from cti.demo.folders import PortPool, run_folder
from cti.demo.processes import start_child
from cti.demo.stack import Stack, running_stack
from cti.store.journalfile import decode
from cti.store.journalrecords import CALL
from tests.e2e.desk.office import URGENT, at_work, calling, eventually, of_call, offered

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk() -> AsyncIterator[Stack]:
    with run_folder() as run, PortPool() as pool:
        async with running_stack(run, pool, lambda _: None) as stack:
            for hz, agent in ((1000, "sato"), (700, "smith")):
                await stack.start_agent_phone(agent, sound=hz)
            yield stack
            if stack.postgres.child is not None:
                await stack.postgres.stop()


async def stop_postgres_at_once(desk: Stack) -> None:
    """An immediate stop: no checkpoint, no good-bye; the next start recovers."""
    assert desk.postgres.child is not None, "the test needs a server of its own"
    desk.postgres.child.signal(signal.SIGQUIT)
    await desk.postgres.child.wait()


async def start_postgres_again(desk: Stack) -> None:
    assert desk.postgres.child is not None
    child = await start_child(desk.postgres.child.spec)
    desk.postgres = replace(desk.postgres, child=child)

    async def ready() -> bool:
        try:
            connection = await asyncpg.connect(desk.postgres.url, timeout=2.0)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

    await child.until_ready(ready, 30)


async def kill_server(desk: Stack) -> None:
    assert desk.server is not None
    desk.server.signal(signal.SIGKILL)
    await desk.server.wait()


async def query(desk: Stack, sql: str, *arguments: Any) -> list[Any]:
    connection = await asyncpg.connect(desk.postgres.url)
    try:
        return list(await connection.fetch(sql, *arguments))
    finally:
        await connection.close()


def on_disk(desk: Stack) -> set[str]:
    """Which writers have something in the journal."""
    return {path.parent.name for path in (desk.run.path / "data" / "journal").rglob("*.journal")}


async def why_not_ready(desk: Stack) -> str:
    async with aiohttp.ClientSession() as http, http.get(f"{desk.web}/readyz") as answer:
        return str((await answer.json())["parts"]["postgres"]["why"])


async def test_what_happened_without_database_survives_a_killed_server(desk: Stack) -> None:
    async with at_work(desk, "sato", "smith") as screens, calling(desk, caller="090-1234-5678") as first:
        one, taken_by = await _answered(desk, screens)
        await eventually(lambda: _states(desk), lambda states: states.get(one) == "talking")
        await _journal_is_empty(desk)  # a write that a busy machine made slow may just have been there

        await stop_postgres_at_once(desk)
        await first.hangup()
        async with calling(desk, caller="090-0000-0002", keys=URGENT) as second:
            other = "smith" if taken_by == "sato" else "sato"
            two, _ = await _answered(desk, {other: screens[other]})
            assert two != one
            await _journal_has(desk, {"calls", "routing"})
            # The promise is 50 ms (decision 0110), which a disk of a busy machine does not always keep.
            await eventually(lambda: asyncio.sleep(0, _answered_on_disk(desk)), lambda calls: two in calls)
            why = await eventually(lambda: why_not_ready(desk), lambda why: "wait" in why)
            assert "does not answer" in why

            await kill_server(desk)
            await start_postgres_again(desk)
            stale = await _states(desk)
            assert (stale[one], two in stale) == ("talking", False), "the database does not know yet"
            await desk.start_server()

            known = {one: "ended", two: "talking"}
            await eventually(lambda: _states(desk), lambda states: {c: states.get(c) for c in known} == known)
            assert second.events[-1].kind != "CALL_CLOSED"
            await _journal_is_empty(desk)
            await second.hangup()
            await eventually(lambda: _states(desk), lambda states: states[two] == "ended")
        await _nothing_is_missing_or_double(desk, one, two)


async def test_what_happened_without_database_is_written_when_it_returns(desk: Stack) -> None:
    async with at_work(desk, "sato") as screens:
        await stop_postgres_at_once(desk)
        async with calling(desk) as phone:
            call_id, _ = await _answered(desk, screens)
            await _journal_has(desk, {"calls"})
            await phone.hangup()
        await start_postgres_again(desk)
        await eventually(lambda: _states(desk), lambda states: states.get(call_id) == "ended", 30)
        await _journal_is_empty(desk)
    rows = await query(desk, "SELECT inferred, end_reason FROM calls WHERE call_id = $1", call_id)
    assert [tuple(row) for row in rows] == [(False, "completed")]


async def _answered(desk: Stack, screens: dict[str, Any]) -> tuple[str, str]:
    """Whoever of these is asked takes the call: its id, and who it was."""
    asked = {
        asyncio.create_task(screen.wait_for("pop", offered, "pop", 40.0)): agent for agent, screen in screens.items()
    }
    done, others = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    task = next(iter(done))
    _, offer = task.result()
    agent, call_id = asked[task], str(offer["pop"]["call_id"])
    await desk.phones[agent].accept()
    await screens[agent].wait_for("answer", of_call("pop.answered", call_id), "answer")
    return call_id, agent


async def _states(desk: Stack) -> dict[str, str]:
    return {str(row["call_id"]): row["state"] for row in await query(desk, "SELECT call_id, state FROM calls")}


async def _journal_has(desk: Stack, writers: set[str]) -> None:
    await eventually(lambda: asyncio.sleep(0, on_disk(desk)), lambda found: writers <= found)


def _answered_on_disk(desk: Stack) -> set[str]:
    """The calls of which the journal knows that somebody took them."""
    files = (desk.run.path / "data" / "journal").rglob("calls/*.journal")
    bodies = [body for path in files for body in decode(path.read_bytes()).bodies]
    return {body["call"]["call_id"] for body in bodies if body["kind"] == CALL and body["call"]["answered_at"]}


async def _journal_is_empty(desk: Stack) -> None:
    await eventually(lambda: asyncio.sleep(0, on_disk(desk)), lambda found: not found, 30)


async def _nothing_is_missing_or_double(desk: Stack, *calls: str) -> None:
    rows = await query(
        desk,
        "SELECT end_reason, inferred, answered_at < ended_at AS ok, (SELECT count(*) FROM call_offers o "
        "WHERE o.call_id = c.call_id) AS offers, (SELECT count(*) FROM call_talks t WHERE t.call_id = c.call_id "
        "AND t.ended_at IS NOT NULL) AS talks FROM calls c WHERE call_id = ANY($1)",
        list(calls),
    )
    assert [tuple(row) for row in rows] == [("completed", False, True, 1, 1)] * len(calls)
    decided = await query(
        desk, "SELECT call_id, count(*) AS n FROM routing_decisions WHERE kind = 'offered' GROUP BY call_id"
    )
    assert {row["call_id"]: row["n"] for row in decided} == dict.fromkeys(calls, 1)
    links = await query(desk, "SELECT call_id, at, count(*) AS n FROM call_links GROUP BY call_id, at")
    assert {str(row["call_id"]) for row in links} == set(calls)
    assert {row["n"] for row in links} == {1}
