"""Notes, reasons and tickets over HTTP: who may write on which call, and what each mistake is answered with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from cti.domain.model import AgentId, ChannelName, Consultation, TenantId, UniqueId
from tests.unit.web.aftercall import FakeAftercall
from tests.unit.web.conftest import PASSWORD, Site
from tests.unit.web.fakes import DEMO, closed_call, person

NOTE = {"version": 0, "note": "再起動を案内\n折り返し不要", "reasons": ["unlock"]}
KEY = "a" * 32
OPEN = {"key": KEY, "do": "open", "title": "解錠できない", "category": "unlock", "note": "x", "member_id": "M-1"}


@pytest.fixture
def kept(site: Site) -> FakeAftercall:
    """A call of sato's that ended ten minutes ago, and what is kept of it."""
    site.fakes.calls.rows.append(replace(closed_call(10), ended_at=closed_call(10).ended_at))
    return site.fakes.aftercall


def path(what: str) -> str:
    return f"/api/my/calls/{closed_call(10).call_id}/{what}"


async def asked(client: aiohttp.ClientSession, method: str, where: str, body: Any = None) -> tuple[int, Any]:
    async with client.request(method, where, json=body) as answer:
        return answer.status, await answer.json()


async def test_a_note_is_saved_and_read_again(site: Site, kept: FakeAftercall) -> None:
    client = await site.logged_in("sato")
    assert (await asked(client, "GET", path("after")))[1]["mine"] == {"version": 0, "note": "", "reasons": []}
    status, saved = await asked(client, "PUT", path("note"), NOTE)
    assert (status, saved["saved"], saved["mine"]["version"]) == (200, True, 1)
    _, after = await asked(client, "GET", path("after"))
    assert after["mine"] == {**NOTE, "version": 1}
    assert (after["others"], after["tickets"], after["has_tickets"]) == ([], [], True)


async def test_another_version_is_answered_with_what_is_stored_and_nothing_is_changed(
    site: Site, kept: FakeAftercall
) -> None:
    client = await site.logged_in("sato")
    await asked(client, "PUT", path("note"), NOTE)
    status, answer = await asked(client, "PUT", path("note"), {**NOTE, "note": "別の画面"})
    assert (status, answer["saved"], answer["mine"]["note"]) == (200, False, NOTE["note"])
    status, answer = await asked(client, "PUT", path("note"), NOTE)
    assert (answer["saved"], answer["mine"]["version"]) == (True, 1), "the same words again are no conflict"


async def test_one_entry_of_the_trail_a_sitting(site: Site, kept: FakeAftercall) -> None:
    client = await site.logged_in("sato")
    for version, words in enumerate(("a", "ab", "abc")):
        await asked(client, "PUT", path("note"), {**NOTE, "version": version, "note": words})
    assert [entry.what for entry in site.fakes.audit.entries].count("call.noted") == 1
    site.fakes.clock.passed_s += 3600
    await asked(client, "PUT", path("note"), {**NOTE, "version": 3, "note": "abcd"})
    assert [entry.what for entry in site.fakes.audit.entries].count("call.noted") == 2


@pytest.mark.parametrize("what", ["after", "note", "tickets"])
async def test_a_call_one_had_no_part_in_does_not_exist(site: Site, kept: FakeAftercall, what: str) -> None:
    # suzuki's phone rang for it, and suzuki did not answer.
    client = await site.logged_in("suzuki")
    method, body = {"after": ("GET", None), "note": ("PUT", NOTE), "tickets": ("POST", OPEN)}[what]
    status, problem = await asked(client, method, path(what), body)
    assert (status, problem["key"]) == (404, "not_found")
    assert (kept.rows, kept.wishes) == ({}, {})


