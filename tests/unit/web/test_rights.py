"""Roles × recordings × tenants × actions against the running server part: nobody hears what they must not.

What is right stands here in words of its own and not by the server's table, so that a slip there is seen.
"""

from __future__ import annotations

from itertools import combinations

import aiohttp
import pytest

from cti.domain.access import ROLE_RIGHTS, AuditWanted, Right, holders, rights_of
from cti.domain.listening import Comment
from cti.domain.model import TenantId, UserLogin
from cti.web.routes import ROUTES
from cti.web.server import content_policy
from tests.unit.web.conftest import PASSWORD, Site
from tests.unit.web.fakes import SOUND, T0, call_id, person, recording

ALL_ROLES = ("agent", "supervisor", "qa", "admin", "integrator", "download", "unredacted", "privacy")
# Every set of one or two roles: rights add up, and no pair gives what neither of the two has.
WHO = [*((role,) for role in ALL_ROLES), *combinations(ALL_ROLES, 2)]
MAY = {
    "listen": {"qa"},
    "draw": {"qa"},
    "download": {"download"},
    "list": {"qa", "download", "privacy"},
    "count": {"qa", "download", "privacy"},
    "remarks": {"qa"},
    "remark": {"qa"},
    "delete": {"privacy"},
    "hold": {"privacy"},
    "release": {"privacy"},
    "holds": {"privacy"},
    "trail": {"privacy", "admin"},
}
PATHS = {
    "listen": "/api/recordings/{}/audio",
    "draw": "/api/recordings/{}/peaks",
    "download": "/api/recordings/{}/file",
    "list": "/api/recordings?status=stored&limit=1",
    "count": "/api/recordings/count?number=81901234",
    "remarks": "/api/recordings/{}/comments",
    "remark": "/api/recordings/{}/comments",
    "delete": "/api/recordings/{}/deletion",
    "hold": "/api/recordings/{}/holds",
    "release": "/api/holds/1/release",
    "holds": "/api/holds",
    "trail": "/api/trail?what=recording.",
}
CHANGES = {"remark", "delete", "hold", "release"}
REMARK = "she sounds angry"
PLAYABLE, PENDING, UNKNOWN = call_id(1), call_id(2), call_id(3)
WHOLE = {"supervisor", "admin", "unredacted", "privacy"}


async def tried(client: aiohttp.ClientSession, action: str, call: str) -> tuple[int, bytes]:
    ask = client.post if action in CHANGES else client.get
    asked = {"at_s": 3, "text": REMARK} if action == "remark" else {"reason": "asked for"}
    body = {"json": asked} if action in CHANGES else {}
    async with ask(PATHS[action].format(call), **body) as answer:  # type: ignore[arg-type]
        return answer.status, await answer.read()


def with_recordings(site: Site) -> None:
    site.fakes.recordings.rows[PLAYABLE] = recording(1)
    site.fakes.recordings.rows[PENDING] = recording(2, status="pending", size=None, sha256=None)


async def logged_in(site: Site, roles: tuple[str, ...], tenant: str = "demo") -> aiohttp.ClientSession:
    who = person("someone", *roles)
    object.__setattr__(who, "tenant", TenantId(tenant))
    site.fakes.users.add(who, await site.server.passwords.hash(PASSWORD))
    client = site.client()
    async with client.post("/api/login", json={"tenant": tenant, "login": "someone", "password": PASSWORD}) as answer:
        assert answer.status == 200, await answer.text()
    return client


@pytest.mark.parametrize("roles", WHO, ids="+".join)
async def test_nobody_hears_what_they_must_not(site: Site, roles: tuple[str, ...]) -> None:
    with_recordings(site)
    client = await logged_in(site, roles)
    for action, allowed in MAY.items():
        for call in (PLAYABLE, PENDING, UNKNOWN):
            site.fakes.audit.entries.clear()
            status, body = await tried(client, action, call)
            heard = [entry.what for entry in site.fakes.audit.entries]
            if allowed.isdisjoint(roles):
                assert (status, heard) == (403, []), (action, call)
                assert SOUND not in body
            elif action in ("listen", "download"):
                there = call == PLAYABLE
                assert (status, body == SOUND) == ((200, True) if there else (404, False))
                word = "recording.listened" if action == "listen" else "recording.downloaded"
                assert heard == ([word] if there else [])
            else:
                assert status != 403, (action, call)


