"""A server that stands by: alive, not ready, and everything else is elsewhere; the same port goes on as the pages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest

from cti.web.context import WebSettings
from cti.web.passwords import Passwords
from cti.web.server import WebServer
from cti.web.standby import StandbyServer, StandingBy, listen_on
from tests.unit.web.fakes import Fakes

SINCE = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


class Spare:
    def __init__(self) -> None:
        self.listener = listen_on("127.0.0.1", 0, "web.port")
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.now = StandingBy(since=SINCE, why="standing by; in charge is a", address="https://cti.example.com")
        self.server = StandbyServer(WebSettings(), self.listener, lambda: self.now)


@pytest.fixture
async def spare() -> AsyncIterator[Spare]:
    made = Spare()
    await made.server.start()
    with contextlib.closing(made.listener):
        yield made
        await made.server.stop()


async def test_it_is_alive_and_says_who_is_in_charge(spare: Spare) -> None:
    async with aiohttp.ClientSession() as client:
        async with client.get(f"{spare.base}/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok"})
        async with client.get(f"{spare.base}/readyz") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            said = await answer.json()
    assert not said["ready"]
    part = said["parts"]["lease"]
    assert (part["ready"], part["why"]) == (False, "standing by; in charge is a")
    assert datetime.fromisoformat(part["since"]) == SINCE


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/api/login"), ("GET", "/api/socket")])
async def test_whoever_wants_more_is_told_where_it_is(spare: Spare, method: str, path: str) -> None:
    async with (
        aiohttp.ClientSession() as client,
        client.request(method, spare.base + path, headers={"Accept-Language": "en"}, data=b"x" * 10) as answer,
    ):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert answer.content_type == "application/problem+json"
        problem = await answer.json(content_type=None)
    assert (problem["key"], problem["detail"]) == ("standing_by", "https://cti.example.com")
    assert problem["title"].startswith("This server stands by")


async def test_who_connects_while_charge_is_taken_is_answered_by_the_pages(spare: Spare) -> None:
    await spare.server.stop()
    async with aiohttp.ClientSession() as client:
        asking = asyncio.create_task(client.get(f"{spare.base}/healthz"))
        await asyncio.sleep(0.05)
        assert not asking.done(), "nobody serves now, and nobody is turned away"
        pages = WebServer(
            WebSettings(), Fakes().parts(), stream_id="s", passwords=Passwords(time_cost=1, memory_kib=64)
        )
        await pages.start(spare.listener)
        async with await asyncio.wait_for(asking, 5) as answer:
            assert answer.status == 200
    assert spare.base.endswith(f":{pages.port}")
    await pages.stop()


def test_an_address_that_is_taken_is_named() -> None:
    with contextlib.closing(listen_on("127.0.0.1", 0, "web.port")) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=rf"web\.port: cannot listen on 127\.0\.0\.1:{port}: Address already in use"):
            listen_on("127.0.0.1", port, "web.port")


def test_every_address_of_one_kind_is_none_of_the_other() -> None:
    with contextlib.closing(listen_on("::", 0, "web.port")) as six:
        six.listen()
        with contextlib.closing(listen_on("0.0.0.0", six.getsockname()[1], "web.port")) as four:
            assert four.getsockname()[1] == six.getsockname()[1]