@pytest.mark.parametrize(("answered", "status"), [(True, 200), (False, 404)])
async def test_who_was_asked_has_a_part_in_a_call_once_they_answered(
    site: Site, kept: FakeAftercall, answered: bool, status: int
) -> None:
    (call,) = site.fakes.calls.rows
    began = call.arrived_at + timedelta(seconds=60)
    asked_of_suzuki = Consultation(
        first=AgentId("sato"), second=AgentId("suzuki"), channel=ChannelName("PJSIP/demo-suzuki-1"),
        uniqueid=UniqueId("1.3"), began_at=began, answered_at=began + timedelta(seconds=5) if answered else None,
        ended_at=began + timedelta(seconds=20),
    )  # fmt: skip
    site.fakes.calls.rows[:] = [replace(call, consultations=(asked_of_suzuki,))]
    client = await site.logged_in("suzuki")
    assert (await asked(client, "PUT", path("note"), NOTE))[0] == status
    assert len(kept.rows) == answered


async def test_a_colleague_of_the_same_name_at_another_desk_sees_and_writes_nothing(
    site: Site, kept: FakeAftercall
) -> None:
    sato = await site.logged_in("sato")
    assert (await asked(sato, "PUT", path("note"), NOTE))[0] == 200
    assert (await asked(sato, "POST", path("tickets"), OPEN))[0] == 202
    notes, wishes = dict(kept.rows), dict(kept.wishes)
    for login, role in (("sato", "agent"), ("watanabe", "qa")):
        other = replace(person(login, role, agent="sato" if role == "agent" else None), tenant=TenantId("other"))
        site.fakes.users.add(other, site.fakes.users.rows[(DEMO, other.login)].password_hash)

    async def at_the_other(login: str) -> aiohttp.ClientSession:
        client = site.client()
        status, _ = await asked(client, "POST", "/api/login", {"tenant": "other", "login": login, "password": PASSWORD})
        assert status == 200
        return client

    namesake = await at_the_other("sato")
    for method, what, body in (
        ("GET", "after", None),
        ("PUT", "note", {**NOTE, "version": 1, "note": "別のデスク"}),
        ("POST", "tickets", OPEN),
        ("POST", "tickets", {**OPEN, "key": "b" * 32}),
    ):
        status, problem = await asked(namesake, method, path(what), body)
        assert (status, problem["key"]) == (404, "not_found"), what
    status, problem = await asked(await at_the_other("watanabe"), "GET", f"/api/calls/{closed_call(10).call_id}")
    assert (status, problem["key"]) == (404, "not_found")
    assert (kept.rows, kept.wishes) == (notes, wishes)


async def test_what_ended_the_day_before_yesterday_is_not_written_on(site: Site, kept: FakeAftercall) -> None:
    client = await site.logged_in("sato")
    site.fakes.clock.passed_s += 37 * 3600
    client = await site.logged_in("sato")
    status, problem = await asked(client, "PUT", path("note"), NOTE)
    assert (status, problem["key"]) == (409, "too_late")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"reasons": ["car"]}, "no_such_reason"),  # has others below it
        ({"reasons": ["old"]}, "no_such_reason"),  # switched off
        ({"reasons": ["unlock"] * 11}, "bad_request"),
        ({"note": "x" * 4001}, "bad_request"),
        ({"note": "a\x00b"}, "bad_request"),
        ({"version": -1}, "bad_request"),
        ({"agent": "suzuki"}, "bad_request"),
    ],
)
async def test_what_cannot_be_saved(site: Site, kept: FakeAftercall, change: dict[str, Any], key: str) -> None:
    client = await site.logged_in("sato")
    status, problem = await asked(client, "PUT", path("note"), {**NOTE, **change})
    assert (status, problem["key"]) == (400, key)
    assert kept.rows == {}


async def test_a_reason_that_was_switched_off_since_may_stay(site: Site, kept: FakeAftercall) -> None:
    client = await site.logged_in("sato")
    await asked(client, "PUT", path("note"), NOTE)
    kept.tree = tuple(replace(one, active=False) for one in kept.tree)
    _, answer = await asked(client, "PUT", path("note"), {**NOTE, "version": 1, "note": "まだ同じ用件"})
    assert answer["mine"]["reasons"] == ["unlock"]