@pytest.mark.parametrize("action", MAY)
async def test_another_tenants_recordings_are_not_there_whatever_the_roles(site: Site, action: str) -> None:
    with_recordings(site)
    remark = Comment(comment_id=call_id(9), at_s=1, author=UserLogin("qa"), author_name="q", body=REMARK, created_at=T0)
    site.fakes.listening.kept[TenantId("demo"), PLAYABLE] = [remark]
    client = await logged_in(site, ALL_ROLES, tenant="other")
    status, body = await tried(client, action, PLAYABLE)
    assert SOUND not in body and REMARK.encode() not in body
    assert str(PLAYABLE).encode() not in body or status == 404
    empty = {"list": 200, "count": 200, "remarks": 200, "holds": 503, "trail": 200}  # nobody keeps holds here
    assert status == empty.get(action, 404)


@pytest.mark.parametrize("roles", [pair for pair in WHO if not MAY["list"].isdisjoint(pair)], ids="+".join)
async def test_numbers_are_whole_only_for_who_may_see_them(site: Site, roles: tuple[str, ...]) -> None:
    with_recordings(site)
    client = await logged_in(site, roles)
    async with client.get("/api/recordings") as answer:
        text = await answer.text()
    whole = not WHOLE.isdisjoint(roles)
    assert ("+819012345678" in text, "090-1234-5678" in text) == (whole, whole)
    assert whole or "•••-••••-5678" in text
    async with client.get("/api/recordings?number=5678") as answer:
        assert answer.status == (200 if whole else 400)
    async with client.get("/api/recordings?number=090-1234-5678") as answer:
        assert answer.status == 200
    if {"qa"} & set(roles):
        async with client.get("/api/calls?number=1234") as answer:
            assert answer.status == (200 if whole else 400)


async def test_the_file_has_a_name_and_the_trail_says_which_seconds(site: Site) -> None:
    with_recordings(site)
    client = await logged_in(site, ("download",))
    async with client.get(PATHS["download"].format(PLAYABLE), headers={"Range": "bytes=1000-1999"}) as answer:
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{PLAYABLE}.webm"'
        assert (answer.status, await answer.read()) == (206, SOUND[1000:2000])
    entry = site.fakes.audit.entries[-1]
    assert (entry.who, entry.what, entry.which) == ("someone", "recording.downloaded", PLAYABLE)
    assert entry.detail["seconds"] == pytest.approx([10, 20], abs=0.051)
    async with client.head(PATHS["download"].format(PLAYABLE)) as answer:
        assert answer.status == 200
    assert site.fakes.audit.entries[-1] is entry


def test_each_right_can_be_given_alone_or_with_what_needs_it() -> None:
    assert set(ROLE_RIGHTS) == set(ALL_ROLES)
    assert {right: set(holders(right)) for right in Right} == {
        Right.LISTEN: {"qa"}, Right.DOWNLOAD: {"download"}, Right.DELETE: {"privacy"}, Right.UNREDACTED: WHOLE,
        Right.HOLD: {"privacy"}, Right.PAUSE: {"supervisor", "integrator"}, Right.PERSON: {"privacy"},
        Right.TRAIL: {"privacy", "admin"},
    }  # fmt: skip
    assert holders(Right.LISTEN).isdisjoint(holders(Right.DOWNLOAD) | holders(Right.DELETE))
    assert holders(Right.DOWNLOAD).isdisjoint(holders(Right.DELETE))
    assert rights_of(["qa", "download", "no such role"]) == {Right.LISTEN, Right.DOWNLOAD}
    assert rights_of(()) == frozenset()


