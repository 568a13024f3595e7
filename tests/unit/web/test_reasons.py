"""A reason that the queue's calls need: held at the end of after-call work, marked where it is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from cti.domain.events import CallAnswered, CallEnded, CallRinging
from cti.domain.model import AgentId, AgentState
from cti.screenpop import ScreenPop
from tests.unit.web.conftest import Site
from tests.unit.web.fakes import DEMO, T0, closed_call

SATO = AgentId("sato")
CALL = closed_call(1)
OFFER = CALL.offers[1].offer_id
NOTE = {"version": 0, "note": "", "reasons": ["unlock"]}


@pytest.fixture
async def client(site: Site) -> aiohttp.ClientSession:
    """Sato, in after-call work of a call whose queue needs a reason."""
    pops = ScreenPop(site.server.hub)
    site.fakes.pops.current = pops.current  # type: ignore[method-assign]
    site.fakes.aftercall.required = {str(CALL.queue)}
    site.fakes.calls.rows = [CALL]
    pops.handle(CallRinging(at=T0, tenant=DEMO, call=CALL, offer_id=OFFER, agent=SATO))
    pops.handle(CallAnswered(at=T0, tenant=DEMO, call=CALL, agent=SATO, offer_id=OFFER))
    pops.handle(CallEnded(at=T0, tenant=DEMO, call=CALL))
    site.fakes.desk.agents[SATO] = replace(site.fakes.desk.agents[SATO], state=AgentState.WRAP_UP)
    return await site.logged_in("sato")


async def choose(client: aiohttp.ClientSession, state: str, reason: str = "") -> tuple[int, Any]:
    async with client.put("/api/my/state", json={"state": state, "reason": reason}) as answer:
        return answer.status, (await answer.json()).get("key")


async def note(client: aiohttp.ClientSession, body: dict[str, Any]) -> None:
    async with client.put(f"/api/my/calls/{CALL.call_id}/note", json=body) as answer:
        assert (answer.status, (await answer.json())["saved"]) == (200, True)


async def test_after_call_work_is_not_finished_without_a_reason(site: Site, client: aiohttp.ClientSession) -> None:
    assert await choose(client, "available") == (409, "reason_missing")
    await note(client, {**NOTE, "reasons": []})
    assert await choose(client, "available") == (409, "reason_missing")
    assert site.fakes.desk.chosen == []
    await note(client, {**NOTE, "version": 1})
    assert await choose(client, "available") == (200, None)
    assert site.fakes.desk.chosen == [(SATO, AgentState.AVAILABLE, "")]


async def test_the_socket_holds_it_too(site: Site, client: aiohttp.ClientSession) -> None:
    ws = await site.socket(client)
    assert (await ws.receive_json(timeout=5))["type"] == "snapshot"
    await ws.send_json({"type": "state.set", "state": "available", "ref": "1"})
    said = await ws.receive_json(timeout=5)
    assert (said["type"], said["key"], said["ref"]) == ("error", "reason_missing", "1")
    assert site.fakes.desk.chosen == []


async def test_everything_else_can_be_chosen(site: Site, client: aiohttp.ClientSession) -> None:
    for state, reason in (("wrap_up", ""), ("break", "lunch"), ("training", ""), ("offline", "")):
        assert await choose(client, state, reason) == (200, None)


async def test_who_left_after_call_work_another_way_is_held_no_more(site: Site, client: aiohttp.ClientSession) -> None:
    assert await choose(client, "training") == (200, None)
    assert await choose(client, "available") == (200, None), "the pop may still be there for a moment"


async def test_nobody_is_held_by_a_database_that_is_away(site: Site, client: aiohttp.ClientSession) -> None:
    site.fakes.aftercall.away = True
    assert await choose(client, "available") == (200, None)


@pytest.mark.parametrize("amiss", ["no queue needs one", "there is none to choose"])
async def test_nobody_is_held_for_what_cannot_be_given(site: Site, client: aiohttp.ClientSession, amiss: str) -> None:
    if amiss == "no queue needs one":
        site.fakes.aftercall.required = set()
    else:
        site.fakes.aftercall.tree = ()
    assert await choose(client, "available") == (200, None)


async def test_a_call_that_ended_without_one_is_marked_until_it_is_given(
    site: Site, client: aiohttp.ClientSession
) -> None:
    async def marked() -> tuple[bool, list[str]]:
        async with client.get("/api/my/calls/today") as answer:
            (line,) = (await answer.json())["calls"]
        async with (await site.logged_in("watanabe")).get(f"/api/calls/{CALL.call_id}") as answer:
            return line["reason_missing"], (await answer.json())["reasons_missing"]

    assert await marked() == (True, ["sato"])
    await note(client, NOTE)
    assert await marked() == (False, [])
    site.fakes.aftercall.rows.clear()
    site.fakes.aftercall.required = set()
    assert await marked() == (False, [])