async def test_a_ticket_is_taken_once_and_told_of_in_the_trail(site: Site, kept: FakeAftercall) -> None:
    client = await site.logged_in("sato")
    status, line = await asked(client, "POST", path("tickets"), OPEN)
    assert (status, line["state"], line["ticket_id"]) == (202, "sending", None)
    status, again = await asked(client, "POST", path("tickets"), OPEN)
    assert (status, again["key"]) == (202, KEY)
    (wish,) = kept.wishes.values()
    assert (wish.agent, wish.login, wish.title, wish.member_id) == ("sato", "sato", "解錠できない", "M-1")
    entry = next(entry for entry in site.fakes.audit.entries if entry.what == "ticket.asked")
    assert (entry.which, dict(entry.detail)) == (closed_call(10).call_id, {"key": KEY, "do": "open"})


@pytest.mark.parametrize(
    "change",
    [
        {"title": "  "},
        {"do": "join"},
        {"do": "close"},
        {"key": "short"},
        {"title": "x" * 201},
        {"title": "two\nlines"},
        {"category": ""},
    ],
)
async def test_a_wish_that_is_none(site: Site, kept: FakeAftercall, change: dict[str, Any]) -> None:
    client = await site.logged_in("sato")
    status, problem = await asked(client, "POST", path("tickets"), {**OPEN, **change})
    assert (status, problem["key"]) == (400, "bad_request")
    assert kept.wishes == {}


async def test_without_a_service_nobody_opens_tickets(site: Site, kept: FakeAftercall) -> None:
    kept.has_tickets = False
    client = await site.logged_in("sato")
    assert (await asked(client, "GET", path("after")))[1]["has_tickets"] is False
    status, problem = await asked(client, "POST", path("tickets"), OPEN)
    assert (status, problem["key"]) == (409, "no_tickets")


async def test_while_the_database_is_away_the_page_is_told_so(site: Site, kept: FakeAftercall) -> None:
    client = await site.logged_in("sato")
    kept.away = True
    status, problem = await asked(client, "PUT", path("note"), NOTE)
    assert (status, problem["key"]) == (503, "unavailable")


async def test_the_contact_record_has_notes_with_the_names_of_then_and_tickets(site: Site, kept: FakeAftercall) -> None:
    client = await site.logged_in("sato")
    await asked(client, "PUT", path("note"), NOTE)
    await asked(client, "POST", path("tickets"), OPEN)
    kept.tree = tuple(replace(one, active=False) for one in kept.tree)
    quality = await site.logged_in("watanabe")
    _, record = await asked(quality, "GET", f"/api/calls/{closed_call(10).call_id}")
    (note,) = record["notes"]
    assert note["reasons"] == [
        {"id": "unlock", "path_ja": ["車両", "解錠できない"], "path_en": ["The car", "Will not unlock"]}
    ]
    assert (note["agent"], note["note"]) == ("sato", NOTE["note"])
    assert [ticket["title"] for ticket in record["tickets"]] == ["解錠できない"]
    kept.away = True
    status, record = await asked(quality, "GET", f"/api/calls/{closed_call(10).call_id}")
    assert (status, record["notes"]) == (200, []), "the record is worth more than its notes"


async def test_only_reasons_in_force_are_offered(site: Site, kept: FakeAftercall) -> None:
    client = await site.logged_in("tanaka")
    _, tree = await asked(client, "GET", "/api/reasons")
    assert [(one["id"], one["parent"]) for one in tree["reasons"]] == [("car", None), ("unlock", "car")]


async def test_a_queue_may_need_a_reason(site: Site, kept: FakeAftercall) -> None:
    client = await site.logged_in("sato")
    assert (await asked(client, "GET", path("after")))[1]["reason_required"] is False
    kept.required = {str(closed_call(10).queue)}
    assert (await asked(client, "GET", path("after")))[1]["reason_required"] is True
    kept.tree = ()
    assert (await asked(client, "GET", path("after")))[1]["reason_required"] is False, "nobody could give one"
