"""Log-in, sessions, roles, origins, first passwords."""

from __future__ import annotations

import asyncio
import re
from http.cookies import SimpleCookie

import aiohttp
import pytest

from cti.web.auth import BELIEVED_S, FRESH_S, digest
from cti.web.routes import ROLES, ROUTES, Route
from tests.unit.web.conftest import ORIGIN, PASSWORD, ROLE_LOGINS, Site
from tests.unit.web.fakes import DEMO, call_id, person

GIVES = {"login": {"login": "sato", "password": PASSWORD}}


def filled(route: Route) -> str:
    """The route's path with ids that are well formed and nobody's."""
    return re.sub(r"\{\w+\}", call_id(1), route.path.replace("{callback_id}", "c" * 32))


async def ask(client: aiohttp.ClientSession, route: Route, **arguments: object) -> int:
    path = filled(route)
    json: dict[str, str] | None = {} if route.body is not None else None
    async with client.request(route.method, path, json=json, **arguments) as answer:  # type: ignore[arg-type]
        return answer.status


async def test_log_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(site: Site) -> None:
    async with site.client().post("/api/login", json={"login": "sato", "password": PASSWORD}) as answer:
        body = await answer.json()
        cookie: SimpleCookie = SimpleCookie(answer.headers["Set-Cookie"])
    morsel = cookie["kakehashi_session"]
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Strict", "/")
    assert morsel["secure"] == ""  # plain HTTP here
    assert len(morsel.value) >= 43
    assert (body["tenant"], body["user"]["login"], body["agent"]["agent"]) == ("demo", "sato", "sato")
    assert [r["id"] for r in body["break_reasons"]] == ["lunch", "rest", "meeting", "paperwork"]
    assert list(site.fakes.sessions.rows) == [digest(morsel.value)]
    assert [e.what for e in site.fakes.audit.entries] == ["session.opened"]


async def test_over_tls_the_cookie_is_secure(site: Site) -> None:
    settings = site.server.settings
    object.__setattr__(settings, "origins", ("https://cti.test",))
    async with site.client().post(
        "/api/login", json={"login": "sato", "password": PASSWORD}, headers={"Origin": "https://cti.test"}
    ) as answer:
        assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("login", "password"), [("sato", "wrong"), ("nobody", PASSWORD), ("sato", PASSWORD + " "), ("SATO", PASSWORD)]
)
async def test_wrong_log_ins_look_the_same_and_are_audited(site: Site, login: str, password: str) -> None:
    client = site.client()
    async with client.post("/api/login", json={"login": login, "password": password}) as answer:
        assert (answer.status, answer.content_type) == (401, "application/problem+json")
        body = await answer.json()
    assert (body["key"], body["title"]) == ("wrong_log_in", "Log-in name or password is wrong.")
    assert site.fakes.sessions.rows == {}
    assert [e.what for e in site.fakes.audit.entries] == ["session.refused"]


async def test_behind_a_proxy_of_ours_the_trail_names_who_stands_behind_it(site: Site) -> None:
    client, headers = site.client(), {"X-Forwarded-For": "198.51.100.1"}
    async with client.post("/api/login", json={"login": "sato", "password": "wrong"}, headers=headers) as answer:
        assert answer.status == 401
    object.__setattr__(site.server.settings, "trusted_proxies", ("127.0.0.0/8",))
    async with client.post("/api/login", json={"login": "sato", "password": "wrong"}, headers=headers) as answer:
        assert answer.status == 401
    assert [e.address for e in site.fakes.audit.entries] == ["127.0.0.1", "198.51.100.1"]


async def test_another_tenant_is_another_person(site: Site) -> None:
    site.fakes.users.add(person("sato", "agent"), "not a hash at all")
    other = {"tenant": "other", "login": "sato", "password": PASSWORD}
    async with site.client().post("/api/login", json=other) as answer:
        assert answer.status == 401


async def test_the_sixth_try_waits_and_the_right_password_waits_too(site: Site) -> None:
    client = site.client()
    for _ in range(5):
        async with client.post("/api/login", json={"login": "sato", "password": "wrong"}) as answer:
            assert answer.status == 401
    async with client.post("/api/login", json={"login": "sato", "password": PASSWORD}) as answer:
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) == 30
    site.fakes.clock.passed_s += 30
    async with client.post("/api/login", json={"login": "sato", "password": PASSWORD}) as answer:
        assert answer.status == 200


async def test_a_hundred_guesses_at_once_get_no_more_than_five(site: Site) -> None:
    client = site.client()

    async def guess(n: int) -> int:
        async with client.post("/api/login", json={"login": "sato", "password": f"guess {n}"}) as answer:
            return answer.status

    statuses = await asyncio.gather(*(guess(n) for n in range(100)))
    assert sorted(statuses) == [401] * 5 + [429] * 95


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: r.name)
@pytest.mark.parametrize("role", [*ROLES, None])
async def test_every_route_admits_exactly_the_roles_of_the_table(site: Site, route: Route, role: str | None) -> None:
    client = site.client() if role is None else await site.logged_in(ROLE_LOGINS[role])
    status = await ask(client, route)
    if route.roles is None or role in route.roles:
        assert status not in (401, 403)
    else:
        assert status == (401 if role is None else 403)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.roles is not None], ids=lambda r: r.name)
