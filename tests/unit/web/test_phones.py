"""One's own phone: what it is, with what the page registers, and where the page may connect to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from cti.domain.errors import NotFound, Unavailable
from cti.domain.ice import IceServer, IceWays
from cti.domain.model import AgentId, CallId, LegFigures, LegSound, QueueId, TenantId
from cti.domain.quality import LineQuality
from cti.web.context import PARTS
from cti.web.phoneports import AgentPhone, PhoneLogIn
from cti.web.server import content_policy
from tests.unit.web.conftest import Site
from tests.unit.web.fakes import T0, call_id, closed_call

LOG_IN = PhoneLogIn(
    url="wss://cti.example.com:8089/ws", endpoint="demo-sato", domain="cti.example.com", secret="s" * 32
)

ICE = IceWays(
    servers=(
        IceServer(urls=("stun:stun.example.com",)),
        IceServer(urls=("turn:turn.example.com",), username="1795147200:sato", credential="c"),
    ),
    relay_only=True,
)


@dataclass
class FakePhones:
    """Sato's is in the browser."""

    away: bool = False
    holder: bytes | None = None  # the log-in whose phone it is

    async def phone_of(self, tenant: TenantId, agent: AgentId, log_in: bytes) -> AgentPhone:
        if self.away:
            raise Unavailable("away")
        return AgentPhone(
            in_browser=agent == "sato", auto_answer="always", queues={QueueId("members"): 2},
            taken=self.holder not in (None, log_in), ice=ICE,
        )  # fmt: skip

    async def log_in(self, tenant: TenantId, agent: AgentId, log_in: bytes) -> PhoneLogIn:
        if not (await self.phone_of(tenant, agent, log_in)).in_browser:
            raise NotFound("no")
        self.holder = log_in
        return LOG_IN


def given(site: Site, phones: FakePhones) -> None:
    object.__setattr__(site.server.app[PARTS], "phones", phones)


async def test_a_page_that_had_a_call_asks_for_it_to_come_back(site: Site) -> None:
    given(site, FakePhones())
    sato = await site.logged_in("sato")
    for refusal, status in ((None, 204), (NotFound("just ended"), 204), (Unavailable("away"), 503)):
        site.fakes.talks.refusal = refusal
        async with sato.post("/api/my/phone/back") as answer:
            assert answer.status == status
    assert site.fakes.talks.asked == [("sato", "bring_back", "")]


async def test_a_page_that_has_just_become_a_phone_is_rung_anew(site: Site) -> None:
    given(site, FakePhones())
    sato = await site.logged_in("sato")
    async with sato.post("/api/my/phone/here") as answer:
        assert answer.status == 204
    assert site.fakes.desk.anew == ["sato"]


@pytest.mark.parametrize("path", ["back", "here"])
async def test_the_leg_of_a_sip_phone_is_nothing_that_a_page_ends(site: Site, path: str) -> None:
    given(site, FakePhones())
    suzuki = await site.logged_in("suzuki")
    async with suzuki.post(f"/api/my/phone/{path}") as answer:
        assert (answer.status, (await answer.json())["key"]) == (409, "no_browser_phone")
    assert (site.fakes.talks.asked, site.fakes.desk.anew) == ([], [])


async def test_what_a_pages_phone_held_by_itself_is_told_by_how_long_ago_it_was(site: Site) -> None:
    given(site, FakePhones())
    sato = await site.logged_in("sato")
    site.fakes.talks.calls["sato"] = call = closed_call(1)
    holds = {"holds": [{"began_ago_s": 9.5, "ended_ago_s": 2}, {"began_ago_s": 1}]}
    async with sato.put(f"/api/my/calls/{call.call_id}/holds", json=holds) as answer:
        assert answer.status == 204
    assert site.fakes.talks.held == [
        (T0 - timedelta(seconds=9.5), T0 - timedelta(seconds=2)), (T0 - timedelta(seconds=1), None),
    ]  # fmt: skip
    async with sato.put(f"/api/my/calls/{call_id(2)}/holds", json=holds) as answer:
        assert (answer.status, (await answer.json())["key"]) == (404, "not_my_call")
    suzuki = await site.logged_in("suzuki")
    async with suzuki.put(f"/api/my/calls/{call.call_id}/holds", json=holds) as answer:
        assert (answer.status, (await answer.json())["key"]) == (409, "no_browser_phone")
    assert len(site.fakes.talks.held) == 2


