"""The server's own life: files it may open, requests it lets finish."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

import pytest

from cti.web.server import OPEN_FILES, allow_many_files
from tests.unit.web.conftest import Site


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [(1024, 4096, 4096), (1024, 10**6, OPEN_FILES), (20_000, 20_000, 20_000), (10**6, 10**6, 10**6),
     (1024, resource.RLIM_INFINITY, OPEN_FILES), (resource.RLIM_INFINITY, resource.RLIM_INFINITY, -1)],
)  # fmt: skip
def test_the_limit_of_open_files_goes_up_and_never_down(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, expected: int
) -> None:
    limits = {resource.RLIMIT_NOFILE: (soft, hard)}
    monkeypatch.setattr(resource, "getrlimit", limits.__getitem__)
    monkeypatch.setattr(resource, "setrlimit", limits.__setitem__)
    assert allow_many_files() == expected
    assert limits[resource.RLIMIT_NOFILE] == (expected, hard)


async def test_a_request_on_its_way_may_finish_when_the_server_stops(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await site.logged_in("tanaka")
    asked, go_on = asyncio.Event(), asyncio.Event()
    page = site.fakes.calls.page

    async def slow(*arguments: Any) -> Any:
        asked.set()
        await go_on.wait()
        return await page(*arguments)

    monkeypatch.setattr(site.fakes.calls, "page", slow)
    request = asyncio.create_task(client.get("/api/calls"))
    await asked.wait()
    stopping = asyncio.create_task(site.server.stop())
    await asyncio.sleep(0)
    go_on.set()
    answer = await request
    assert (answer.status, await answer.json()) == (200, {"calls": [], "next": None})
    await asyncio.wait_for(stopping, 5)


async def test_a_request_that_never_ends_does_not_hold_up_the_stop(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await site.logged_in("tanaka")
    asked = asyncio.Event()

    async def hang(*_: Any) -> Any:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(site.fakes.calls, "page", hang)
    request = asyncio.create_task(client.get("/api/calls"))
    await asked.wait()
    await asyncio.wait_for(site.server.stop(), 5)
    await asyncio.gather(request, return_exceptions=True)