async def test_with_the_first_password_only_the_password_can_be_changed(site: Site, route: Route) -> None:
    client = await site.logged_in("shinjin")
    status = await ask(client, route)
    if route.first_password or not (route.roles or frozenset()) & {"agent", "qa"}:
        assert (status == 403) == (not route.first_password)
    else:
        async with client.request(route.method, filled(route)) as answer:
            assert answer.status == 403
            assert (await answer.json())["key"] == "must_change_password"


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://cti.test.evil.test", "https://cti.test", None])
@pytest.mark.parametrize("route", [r for r in ROUTES if r.method != "GET" or r.name == "agent_socket"],
                         ids=lambda r: r.name)  # fmt: skip
async def test_what_changes_things_needs_an_allowed_origin(site: Site, route: Route, origin: str | None) -> None:
    client = await site.logged_in("sato")
    bare = aiohttp.ClientSession(site.url, cookie_jar=client.cookie_jar)
    site.clients.append(bare)
    headers = {} if origin is None else {"Origin": origin}
    async with bare.request(route.method, filled(route), json=GIVES.get(route.name), headers=headers) as answer:
        assert answer.status == 403
        assert (await answer.json())["key"] == "wrong_origin"


async def test_log_out_ends_the_session_for_good(site: Site) -> None:
    client = await site.logged_in("sato")
    token = next(iter(client.cookie_jar)).value
    async with client.post("/api/logout") as answer:
        assert answer.status == 204
    again = aiohttp.ClientSession(site.url, cookies={"kakehashi_session": token})
    site.clients.append(again)
    async with again.get("/api/me") as answer:
        assert answer.status == 401


async def test_a_new_password_ends_the_other_sessions_and_opens_the_rest(site: Site) -> None:
    here, there = await site.logged_in("shinjin"), await site.logged_in("shinjin")
    hashed = site.fakes.users.rows[(DEMO, "shinjin")].password_hash
    site.fakes.users.add(person("shinjin", "agent", agent="shinjin"), hashed)
    page = await site.socket(there)
    await page.receive(timeout=5)
    change = {"current": PASSWORD, "new": "a long new password"}
    async with here.put("/api/me/password", json=change) as answer:
        assert answer.status == 204
    async with here.get("/api/me") as answer:
        assert (await answer.json())["user"]["must_change"] is False
    async with there.get("/api/me") as answer:
        assert answer.status == 401
    closed = await page.receive(timeout=5)
    assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1008)
    async with here.get("/api/my/calls/today") as answer:
        assert answer.status == 200
    await site.logged_in("shinjin", "a long new password")


@pytest.mark.parametrize(
    ("change", "status", "key"),
    [
        ({"current": "wrong", "new": "a long new password"}, 401, "wrong_log_in"),
        ({"current": PASSWORD, "new": PASSWORD}, 400, "same_password"),
        ({"current": PASSWORD, "new": "short"}, 400, "bad_request"),
        ({"current": PASSWORD}, 400, "bad_request"),
    ],
)
async def test_a_password_that_cannot_be_set(site: Site, change: dict[str, str], status: int, key: str) -> None:
    client = await site.logged_in("sato")
    async with client.put("/api/me/password", json=change) as answer:
        assert answer.status == status
        body = await answer.json()
    assert body["key"] == key
    assert "short" not in str(body)  # what was sent is never sent back


async def test_a_session_ends_at_its_time_and_when_the_user_loses_the_role(site: Site) -> None:
    client = await site.logged_in("sato")
    hashed = site.fakes.users.rows[(DEMO, "sato")].password_hash
    site.fakes.users.add(person("sato", "qa"), hashed)
    site.fakes.clock.passed_s += FRESH_S
    async with client.get("/api/my/calls/today") as answer:
        assert answer.status == 403
    site.fakes.clock.passed_s += 12 * 3600
    async with client.get("/api/me") as answer:
        assert answer.status == 401


async def test_a_desk_goes_on_for_ten_minutes_without_the_database(site: Site) -> None:
    client = await site.logged_in("sato")
    async with client.get("/api/me") as answer:
        assert answer.status == 200
    site.fakes.sessions.away = True
    site.fakes.clock.passed_s += BELIEVED_S - 1
    async with client.put("/api/my/state", json={"state": "available"}) as answer:
        assert answer.status == 200
    site.fakes.clock.passed_s += 2
    async with client.get("/api/me") as answer:
        assert answer.status == 503
        assert (await answer.json())["key"] == "unavailable"


async def test_a_session_whose_time_is_over_is_not_believed(site: Site) -> None:
    client = await site.logged_in("sato")
    site.fakes.clock.passed_s += 12 * 3600 - 60
    async with client.get("/api/me") as answer:
        assert answer.status == 200
    site.fakes.sessions.away = True
    site.fakes.clock.passed_s += 61
    async with client.get("/api/me") as answer:
        assert answer.status == 503


async def test_log_in_without_the_database_says_so(site: Site) -> None:
    site.fakes.users.away = True
    async with site.client().post("/api/login", json={"login": "sato", "password": PASSWORD}) as answer:
        assert answer.status == 503


async def test_garbage_cookies_are_nobody(site: Site) -> None:
    for value in ("x", "x" * 5000, "../../etc/passwd"):
        client = aiohttp.ClientSession(site.url, cookies={"kakehashi_session": value}, headers={"Origin": ORIGIN})
        site.clients.append(client)
        async with client.get("/api/me") as answer:
            assert answer.status == 401