@pytest.mark.parametrize(
    "hold",
    [
        {"began_ago_s": 1, "ended_ago_s": 2}, {"began_ago_s": -1}, {"began_ago_s": 1e9}, {"began_ago_s": "x"},
        {"ended_ago_s": 1}, {"began_ago_s": 1, "by": "x"},
    ],
)  # fmt: skip
async def test_a_hold_that_cannot_be_is_refused_with_what_is_wrong(site: Site, hold: dict[str, Any]) -> None:
    given(site, FakePhones())
    sato = await site.logged_in("sato")
    site.fakes.talks.calls["sato"] = call = closed_call(1)
    for holds in ([hold], [{"began_ago_s": 1}] * 101):
        async with sato.put(f"/api/my/calls/{call.call_id}/holds", json={"holds": holds}) as answer:
            assert answer.status == 400
            assert any("holds" in line for line in (await answer.json())["problems"])
    assert site.fakes.talks.held == []


async def test_a_page_that_is_a_phone_is_told_with_what_it_registers(site: Site) -> None:
    given(site, FakePhones())
    sato = await site.logged_in("sato")
    async with sato.get("/api/my/phone") as answer:
        assert await answer.json() == {
            "phone": "browser", "auto_answer": {"agent": "always", "queues": {"members": 2}},
            "taken": False, "ice": {"relay_only": True, "servers": [
                {"urls": ["stun:stun.example.com"], "username": None, "credential": None},
                {"urls": ["turn:turn.example.com"], "username": "1795147200:sato", "credential": "c"},
            ]},
        }  # fmt: skip
    async with sato.post("/api/my/phone") as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert await answer.json() == {
            "url": LOG_IN.url, "user": "demo-sato", "domain": "cti.example.com", "secret": LOG_IN.secret,
        }  # fmt: skip


async def test_the_phone_is_the_log_ins_that_asked_last(site: Site) -> None:
    given(site, FakePhones())
    here, there = [await site.logged_in("sato") for _ in range(2)]

    async def taken() -> list[bool]:
        said = []
        for client in (here, there):
            async with client.get("/api/my/phone") as answer:
                said.append((await answer.json())["taken"])
        return said

    assert await taken() == [False, False]
    for client, then in ((here, [False, True]), (there, [True, False])):
        async with client.post("/api/my/phone") as answer:
            assert answer.status == 200
        assert await taken() == then


async def test_nobody_is_told_another_phones_secret(site: Site) -> None:
    given(site, FakePhones())
    suzuki = await site.logged_in("suzuki")
    async with suzuki.get("/api/my/phone") as answer:
        assert (await answer.json())["phone"] == "sip"
    async with suzuki.post("/api/my/phone") as answer:
        assert (answer.status, (await answer.json())["key"]) == (409, "no_browser_phone")
    async with site.client().post("/api/my/phone") as answer:
        assert answer.status == 401


async def test_an_away_database_is_said(site: Site) -> None:
    given(site, FakePhones(away=True))
    sato = await site.logged_in("sato")
    for ask in (sato.get, sato.post):
        async with ask("/api/my/phone") as answer:
            assert (answer.status, (await answer.json())["key"]) == (503, "unavailable")


async def test_without_phones_in_browsers_every_phone_is_a_sip_phone(site: Site) -> None:
    sato = await site.logged_in("sato")
    async with sato.get("/api/my/phone") as answer:
        assert await answer.json() == {
            "phone": "sip", "auto_answer": {"agent": "queue", "queues": {}},
            "taken": False, "ice": {"servers": [], "relay_only": False},
        }  # fmt: skip


