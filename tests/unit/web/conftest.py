"""A served site on loopback with fakes behind it, and people who log in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cti.web.context import WebSettings
from cti.web.passwords import Passwords
from cti.web.server import WebServer
from tests.unit.web.fakes import Fakes, agent_status, person

ORIGIN = "http://cti.test"
PASSWORD = "hanako-no-kagi"
ROLE_LOGINS = {
    "agent": "sato", "supervisor": "tanaka", "qa": "watanabe", "admin": "kanri", "integrator": "crm",
    "download": "mochi", "unredacted": "akira", "privacy": "hogo",
}  # fmt: skip


@dataclass
class Site:
    """A running server with what is needed to talk with it."""

    server: WebServer
    fakes: Fakes
    clients: list[aiohttp.ClientSession] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def client(self) -> aiohttp.ClientSession:
        """Nobody yet."""
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address are kept too
        made = aiohttp.ClientSession(self.url, cookie_jar=jar, headers={"Origin": ORIGIN, "Accept-Language": "en"})
        self.clients.append(made)
        return made

    async def logged_in(self, login: str, password: str = PASSWORD) -> aiohttp.ClientSession:
        client = self.client()
        async with client.post("/api/login", json={"login": login, "password": password}) as answer:
            assert answer.status == 200, await answer.text()
        return client

    async def socket(self, client: aiohttp.ClientSession, **arguments: Any) -> aiohttp.ClientWebSocketResponse:
        ws: aiohttp.ClientWebSocketResponse = await client.ws_connect("/api/socket", **arguments)
        return ws

    async def close(self) -> None:
        for client in self.clients:
            await client.close()
        await self.server.stop()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    passwords = Passwords(time_cost=1, memory_kib=64)
    fakes = Fakes()
    first = await passwords.hash(PASSWORD)
    for role, login in ROLE_LOGINS.items():
        fakes.users.add(person(login, role, agent="sato" if role == "agent" else None), first)
    fakes.users.add(person("suzuki", "agent", agent="suzuki"), first)
    fakes.users.add(person("shinjin", "agent", "qa", agent="shinjin", must_change=True), first)
    for agent in ("sato", "suzuki", "shinjin"):
        status = agent_status(agent)
        fakes.desk.agents[status.agent] = status
    settings = WebSettings(port=0, origins=(ORIGIN,), static=tmp_path / "static", drain_s=1.0)
    server = WebServer(settings, fakes.parts(), stream_id="stream-1", passwords=passwords)
    await server.start()
    made = Site(server=server, fakes=fakes)
    yield made
    await made.close()
