"""The web side on the real stores: what a person does in a day, and a database that goes away."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import asyncpg
import pytest

from cti.store.audit import AuditStore
from cti.store.calls import CallStore
from cti.store.sessions import SessionStore
from cti.store.users import UserStore
from cti.web.context import SESSION_IDLE_S, WebSettings
from cti.web.passwords import Passwords
from cti.web.server import WebServer
from cti.wiring.web import CallPages
from tests.contract.web.conftest import PASSWORD
from tests.unit.web.fakes import Fakes, agent_status, call_id, closed_call, recording

ORIGIN = "http://cti.test"


@pytest.fixture
def fakes() -> Fakes:
    made = Fakes()
    status = agent_status("sato")
    made.desk.agents[status.agent] = status
    made.recordings.rows[call_id(1)] = recording(1)
    return made


@pytest.fixture
async def url(pool: asyncpg.Pool[Any], fakes: Fakes) -> AsyncIterator[str]:
    parts = replace(
        fakes.parts(),
        users=UserStore(pool),
        sessions=SessionStore(pool, idle_s=SESSION_IDLE_S),
        audit=AuditStore(pool),
        calls=CallPages(CallStore(pool)),
    )
    settings = WebSettings(port=0, origins=(ORIGIN,), drain_s=1.0)
    passwords = Passwords(time_cost=1, memory_kib=64)
    server = WebServer(settings, parts, stream_id=secrets.token_hex(8), passwords=passwords)
    await server.start()
    yield f"http://127.0.0.1:{server.port}"
    await server.stop()


@pytest.fixture
async def client(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(url, cookie_jar=jar, headers={"Origin": ORIGIN}) as made:
        yield made


async def log_in(client: aiohttp.ClientSession, login: str, password: str = PASSWORD) -> dict[str, Any]:
    async with client.post("/api/login", json={"tenant": "demo", "login": login, "password": password}) as answer:
        assert answer.status == 200, await answer.text()
        body: dict[str, Any] = await answer.json()
        return body


async def choose_password(client: aiohttp.ClientSession) -> None:
    async with client.put("/api/me/password", json={"current": PASSWORD, "new": "a password of my own"}) as answer:
        assert answer.status == 204, await answer.text()


async def calls_of_the_day(client: aiohttp.ClientSession) -> list[dict[str, Any]]:
    """As a snapshot has them. A database that takes its time leaves them out, and the page asks again."""
    async with asyncio.timeout(20):
        while True:
            async with client.ws_connect("/api/socket") as ws:
                snapshot = await ws.receive_json(timeout=5)
            if snapshot["calls_today"] is not None:
                return list(snapshot["calls_today"])


async def test_an_agents_first_day(client: aiohttp.ClientSession, pool: asyncpg.Pool[Any], fakes: Fakes) -> None:
    await CallStore(pool).save([closed_call(1), closed_call(2), closed_call(1500)])
    assert (await log_in(client, "sato"))["user"]["must_change"] is True
    async with client.get("/api/my/calls/today") as answer:
        assert (await answer.json())["key"] == "must_change_password"
    await choose_password(client)
    async with client.get("/api/my/calls/today") as answer:
        calls = (await answer.json())["calls"]
    assert [(c["call_id"], c["talk_s"], c["caller"]["national"]) for c in calls] == [
        (call_id(1), 60.0, "090-1234-5678"), (call_id(2), 60.0, "090-1234-5678")
    ]  # fmt: skip
    assert [c["call_id"] for c in await calls_of_the_day(client)] == [call_id(1), call_id(2)]
    async with client.post("/api/logout") as answer:
        assert answer.status == 204
    assert await pool.fetchval("SELECT count(*) FROM sessions") == 0
    trail = await pool.fetch("SELECT what FROM audit ORDER BY id")
    assert [row["what"] for row in trail] == ["session.opened", "password.changed", "session.closed"]
    await log_in(client, "sato", "a password of my own")


async def test_qa_finds_a_call_and_hears_it_and_the_trail_knows(
    client: aiohttp.ClientSession, pool: asyncpg.Pool[Any], fakes: Fakes
) -> None:
    await CallStore(pool).save([closed_call(n) for n in range(1, 6)])
    await log_in(client, "watanabe")
    await choose_password(client)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        async with client.get(f"/api/calls?limit=2&agent=sato&after={after}") as answer:
            body = await answer.json()
        seen += [c["call_id"] for c in body["calls"]]
        after = body["next"]
    assert seen == [call_id(n) for n in range(1, 6)]
    async with client.get(f"/api/calls/{call_id(1)}") as answer:
        record = await answer.json()
    assert (record["end_reason"], record["recording"]["status"], len(record["journey"])) == ("completed", "stored", 13)
    async with client.get(f"/api/recordings/{call_id(1)}/audio", headers={"Range": "bytes=0-99"}) as answer:
        assert (answer.status, len(await answer.read())) == (206, 100)
    row = await pool.fetchrow("SELECT who, which, detail FROM audit WHERE what = 'recording.listened'")
    assert row is not None
    assert (row["who"], row["which"], row["detail"]["bytes"]) == ("watanabe", call_id(1), [0, 100])


async def test_a_stolen_table_of_sessions_opens_nothing(
    client: aiohttp.ClientSession, url: str, pool: asyncpg.Pool[Any]
) -> None:
    await log_in(client, "sato")
    stored = await pool.fetchval("SELECT token_sha256 FROM sessions")
    token = next(iter(client.cookie_jar)).value
    assert token.encode() not in stored
    async with aiohttp.ClientSession(url, cookies={"kakehashi_session": stored.hex()}) as thief:
        answer = await thief.get("/api/me")
        assert answer.status == 401


async def test_a_database_that_goes_away_stops_log_ins_but_not_the_desk(
    client: aiohttp.ClientSession, url: str, pool: asyncpg.Pool[Any], fakes: Fakes
) -> None:
    await log_in(client, "sato")
    await choose_password(client)
    async with client.get("/api/me") as answer:
        assert answer.status == 200
    await pool.close()
    fakes.clock.passed_s += 60
    async with client.put("/api/my/state", json={"state": "break", "reason": "lunch"}) as answer:
        assert answer.status == 200
    async with client.get("/api/calls") as answer:
        assert answer.status == 403
    ws = await client.ws_connect("/api/socket")
    assert (await ws.receive_json(timeout=5))["calls_today"] is None
    await ws.close()
    async with client.post("/api/login", json={"tenant": "demo", "login": "sato", "password": PASSWORD}) as answer:
        assert answer.status == 503