def test_pages_connect_to_asterisks_websocket_and_nowhere_else() -> None:
    assert "connect-src 'self';" in content_policy(None) + ";"
    assert "connect-src 'self' wss://cti.example.com:8089;" in content_policy("wss://cti.example.com:8089/ws") + ";"


def test_a_secret_is_not_in_what_is_printed() -> None:
    assert "ssss" not in repr(LOG_IN)


# --- How a call sounded ---

TOLD: dict[str, Any] = {
    "measured_s": 61.5, "received": 2900, "lost_in": 100, "jitter_in_ms": 2.25, "jitter_in_max_ms": 9.0, "sent": 3000,
    "lost_out": 30, "jitter_out_ms": 1.0, "round_trip_ms": 21.04, "round_trip_max_ms": 80.0,
}  # fmt: skip
PATH = f"/api/my/calls/{call_id(1)}/quality"


@dataclass
class FakeQualities:
    """Keeps what it is told."""

    rows: dict[CallId, list[LineQuality]] = field(default_factory=dict)
    away: bool = False

    async def keep(self, tenant: TenantId, call_id: CallId, measured: LineQuality) -> None:
        if self.away:
            raise Unavailable("away")
        self.rows.setdefault(call_id, []).append(measured)

    async def of_call(self, tenant: TenantId, call_id: CallId) -> Sequence[LineQuality]:
        if self.away:
            raise Unavailable("away")
        return self.rows.get(call_id, [])


def measuring(site: Site, *, away: bool = False) -> FakeQualities:
    """Sato's call of just now, and where its quality goes."""
    made = FakeQualities(away=away)
    object.__setattr__(site.server.app[PARTS], "qualities", made)
    site.fakes.calls.rows.append(replace(closed_call(1), ended_at=T0 - timedelta(seconds=3)))
    return made


async def test_a_page_reports_how_its_own_call_sounded(site: Site) -> None:
    kept = measuring(site)
    sato = await site.logged_in("sato")
    async with sato.put(PATH, json=TOLD) as answer:
        assert answer.status == 204, await answer.text()
    (measured,) = kept.rows[call_id(1)]
    assert (measured.agent, measured.talk_at) == ("sato", T0 - timedelta(seconds=15))
    assert (measured.lost_in, measured.round_trip_max_ms) == (100, 80.0)
    watanabe = await site.logged_in("watanabe")
    async with watanabe.get(f"/api/calls/{call_id(1)}") as answer:
        (shown,) = (await answer.json())["quality"]
    assert shown == {
        "agent": "sato", "measured_by": "page", "talk_at": "2026-11-20T02:59:45Z", "grade": "good", "measured_s": 61.5,
        "loss_in": 0.0333,
        "jitter_in_ms": 2.2, "jitter_in_max_ms": 9.0, "loss_out": 0.01, "jitter_out_ms": 1.0, "round_trip_ms": 21.0,
        "round_trip_max_ms": 80.0,
    }  # fmt: skip


async def test_of_legs_that_no_page_measured_asterisk_tells(site: Site) -> None:
    kept = measuring(site)
    figures = LegFigures(
        received=990, lost_from=10, jitter_from_ms=1.44, sent=1000, lost_to=None, jitter_to_ms=None, round_trip_ms=None,
    )  # fmt: skip
    call = site.fakes.calls.rows[-1]
    talk = call.talks[0]
    caller = LegSound(
        uniqueid=call.uniqueid, agent=None, began_at=call.arrived_at, ended_at=talk.answered_at, figures=figures
    )
    both = replace(figures, lost_to=100, jitter_to_ms=2.0, round_trip_ms=30.0)
    leg = replace(caller, uniqueid=talk.agent_uniqueid, agent=talk.agent, began_at=talk.answered_at, figures=both)
    site.fakes.calls.rows[-1] = replace(call, sounds=(leg, caller))
    watanabe = await site.logged_in("watanabe")

    async def shown() -> list[Any]:
        async with watanabe.get(f"/api/calls/{call_id(1)}") as answer:
            body = await answer.json()
            return list(body["quality"])

    of_caller, of_agent = await shown()
    assert (of_caller["agent"], of_caller["measured_by"], of_caller["grade"]) == (None, "asterisk", "good")
    assert (of_caller["loss_in"], of_caller["loss_out"], of_caller["jitter_out_ms"]) == (None, 0.01, 1.4)
    assert (of_caller["jitter_in_ms"], of_caller["round_trip_ms"]) == (None, None)
    assert (of_agent["agent"], of_agent["grade"], of_agent["loss_in"]) == ("sato", "poor", 0.1)
    assert (of_agent["jitter_in_ms"], of_agent["jitter_in_max_ms"], of_agent["round_trip_ms"]) == (2.0, None, 30.0)
    # A page that measured the same talk knows more of it.
    sato = await site.logged_in("sato")
    async with sato.put(PATH, json=TOLD) as answer:
        assert answer.status == 204, await answer.text()
    assert len(kept.rows[call_id(1)]) == 1
    assert [(one["agent"], one["measured_by"]) for one in await shown()] == [(None, "asterisk"), ("sato", "page")]


