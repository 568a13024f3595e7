"""Holds and deletion over HTTP; what they do is held by tests/contract/recording/test_keeping.py."""

from __future__ import annotations

from datetime import timedelta

import aiohttp
import pytest

from cti.domain.keeping import Actor
from cti.web.context import PARTS
from tests.unit.web.conftest import Site
from tests.unit.web.fakes import T0, call_id
from tests.unit.web.privacy import FakeKeeping

ONE = call_id(1)


@pytest.fixture
def keeping(site: Site) -> FakeKeeping:
    made = FakeKeeping()
    object.__setattr__(site.server.app[PARTS], "keeping", made)
    return made


async def post(client: aiohttp.ClientSession, path: str, **body: object) -> tuple[int, dict[str, object]]:
    async with client.post(path, json=body) as answer:
        return answer.status, await answer.json() if answer.content_length else {}


async def test_a_deletion_is_ordered_with_its_reason(site: Site, keeping: FakeKeeping) -> None:
    client = await site.logged_in("hogo")
    assert await post(client, f"/api/recordings/{ONE}/deletion", reason=" asked by the caller ") == (202, {})
    assert keeping.orders == [(ONE, Actor(who="hogo", address="127.0.0.1"), "asked by the caller")]


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "a\x00b", "\x1b[2J", "\ud800", None, 3])
async def test_without_a_reason_nothing_is_deleted_or_held(site: Site, keeping: FakeKeeping, reason: object) -> None:
    client = await site.logged_in("hogo")
    for path in ("deletion", "holds"):
        status, body = await post(client, f"/api/recordings/{ONE}/{path}", reason=reason)
        assert (status, body["key"]) == (400, "bad_request")
    assert (keeping.orders, keeping.kept) == ([], {})


async def test_under_a_hold_the_refusal_says_by_whom_until_when(site: Site, keeping: FakeKeeping) -> None:
    client = await site.logged_in("hogo")
    until = (T0 + timedelta(days=3)).isoformat()
    status, hold = await post(client, f"/api/recordings/{ONE}/holds", reason="case 17", until=until)
    assert (status, hold["set_by"], hold["hold_id"]) == (200, "hogo", 7)
    status, body = await post(client, f"/api/recordings/{ONE}/deletion", reason="asked")
    assert (status, body["key"]) == (409, "under_hold")
    assert str(body["detail"]).startswith("held by hogo until 2026-")
    async with client.get("/api/holds") as answer:
        listed = await answer.json()
    assert [one["reason"] for one in listed["holds"]] == ["case 17"]
    status, over = await post(client, "/api/holds/7/release", reason="closed")
    assert (status, over["released_by"]) == (200, "hogo")
    assert (await post(client, "/api/holds/7/release", reason="again"))[1]["key"] == "no_hold"
    assert (await post(client, "/api/holds/x/release", reason="again"))[1]["key"] == "no_hold"
    assert (await post(client, f"/api/recordings/{ONE}/deletion", reason="asked"))[0] == 202


async def test_a_hold_in_the_past_and_one_that_comes_too_late(site: Site, keeping: FakeKeeping) -> None:
    client = await site.logged_in("hogo")
    status, body = await post(client, f"/api/recordings/{ONE}/holds", reason="r", until=T0.isoformat())
    assert (status, body["problems"]) == (400, ["until: is over already; write an instant to come, or null"])
    keeping.deleting = True
    assert (await post(client, f"/api/recordings/{ONE}/holds", reason="r"))[1]["key"] == "being_deleted"