def test_every_route_of_recordings_is_under_a_right() -> None:
    """A route that is added later stands here too, or fails."""
    granted = {route.name: route.roles for route in ROUTES if route.path.startswith("/api/recordings")}
    assert granted["get_audio"] == granted["get_peaks"] == frozenset({"qa"})
    assert granted["download_recording"] == frozenset({"download"})
    assert granted["list_recordings"] == frozenset({"qa", "download", "privacy"})
    assert granted["delete_recording"] == granted["hold_recording"] == frozenset({"privacy"})


async def test_where_it_is_configured_a_player_gets_an_address_for_a_minute_and_the_trail_says_all(site: Site) -> None:
    with_recordings(site)
    client = await logged_in(site, ("qa",))
    object.__setattr__(site.server.settings, "replay_url_s", 60)
    path, player = PATHS["listen"].format(PLAYABLE), {"Sec-Fetch-Dest": "audio", "Range": "bytes=100-"}
    async with client.get(path, headers=player, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (307, f"https://s3.test/{PLAYABLE}?seconds=60")
        assert answer.headers["Cache-Control"] == "no-store"
    entry = site.fakes.audit.entries[-1]
    assert (entry.what, entry.who, entry.detail["seconds"]) == ("recording.address_given", "someone", [0.0, 102.4])
    site.fakes.audit.away = True
    async with client.get(path, headers=player, allow_redirects=False) as answer:
        assert (answer.status, "Location" in answer.headers) == (503, False)
    site.fakes.audit.away = False
    async with client.get(path) as answer:  # a program streams as ever
        assert (answer.status, await answer.read()) == (200, SOUND)
    assert "media-src 'self' blob: https://s3.test;" in content_policy(None, "https://s3.test")
    assert "media-src 'self' blob:;" in content_policy(None)


async def test_who_answers_for_it_reads_who_heard_which_seconds_of_what(site: Site) -> None:
    with_recordings(site)
    listener = await logged_in(site, ("qa",))
    async with listener.get(PATHS["listen"].format(PLAYABLE), headers={"Range": "bytes=1000-1999"}) as answer:
        await answer.read()
    client = await site.logged_in("hogo")
    async with client.get(f"/api/trail?which={PLAYABLE}&what=recording.&who=someone&limit=1&before=9") as answer:
        page = await answer.json()
    asked = AuditWanted(which=PLAYABLE, what="recording.", who="someone", limit=1, before=9)
    assert site.fakes.audit.asked == [asked]
    async with client.get("/api/trail") as answer:
        entries = {one["what"]: one for one in (await answer.json())["entries"]}
    heard = entries["recording.listened"]
    assert (heard["who"], heard["which"], heard["address"]) == ("someone", PLAYABLE, "127.0.0.1")
    assert heard["detail"]["seconds"] == pytest.approx([10, 20], abs=0.051)
    assert page["next"] == page["entries"][0]["entry_id"]
    for wrong in ("what=x y", "before=0", "limit=1000", "since=yesterday", "which=%00", "whom=x"):
        async with client.get(f"/api/trail?{wrong}") as answer:
            assert answer.status == 400, wrong


@pytest.mark.parametrize("role", ALL_ROLES)
async def test_a_page_is_told_the_rights_and_names_are_for_people(site: Site, role: str) -> None:
    client = await logged_in(site, (role,))
    async with client.get("/api/me") as answer:
        assert set((await answer.json())["rights"]) == {right.value for right in rights_of([role])}
    async with client.get("/api/names") as answer:
        assert answer.status == (403 if role == "integrator" else 200)
        if role != "integrator":
            names = await answer.json()
            assert {"id": "sato", "name": "佐藤 花子"} in names["agents"]
            # Those who were switched off too: what they did names them still.
            assert {"login": "abe", "name": "阿部 直"} in names["people"]
    async with client.get(f"/api/calls/{UNKNOWN}") as answer:
        assert answer.status == (404 if role in {"supervisor", "qa", "admin", "privacy"} else 403)