async def test_what_asterisk_did_not_report_may_be_left_out(site: Site) -> None:
    kept = measuring(site)
    sato = await site.logged_in("sato")
    mine = {name: value for name, value in TOLD.items() if not name.endswith("_out") and "round" not in name}
    mine.pop("jitter_out_ms")
    async with sato.put(PATH, json=mine) as answer:
        assert answer.status == 204, await answer.text()
    assert kept.rows[call_id(1)][0].lost_out is None


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"lost_in": -1}, "lost_in"),
        ({"received": 10_000_001}, "received"),
        ({"sent": 1.5}, "sent"),
        ({"measured_s": 86_401}, "measured_s"),
        ({"jitter_in_ms": 60_001, "jitter_in_max_ms": 60_001}, "jitter_in_ms"),
        ({"jitter_in_ms": 9.5}, "jitter_in_max_ms"),
        ({"round_trip_max_ms": 3.0}, "round_trip_max_ms"),
        ({"round_trip_max_ms": None}, "round_trip_max_ms"),
        ({"agent": "suzuki"}, "agent"),
    ],
)
async def test_nonsense_is_refused_by_name(site: Site, changed: dict[str, Any], named: str) -> None:
    kept = measuring(site)
    sato = await site.logged_in("sato")
    async with sato.put(PATH, json=TOLD | changed) as answer:
        assert answer.status == 400
        assert any(named in line for line in (await answer.json())["problems"])
    assert kept.rows == {}


async def test_nobody_reports_about_anothers_call(site: Site) -> None:
    kept = measuring(site)
    for login, path, status in (
        ("suzuki", PATH, 404),  # rang there, was answered elsewhere
        ("sato", f"/api/my/calls/{call_id(2)}/quality", 404),  # no such call
        ("sato", "/api/my/calls/drop-table/quality", 404),
        ("watanabe", PATH, 403),
    ):
        client = await site.logged_in(login)
        async with client.put(path, json=TOLD) as answer:
            assert answer.status == status, (login, path)
    assert kept.rows == {}


async def test_nobody_rewrites_the_record_of_a_call_long_over(site: Site) -> None:
    kept = measuring(site)
    site.fakes.calls.rows[-1] = replace(site.fakes.calls.rows[-1], ended_at=T0 - timedelta(minutes=11))
    sato = await site.logged_in("sato")
    async with sato.put(PATH, json=TOLD) as answer:
        assert (answer.status, (await answer.json())["key"]) == (409, "call_long_over")
    assert kept.rows == {}


async def test_a_record_is_shown_without_its_quality_when_that_cannot_be_read(site: Site) -> None:
    measuring(site, away=True)
    sato, watanabe = await site.logged_in("sato"), await site.logged_in("watanabe")
    async with sato.put(PATH, json=TOLD) as answer:
        assert answer.status == 503
    async with watanabe.get(f"/api/calls/{call_id(1)}") as answer:
        assert (answer.status, (await answer.json())["quality"]) == (200, [])
