"""What another system hears of calls while everything dies: each fact once, in order, whoever was away."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cti.demo.client import logged_in
from cti.demo.folders import PortPool, run_folder
from cti.demo.stack import Plan, Stack, running_stack
from tests.contract.webhooks.receiver import SECRET, example
from tests.e2e.desk.office import at_work, calling, eventually, of_call, offered
from tests.e2e.reliability.test_database_away import kill_server, query, start_postgres_again, stop_postgres_at_once

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_another_system_hears_everything_once_and_in_order_whoever_dies() -> None:
    with run_folder() as run, PortPool() as pool:
        port, inbox = pool.tcp(), run.path / "inbox.sqlite"
        plan = Plan(tables={"webhooks.demo": {"url": f"http://127.0.0.1:{port}/", "secret": SECRET}})
        async with running_stack(run, pool, lambda _: None, plan) as desk:
            await desk.start_agent_phone("sato", sound=1000)
            try:
                await _story(desk, inbox, port)
            finally:
                if desk.postgres.child is not None:
                    await desk.postgres.stop()


async def _story(desk: Stack, inbox: Path, port: int) -> None:
    async with at_work(desk, "sato") as screens:
        async with example(inbox, port):
            one = await _a_call(desk, screens["sato"])
            await eventually(lambda: _kinds(inbox), lambda kinds: len(kinds) == 2, 25)
        assert await _kinds(inbox) == [("call.closed", one), ("recording.stored", one)]

        # Nobody receives, and the database is gone while the second call ends; then the server dies with what it knows.
        await stop_postgres_at_once(desk)
        two = await _a_call(desk, screens["sato"], after=one)
        journal = desk.run.path / "data" / "journal"
        await eventually(lambda: asyncio.sleep(0, [*journal.rglob("calls/*.journal")]), bool)
        await kill_server(desk)
        await start_postgres_again(desk)
        assert len(await _kinds(inbox)) == 2
        async with example(inbox, port):
            await desk.start_server()
            # A store that was away is tried again ever later.
            await eventually(lambda: _kinds(inbox), lambda kinds: len(kinds) == 4, 60)
    assert await _kinds(inbox) == [
        ("call.closed", one), ("recording.stored", one), ("call.closed", two), ("recording.stored", two),
    ]  # fmt: skip

    await query(desk, "UPDATE users SET roles = roles || '{integrator}' WHERE login = 'tanaka'")
    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as program:
        page = await program.get("/api/outgoing", after="0")
    assert [message["id"] for message in page["messages"]] == [1, 2, 3, 4]
    assert page["messages"] == _normal(_messages(inbox)), "the feed and the webhook say the same"


async def _a_call(desk: Stack, screen: Any, after: str = "") -> str:
    """Answered, talked, hung up by the caller; its id. ``after``: the call before, which the screen remembers."""

    def news(message: dict[str, Any]) -> bool:
        return offered(message) and message["pop"]["call_id"] != after

    async with calling(desk) as phone:
        _, offer = await screen.wait_for("pop", news, "pop", 40.0)
        call_id = str(offer["pop"]["call_id"])
        await desk.phones["sato"].accept()
        await screen.wait_for("answer", of_call("pop.answered", call_id), "answer")
        await asyncio.sleep(0.5)  # something to record
        await phone.hangup()
    return call_id


def _messages(inbox: Path) -> list[dict[str, Any]]:
    if not inbox.exists():
        return []
    database = sqlite3.connect(inbox)
    try:
        rows = database.execute("SELECT message FROM messages ORDER BY place").fetchall()
    finally:
        database.close()
    return [json.loads(row[0]) for row in rows]


async def _kinds(inbox: Path) -> list[tuple[str, str]]:
    return [(message["kind"], message["call_id"]) for message in _messages(inbox)]


def _normal(value: Any) -> Any:
    """Instants as the API writes them: Z instead of +00:00."""
    if isinstance(value, dict):
        return {key: _normal(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_normal(one) for one in value]
    return value.replace("+00:00", "Z") if isinstance(value, str) else value
