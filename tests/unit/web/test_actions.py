"""What supervisors do, over HTTP: what is answered, what is refused and why, what the trail says."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from cti.domain.access import AuditEntry
from cti.domain.errors import CallerError
from cti.domain.model import AgentState, OfferOutcome
from cti.web import actionports
from routing import model as m
from tests.unit.web.conftest import Site
from tests.unit.web.fakes import T0, call_id, closed_call
from tests.unit.web.supervision import MEMBERS, SATO

A = f"/api/waiting/{call_id(1)}"


async def ask(client: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    async with client.request(method, path, json=body) as answer:
        return answer.status, await answer.json()


def trail(site: Site) -> list[tuple[str, str, str]]:
    return [(it.what, it.which, it.who) for it in site.fakes.audit.entries if it.what != "session.opened"]


@pytest.fixture
async def boss(site: Site) -> aiohttp.ClientSession:
    site.fakes.supervision.wait(call_id(1))
    return await site.logged_in("tanaka")


# --- Waiting calls ---------------------------------------------------------------------------------


async def test_a_call_is_moved_and_the_trail_says_where_from(site: Site, boss: aiohttp.ClientSession) -> None:
    status, body = await ask(boss, "POST", f"{A}/move", {"queue": "english"})
    assert (status, body["where"], body["why"]) == (200, "treated", "waits_treated")
    assert body["why_ja"] == "別のキューか案内へ移るところ"
    (entry,) = [it for it in site.fakes.audit.entries if it.what == "call.moved"]
    assert (entry.who, entry.which, entry.detail) == ("tanaka", call_id(1), {"from": "members", "to": "english"})
    status, body = await ask(boss, "POST", f"{A}/move", {"queue": "english"})
    assert (status, body["key"]) == (409, "not_now")
    assert "on its way already" in body["detail"]


async def test_a_priority_is_given_and_taken_back(site: Site, boss: aiohttp.ClientSession) -> None:
    status, body = await ask(boss, "PUT", f"{A}/priority", {"priority": 40})
    assert (status, body["priority"], body["own_priority"], body["position"]) == (200, 40, 40, 1)
    assert body["fit"] == [
        {"agent": "sato", "name": "佐藤 花子", "state": "break", "phone": "idle", "why": "state"},
    ]
    status, body = await ask(boss, "PUT", f"{A}/priority", {"priority": None})
    assert (status, body["priority"], body["own_priority"]) == (200, 0, None)
    assert trail(site) == [("call.prioritised", call_id(1), "tanaka")] * 2


@pytest.mark.parametrize(
    ("path", "body", "status", "key"),
    [
        (f"{A}/move", {"queue": "golf"}, 400, "no_such_queue"),
        (f"{A}/move", {"queue": "members"}, 409, "not_now"),
        (f"{A}/move", {"queue": "night"}, 409, "not_now"),
        (f"{A}/move", {}, 400, "bad_request"),
        (f"/api/waiting/{call_id(9)}/move", {"queue": "english"}, 404, "not_found"),
        (f"/api/waiting/{call_id(7)}/move", {"queue": "english"}, 409, "not_waiting"),
        ("/api/waiting/xyz/move", {"queue": "english"}, 404, "not_found"),
    ],
)
async def test_what_cannot_be_moved_says_why(
    site: Site, boss: aiohttp.ClientSession, path: str, body: dict[str, str], status: int, key: str
) -> None:
    site.fakes.calls.rows.append(closed_call(7))
    answered, problem = await ask(boss, "POST", path, body)
    assert (answered, problem["key"]) == (status, key)
    assert site.fakes.supervision.engine.call(call_id(1)).queue.queue == MEMBERS  # type: ignore[union-attr]


@pytest.mark.parametrize("priority", [1001, "high", 1.5, True])
async def test_a_priority_is_a_number_within_bounds(boss: aiohttp.ClientSession, priority: object) -> None:
    status, body = await ask(boss, "PUT", f"{A}/priority", {"priority": priority})
    assert (status, body["key"]) == (400, "bad_request")
    assert body["problems"][0].startswith("priority: ")


async def test_a_call_that_rings_is_left_alone_and_named(site: Site, boss: aiohttp.ClientSession) -> None:
    desk = site.fakes.supervision
    desk.state(AgentState.AVAILABLE)
    for method, path, wish in (("POST", "move", {"queue": "english"}), ("PUT", "priority", {"priority": 5})):
        status, body = await ask(boss, method, f"{A}/{path}", wish)
        assert (status, body["key"]) == (409, "rings_already")
        assert "'sato'" in body["detail"]
    offer = desk.engine.agent(SATO).offer  # type: ignore[union-attr]
    assert offer is not None
    desk.tell(m.OfferOver(offer_id=offer.offer_id, outcome=OfferOutcome.ACCEPTED))
    assert (await ask(boss, "POST", f"{A}/move", {"queue": "english"}))[0] == 404
    assert trail(site) == []


async def test_a_call_that_ends_while_the_trail_is_written_is_no_wrong_queue(
    site: Site, boss: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs_up(entry: AuditEntry) -> None:
        site.fakes.supervision.tell(m.CallGone(call_id=call_id(1)))

    monkeypatch.setattr(site.fakes.audit, "add", hangs_up)
    status, body = await ask(boss, "POST", f"{A}/move", {"queue": "english"})
    assert (status, body["key"]) == (409, "not_waiting")


async def test_nothing_is_done_without_a_trail(site: Site, boss: aiohttp.ClientSession) -> None:
    site.fakes.audit.away = True
    for method, path, wish in (
        ("POST", f"{A}/move", {"queue": "english"}),
        ("PUT", f"{A}/priority", {"priority": 5}),
        ("PUT", "/api/agents/sato/state", {"state": "offline"}),
        ("PUT", "/api/agents/sato/skills", {"skills": {"en": 3}}),
        ("POST", "/api/queues/members/plan", {"plan": [], "after": 0}),
    ):
        assert (await ask(boss, method, path, wish))[0] == 503, path
    fact = site.fakes.supervision.waiting(site.fakes.users.rows["demo", "tanaka"].user.tenant, call_id(1))
    assert fact is not None
    assert (fact.where, fact.own_priority) == ("waiting", None)
    assert (site.fakes.supervision.states, site.fakes.supervision.versions) == ([], [])


# --- Agents ----------------------------------------------------------------------------------------


async def test_an_agent_is_sent_into_a_break_and_logged_out(site: Site, boss: aiohttp.ClientSession) -> None:
    for wish in ({"state": "break", "reason": "lunch"}, {"state": "offline"}):
        status, body = await ask(boss, "PUT", "/api/agents/sato/state", wish)
        assert (status, body["agent"]) == (200, "sato")
    assert site.fakes.supervision.states == [
        ("sato", AgentState.BREAK, "lunch", "tanaka"),
        ("sato", AgentState.OFFLINE, "", "tanaka"),
    ]
    assert trail(site) == [("agent.state_set", "sato", "tanaka")] * 2


async def test_a_state_that_cannot_be_is_refused(site: Site, boss: aiohttp.ClientSession) -> None:
    assert (await ask(boss, "PUT", "/api/agents/nobody/state", {"state": "offline"}))[1]["key"] == "no_such_agent"
    assert (await ask(boss, "PUT", "/api/agents/sato/state", {"state": "break"}))[1]["key"] == "state_refused"
    assert (await ask(boss, "PUT", "/api/agents/sato/state", {"state": "wrap_up"}))[0] == 400
    site.fakes.supervision.refusal = CallerError("not now")
    status, body = await ask(boss, "PUT", "/api/agents/sato/state", {"state": "training"})
    assert (status, body["key"], body["detail"]) == (409, "state_refused", "not now")


async def test_skills_are_read_and_replaced(site: Site, boss: aiohttp.ClientSession) -> None:
    assert (await ask(boss, "GET", "/api/skills"))[1]["skills"] == [
        {"id": "en", "name_ja": "英語", "name_en": "English"}
    ]
    assert (await ask(boss, "GET", "/api/agents/sato/skills"))[1]["set_by"] is None
    status, body = await ask(boss, "PUT", "/api/agents/sato/skills", {"skills": {"en": 3}})
    assert (status, body["set_by"], [(it["id"], it["level"]) for it in body["skills"]]) == (200, "tanaka", [("en", 3)])
    (entry,) = [it for it in site.fakes.audit.entries if it.what == "agent.skills_set"]
    assert entry.detail == {"skills": {"en": 3}}
    status, body = await ask(boss, "PUT", "/api/agents/sato/skills", {"skills": {"golf": 3}})
    assert (status, body["problems"]) == (400, ["skills: there is no skill 'golf'; there is: en"])
    assert (await ask(boss, "PUT", "/api/agents/sato/skills", {"skills": {"en": 6}}))[0] == 400
    assert (await ask(boss, "PUT", "/api/agents/nobody/skills", {"skills": {}}))[1]["key"] == "no_such_agent"


# --- Plans -----------------------------------------------------------------------------------------

PLAN = [{"want": {"skill": "en", "level": 3}, "expires_s": 20}]
PLANS = "/api/queues/members/plan"


async def test_a_plan_is_checked_published_read_and_put_back(site: Site, boss: aiohttp.ClientSession) -> None:
    status, body = await ask(boss, "POST", f"{PLANS}/check", {"plan": PLAN})
    assert (status, body["warnings"], body["steps"][0]["want_ja"]) == (200, ["w"], "英語 ≥ 3")
    assert (await ask(boss, "GET", PLANS))[1]["version"] == 0
    assert await ask(boss, "POST", PLANS, {"plan": PLAN, "after": 0, "note": "night"}) == (
        200,
        {"version": 1, "warnings": ["w"]},
    )
    assert (await ask(boss, "POST", PLANS, {"plan": [], "after": 1}))[1]["version"] == 2
    assert (await ask(boss, "POST", f"{PLANS}/revert", {"version": 1, "after": 2}))[1]["version"] == 3
    body = (await ask(boss, "GET", PLANS))[1]
    assert (body["plan"], body["queue"]["name_en"]) == (PLAN, "Members")
    assert [(it["version"], it["reverts_to"], it["note"]) for it in body["versions"]] == [
        (3, 1, ""), (2, None, ""), (1, None, "night"),
    ]  # fmt: skip
    assert [what for what, _, _ in trail(site)] == ["plan.published", "plan.published", "plan.reverted"]


@pytest.mark.parametrize(
    ("path", "body", "status", "key", "word"),
    [
        (PLANS, {"plan": [{"want": {"skill": "golf"}}], "after": 0}, 400, "bad_plan", "no skill 'golf'"),
        (PLANS, {"plan": PLAN, "after": 7}, 409, "plan_changed", "published meanwhile"),
        (PLANS, {"plan": PLAN}, 400, "bad_request", "after: "),
        (PLANS, {"plan": "golf", "after": 0}, 400, "bad_request", "plan"),
        (f"{PLANS}/check", {"plan": [{"want": {"skill": "golf"}}]}, 400, "bad_plan", "no skill 'golf'"),
        (f"{PLANS}/revert", {"version": 9, "after": 0}, 404, "not_found", "no version 9"),
        ("/api/queues/golf/plan", {"plan": PLAN, "after": 0}, 404, "not_found", "no queue 'golf'"),
    ],
)
async def test_a_plan_that_is_wrong_or_late_is_refused(
    site: Site, boss: aiohttp.ClientSession, path: str, body: Any, status: int, key: str, word: str
) -> None:
    answered, problem = await ask(boss, "POST", path, body)
    assert (answered, problem["key"]) == (status, key)
    assert word in str(problem)
    assert site.fakes.supervision.versions == []


async def test_a_body_that_is_nested_beyond_reading_is_a_bad_request(boss: aiohttp.ClientSession) -> None:
    deep = '{"plan": ' + "[" * 20_000 + "]" * 20_000 + "}"
    headers = {"Content-Type": "application/json"}
    async with boss.post(f"{PLANS}/check", data=deep, headers=headers) as answer:
        assert (answer.status, (await answer.json())["key"]) == (400, "not_json")


# --- Why -------------------------------------------------------------------------------------------


async def test_decisions_in_words_and_why_it_waits(site: Site, boss: aiohttp.ClientSession) -> None:
    path = f"/api/calls/{call_id(1)}/decisions"
    site.fakes.supervision.decided = [
        actionports.DecisionFact(
            at=T0, kind="offered", words=("英語 ≥ 3の3名のうち", "longest idle of 3"), queue=MEMBERS, agent=SATO,
            agent_name="佐藤 花子", result=None, by="",
        )
    ]  # fmt: skip
    status, body = await ask(boss, "GET", path)
    assert (status, body["decisions"][0]["words_en"], body["decisions"][0]["agent_name"]) == (
        200, "longest idle of 3", "佐藤 花子",
    )  # fmt: skip
    assert (body["waiting"]["why"], body["waiting"]["fit_count"]) == ("waits_busy", 1)
    assert (await ask(boss, "GET", f"/api/calls/{call_id(9)}/decisions"))[0] == 404
    site.fakes.calls.rows.append(closed_call(7))
    assert (await ask(boss, "GET", f"/api/calls/{call_id(7)}/decisions"))[1] == {
        "call_id": call_id(7), "decisions": [], "waiting": None,
    }  # fmt: skip
