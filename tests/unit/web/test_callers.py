"""What agents say of callers over HTTP: who may, and what each refusal is answered with."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from cti.domain.model import AgentId
from cti.domain.pop import Pop, PopPhase
from cti.domain.verification import NotSaid
from tests.unit.web.conftest import Site
from tests.unit.web.fakes import DEMO, T0, closed_call

RECORD = closed_call(10)
CHOICE, STEP = ("member", {"member_id": "M-1"}), ("verification", {"step": "birthday", "result": "passed"})


def show(site: Site, agent: str, phase: PopPhase) -> None:
    """What that agent's page shows of the call."""
    site.fakes.pops.shown[DEMO, AgentId(agent)] = Pop(
        tenant=DEMO,
        agent=AgentId(agent),
        call_id=RECORD.call_id,
        offer_id=None,
        revision=1,
        phase=phase,
        caller=RECORD.caller,
        number_called=RECORD.number_called,
        queue=RECORD.queue,
        reason="",
        menu=None,
        arrived_at=T0,
        queued_at=None,
        wait_s=0,
        attempt=1,
        rang_at=None,
    )


async def said(client: aiohttp.ClientSession, what: tuple[str, dict[str, Any]]) -> tuple[int, str]:
    async with client.post(f"/api/my/calls/{RECORD.call_id}/{what[0]}", json=what[1]) as answer:
        return answer.status, "" if answer.status == 204 else (await answer.json())["key"]


@pytest.mark.parametrize("phase", [PopPhase.TALKING, PopPhase.HELD])
async def test_whoever_is_on_the_line_says_who_it_is_and_what_verified_them(site: Site, phase: PopPhase) -> None:
    show(site, "sato", phase)
    client = await site.logged_in("sato")
    assert await said(client, CHOICE) == (204, "")
    assert await said(client, ("member", {"member_id": None})) == (204, "")
    assert await said(client, STEP) == (204, "")
    assert site.fakes.callers.said == [("M-1", "sato"), (None, "sato"), ("birthday", "passed", "sato")]
    trail = [(entry.what, entry.which) for entry in site.fakes.audit.entries if entry.what.startswith("call.")]
    assert trail == [("call.member_chosen", RECORD.call_id)] * 2 + [("call.verification", RECORD.call_id)]
    details = [dict(entry.detail) for entry in site.fakes.audit.entries if entry.what.startswith("call.")]
    assert details == [{"chosen": True}, {"chosen": False}, {"step": "birthday", "result": "passed"}]


@pytest.mark.parametrize("what", [CHOICE, STEP])
@pytest.mark.parametrize("phase", [None, PopPhase.RINGING, PopPhase.ENDED])
async def test_nobody_else_says_anything(site: Site, what: tuple[str, dict[str, Any]], phase: PopPhase | None) -> None:
    show(site, "suzuki", PopPhase.TALKING)  # a colleague has the caller
    if phase is not None:
        show(site, "sato", phase)
    client = await site.logged_in("sato")
    assert await said(client, what) == (409, "no_talk")
    assert site.fakes.callers.said == []
    assert not [entry for entry in site.fakes.audit.entries if entry.what.startswith("call.")]


@pytest.mark.parametrize("what", [CHOICE, STEP])
async def test_what_cannot_be_said_is_answered_with_its_key(site: Site, what: tuple[str, dict[str, Any]]) -> None:
    show(site, "sato", PopPhase.TALKING)
    client = await site.logged_in("sato")
    for key in ("no_such_member", "no_such_step", "no_member", "caller_pending", "call_over", "no_lookup"):
        site.fakes.callers.refuse = NotSaid(key, "why")
        assert await said(client, what) == (409, key)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"member_id": ""},
        {"member_id": "x" * 65},
        {"member_id": "a\u0000"},
        {"member_id": 7},
        {"member_id": "M", "x": 1},
    ],
)
async def test_bad_bodies_are_refused_before_anything_is_written(site: Site, body: dict[str, Any]) -> None:
    show(site, "sato", PopPhase.TALKING)
    client = await site.logged_in("sato")
    assert await said(client, ("member", body)) == (400, "bad_request")
    assert await said(client, ("verification", {"step": "birthday", "result": "maybe"})) == (400, "bad_request")
    assert site.fakes.callers.said == []
