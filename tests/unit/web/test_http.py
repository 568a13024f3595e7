"""Calls, recordings, queues, health, pages: over HTTP, with fakes behind."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from yarl import URL

from cti.domain.model import AgentState
from cti.web import ports
from cti.web.actionports import StateFact
from cti.web.bodies import CallRecord
from cti.web.schema import schema
from cti.web.server import HEADERS
from tests.unit.web.conftest import Site
from tests.unit.web.fakes import SHA256, SOUND, T0, call_id, closed_call, recording

SCHEMA = schema()


async def get(client: aiohttp.ClientSession, path: str, status: int = 200) -> dict[str, Any]:
    async with client.get(path) as answer:
        assert answer.status == status, await answer.text()
        body: dict[str, Any] = await answer.json()
        return body


def fits(name: str, body: object) -> None:
    Draft202012Validator({"$ref": f"#/properties/{name}", **SCHEMA}).validate(body)


# --- Calls -----------------------------------------------------------------------------------------


async def test_calls_are_paged_by_key_without_skipping_or_repeating(site: Site) -> None:
    rows = [closed_call(n) for n in range(1, 6)]
    rows.append(replace(rows[2], call_id=call_id(99)))  # arrived in the same instant as another
    site.fakes.calls.rows = rows
    client = await site.logged_in("tanaka")
    seen: list[str] = []
    path = "/api/calls?limit=2"
    while True:
        body = await get(client, path)
        fits("CallPage", body)
        seen += [c["call_id"] for c in body["calls"]]
        if body["next"] is None:
            break
        site.fakes.calls.rows.append(closed_call(0))  # calls arrive meanwhile
        path = f"/api/calls?limit=2&after={body['next']}"
    assert seen == [call_id(n) for n in (1, 2, 99, 3, 4, 5)]


async def test_filters_reach_the_store_as_meant(site: Site) -> None:
    client = await site.logged_in("tanaka")
    await get(client, "/api/calls?since=2026-11-20T00:00:00Z&queue=members&agent=sato&end_reason=treated"
                      "&number=０９０-1234&limit=7&until=")  # fmt: skip
    asked = site.fakes.calls.asked[-1]
    assert (asked.queue, asked.agent, asked.limit, asked.until) == ("members", "sato", 7, None)
    assert asked.since is not None
    assert asked.since.isoformat() == "2026-11-20T00:00:00+00:00"
    assert (asked.end_reason, asked.number_part) == ("treated", "901234")


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("since=yesterday", "since"),
        ("since=2026-11-20T00:00:00", "since"),  # no time zone: whose midnight?
        ("colour=red", "colour"),
        ("queue=a&queue=b", "queue"),
        ("end_reason=bored", "end_reason"),
        ("number=abc", "number"),
    ],
)
async def test_a_wrong_filter_is_named(site: Site, query: str, word: str) -> None:
    body = await get(await site.logged_in("tanaka"), f"/api/calls?{query}", 400)
    assert body["key"] == "bad_request"
    assert word in body["problems"][0]


@pytest.mark.parametrize("cursor", ["x", "%00", "MjAyNi0xMS0yMFQwMDowMDowMHxj", "😀", "A" * 150])
async def test_a_wrong_cursor_is_refused(site: Site, cursor: str) -> None:
    assert (await get(await site.logged_in("tanaka"), f"/api/calls?after={cursor}", 400))["key"] == "bad_cursor"


async def test_the_contact_record_tells_the_whole_journey(site: Site) -> None:
    site.fakes.calls.rows = [closed_call(1)]
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    client = await site.logged_in("tanaka")
    body = await get(client, f"/api/calls/{call_id(1)}")
    fits("CallRecord", body)
    record = CallRecord.model_validate(body)
    assert [s.what for s in record.journey] == [
        "arrived", "menu", "menu_step", "queued", "offered", "rang", "offer_ended", "offered", "rang", "answered",
        "recording_stored", "talk_ended", "ended",
    ]  # fmt: skip
    assert (record.wait_s, record.talk_s, record.agents) == (30, 60, ["sato"])
    assert record.journey[0].detail == "050-1234-5000"  # as people write it
    assert record.recording is not None
    assert record.recording.status == "stored"
    site.fakes.recordings.away = True
    assert (await get(client, f"/api/calls/{call_id(1)}"))["recording"] is None
    assert (await get(client, f"/api/calls/{call_id(2)}", 404))["key"] == "not_found"
    assert (await get(client, "/api/calls/..%2f..%2fetc", 404))["key"] == "not_found"
    site.fakes.calls.away = True
    assert (await get(client, f"/api/calls/{call_id(1)}", 503))["key"] == "unavailable"


async def test_my_calls_are_mine_and_of_today(site: Site) -> None:
    site.fakes.calls.rows = [closed_call(1), closed_call(2, agent="smith"), closed_call(13 * 60)]
    body = await get(await site.logged_in("sato"), "/api/my/calls/today")
    fits("MyCalls", body)
    assert [c["call_id"] for c in body["calls"]] == [call_id(1)]
    mine = await get(await site.logged_in("suzuki"), "/api/my/calls/today")
    assert {(c["outcome"], c["answered_at"], c["talk_s"]) for c in mine["calls"]} == {("timed_out", None, None)}


async def test_my_states_of_today_begin_at_midnight(site: Site) -> None:
    midnight = datetime(2026, 11, 19, 15, 0, tzinfo=UTC)  # in Tokyo
    site.fakes.supervision.day = [
        StateFact(state=AgentState.AVAILABLE, reason="chosen", since=midnight - timedelta(hours=2)),
        StateFact(state=AgentState.BREAK, reason="lunch", since=midnight + timedelta(hours=3)),
    ]
    body = await get(await site.logged_in("sato"), "/api/my/states/today")
    fits("MyStates", body)
    assert [(one["state"], one["reason"], datetime.fromisoformat(one["since"])) for one in body["states"]] == [
        ("available", "chosen", midnight),
        ("break", "lunch", midnight + timedelta(hours=3)),
    ]
    assert site.fakes.supervision.asked_since == midnight
    assert await get(await site.logged_in("suzuki"), "/api/my/states/today") == {"states": []}


async def test_my_state(site: Site) -> None:
    client = await site.logged_in("sato")
    async with client.put("/api/my/state", json={"state": "break", "reason": "rest"}) as answer:
        body = await answer.json()
    fits("AgentBody", body)
    assert (body["state"], body["reason"]) == ("break", "rest")
    site.fakes.desk.refuse = "in a call"
    async with client.put("/api/my/state", json={"state": "available"}) as answer:
        refused = await answer.json()
    assert (refused["key"], refused["detail"]) == ("state_refused", "in a call")


async def test_the_board(site: Site) -> None:
    waiting = tuple(ports.WaitingFact(call_id=call_id(n), since=T0) for n in range(150))
    site.fakes.desk.queues = (
        ports.QueueFact(queue="members", service_level_s=20, waiting=waiting, waiting_count=150, talking=1,  # type: ignore[arg-type]
                        agents_available=2, agents_logged_in=3, nobody_for=7,
                        hours=ports.HoursFact(open=False, name=("海の日", "海の日"), until=T0)),
    )  # fmt: skip
    client = await site.logged_in("watanabe")
    body = await get(client, "/api/queues")
    fits("Board", body)
    queue = body["queues"][0]
    assert (len(queue["waiting"]), queue["waiting_count"], queue["waiting"][0]["position"]) == (100, 150, 1)
    assert queue["nobody_for"] == 7
    assert queue["hours"] == {
        "open": False, "name_ja": "海の日", "name_en": "海の日", "until": T0.isoformat().replace("+00:00", "Z")
    }  # fmt: skip
    assert queue["figures"] == {
        "offered": 4, "answered": 3, "abandoned": 1, "in_time": 2, "service_level": 0.5, "asa_s": 11.5
    }  # fmt: skip
    site.fakes.calls.away = True
    assert (await get(client, "/api/queues"))["queues"][0]["figures"] is not None  # a few seconds old
    assert site.fakes.calls.figures_asked == 1


# --- Bodies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "kind", "status", "key"),
    [
        (b"{", "application/json", 400, "not_json"),
        (b"\xff\xfe", "application/json", 400, "not_json"),
        (b'{"login": "a\\u0000b", "password": "x"}', "application/json", 400, "bad_request"),
        (b'{"login": "a\\ud800b", "password": "x"}', "application/json", 400, "bad_request"),
        (b'{"login": "a", "password": "x", "tenant": "\\u0000"}', "application/json", 400, "bad_request"),
        (b"[" * 50_000, "application/json", 400, "not_json"),
        (b"login=sato", "application/x-www-form-urlencoded", 415, "not_json"),
        (b"{}", "application/json", 400, "bad_request"),
        (b'{"login": "' + b"x" * 70_000 + b'"}', "application/json", 413, "too_large"),
    ],
)
async def test_bad_bodies(site: Site, data: bytes, kind: str, status: int, key: str) -> None:
    async with site.client().post("/api/login", data=data, headers={"Content-Type": kind}) as answer:
        assert answer.status == status
        assert (await answer.json())["key"] == key


async def test_problems_speak_the_language_asked_for(site: Site) -> None:
    for accept, title in (
        ("ja,en;q=0.5", "ログインしてください。"),
        ("en-GB", "Please log in."),
        ("fr", "ログインしてください。"),
    ):
        async with site.client().get("/api/me", headers={"Accept-Language": accept}) as answer:
            assert (await answer.json())["title"] == title


async def test_what_nobody_expected_is_hidden_and_logged(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret inside")

    client = await site.logged_in("tanaka")
    monkeypatch.setattr(site.fakes.desk, "live", broken)
    async with client.get("/api/queues") as answer:
        assert answer.status == 500
        assert "secret" not in await answer.text()
    assert "A request failed." in caplog.text


async def test_methods_and_addresses_that_do_not_exist(site: Site) -> None:
    client = await site.logged_in("tanaka")
    async with client.delete("/api/calls") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
        assert (await answer.json())["key"] == "method_not_allowed"
    assert (await get(client, "/api/nonsense", 404))["key"] == "not_found"


# --- Recordings ------------------------------------------------------------------------------------

AUDIO = f"/api/recordings/{call_id(1)}/audio"


async def listen(client: aiohttp.ClientSession, **headers: str) -> tuple[int, bytes, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.get(AUDIO, headers=named) as answer:
        return answer.status, await answer.read(), answer.headers


async def test_the_list_of_recordings(site: Site) -> None:
    site.fakes.recordings.rows = {call_id(n): recording(n) for n in (1, 2)}
    missing = recording(3, status="not_recorded", why="no_sound", size=None, sha256=None, duration_s=None)
    site.fakes.recordings.rows[call_id(3)] = missing
    whole = "/api/recordings?status=stored&min_duration_s=3&number=%2B819012345678"
    body = await get(await site.logged_in("watanabe"), whole)
    fits("RecordingPage", body)
    assert [r["call_id"] for r in body["recordings"]] == [call_id(n) for n in (1, 2, 3)]
    asked = site.fakes.recordings.asked[-1]
    assert (asked.status, asked.min_duration_s, asked.number_part) == ("stored", 3.0, "819012345678")


async def test_a_whole_recording(site: Site) -> None:
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    status, body, headers = await listen(await site.logged_in("watanabe"))
    assert (status, body, headers["Content-Type"]) == (200, SOUND, "audio/ogg")
    assert (headers["ETag"], headers["Accept-Ranges"], headers["Cache-Control"]) == (
        f'"{SHA256}"', "bytes", "private, no-store"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1), ("bytes=0-", 0, 10240), ("bytes=100-199", 100, 200), ("bytes=-5", 10235, 10240),
        ("bytes=10239-", 10239, 10240), ("bytes=10000-99999", 10000, 10240), ("bytes=-99999", 0, 10240),
    ],
)  # fmt: skip
async def test_a_part_and_its_place_in_the_trail(site: Site, asked: str, start: int, stop: int) -> None:
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    client = await site.logged_in("watanabe")
    status, body, headers = await listen(client, Range=asked)
    assert (status, body) == (206, SOUND[start:stop])
    assert headers["Content-Range"] == f"bytes {start}-{stop - 1}/10240"
    entry = site.fakes.audit.entries[-1]
    assert (entry.who, entry.what, entry.which) == ("watanabe", "recording.listened", call_id(1))
    assert entry.detail["bytes"] == [start, stop]
    assert entry.detail["seconds"] == pytest.approx([start / 100, stop / 100], abs=0.051)
    assert entry.address == "127.0.0.1"


@pytest.mark.parametrize(("index", "seconds"), [(200.0, [5.0, 10.0]), (None, [10.0, 20.0])])
async def test_seconds_are_those_of_the_recordings_own_index_or_in_proportion_without(
    site: Site, index: float | None, seconds: list[float]
) -> None:
    """What is silent takes hardly any bytes. With the index unreadable it is heard all the same."""
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    site.fakes.recordings.index = index
    status, body, _ = await listen(await site.logged_in("watanabe"), Range="bytes=1000-1999")
    assert (status, body) == (206, SOUND[1000:2000])
    assert site.fakes.audit.entries[-1].detail["seconds"] == pytest.approx(seconds, abs=0.051)


@pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=99999-100000", "bytes=-0"])
async def test_a_part_behind_the_end(site: Site, asked: str) -> None:
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    status, _, headers = await listen(await site.logged_in("watanabe"), Range=asked)
    assert (status, headers["Content-Range"]) == (416, "bytes */10240")


@pytest.mark.parametrize(
    "asked", ["bytes=5-1", "bytes=a-b", "items=0-5", "bytes=0-1,5-6", "bytes=-", "bytes=" + "9" * 50]
)
async def test_what_is_no_range_gets_everything(site: Site, asked: str) -> None:
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    status, body, _ = await listen(await site.logged_in("watanabe"), Range=asked)
    assert (status, body) == (200, SOUND)


async def test_conditions(site: Site) -> None:
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    client = await site.logged_in("watanabe")
    assert (await listen(client, Range="bytes=0-9", If_Range=f'"{SHA256}"'))[0] == 206
    assert (await listen(client, Range="bytes=0-9", If_Range='"another"'))[0] == 200
    heard = len(site.fakes.audit.entries)
    assert (await listen(client, If_None_Match=f'"{SHA256}"'))[:2] == (304, b"")
    assert len(site.fakes.audit.entries) == heard
    async with client.head(AUDIO) as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, "10240")
    assert len(site.fakes.audit.entries) == heard


async def test_nothing_is_heard_that_is_not_in_the_trail(site: Site) -> None:
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    client = await site.logged_in("watanabe")
    site.fakes.audit.away = True
    status, body, _ = await listen(client)
    assert (status, site.fakes.recordings.reading) == (503, 0)
    assert json.loads(body)["key"] == "unavailable"


async def test_what_cannot_be_heard(site: Site) -> None:
    client = await site.logged_in("watanabe")
    assert (await get(client, AUDIO, 404))["key"] == "no_audio"
    site.fakes.recordings.rows[call_id(1)] = recording(1, status="pending", size=None, sha256=None)
    assert (await get(client, AUDIO, 404))["key"] == "no_audio"
    assert (await get(client, "/api/recordings/x/audio", 404))["key"] == "not_found"
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    site.fakes.recordings.fail_after = 0
    assert (await get(client, AUDIO, 503))["key"] == "unavailable"
    assert [e.what for e in site.fakes.audit.entries] == ["session.opened"]


async def test_a_store_that_fails_in_the_middle_is_seen_by_the_listener_and_in_the_trail(site: Site) -> None:
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    site.fakes.recordings.fail_after = 3000
    with pytest.raises(aiohttp.ClientPayloadError):
        await listen(await site.logged_in("watanabe"))
    cut = site.fakes.audit.entries[-1]
    assert (cut.what, cut.detail["bytes"]) == ("recording.listen_cut", [0, 3000])


async def test_the_wave(site: Site) -> None:
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    client = await site.logged_in("watanabe")
    body = await get(client, f"/api/recordings/{call_id(1)}/peaks")
    fits("Peaks", body)
    assert (body["step_ms"], body["left"], body["right"]) == (100, [0, 100], [5, 6])
    assert (await get(client, f"/api/recordings/{call_id(2)}/peaks", 404))["key"] == "no_audio"


# --- Running ---------------------------------------------------------------------------------------


async def test_ready_says_what_is_not(site: Site) -> None:
    client = site.client()
    assert (await get(client, "/readyz"))["ready"] is True
    site.fakes.readiness.states["s3"] = ports.PartState(ready=False, since=T0, why="connection refused")
    body = await get(client, "/readyz", 503)
    assert (body["ready"], body["parts"]["s3"]) == (
        False, {"ready": False, "since": "2026-11-20T03:00:00Z", "why": "connection refused"}
    )  # fmt: skip
    assert (await get(client, "/healthz")) == {"status": "ok"}


async def test_metrics_count_requests_by_route_not_by_address(site: Site) -> None:
    client = await site.logged_in("tanaka")
    await get(client, f"/api/calls/{call_id(1)}", 404)
    async with client.get("/metrics") as answer:
        text = await answer.text()
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert 'kakehashi_http_seconds_count{route="get_call",status="404"} 1.0' in text
    assert call_id(1) not in text


# --- Pages -----------------------------------------------------------------------------------------


@pytest.fixture
def built(site: Site) -> Path:
    static = site.server.settings.static
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>架け橋</title>", encoding="utf-8")
    (static / "assets" / "main-abc123.js").write_text("export {}", encoding="utf-8")
    (static / "icon.svg").write_text("<svg/>", encoding="utf-8")
    (static.parent / "secret.txt").write_text("not for you", encoding="utf-8")
    (static / "assets" / "link.txt").symlink_to(static.parent / "secret.txt")
    return static


@pytest.mark.parametrize("path", ["/", "/login", "/agent", "/queues", "/qa", f"/qa/{call_id(1)}"])
async def test_every_page_is_the_index_and_is_asked_for_each_time(site: Site, built: Path, path: str) -> None:
    async with site.client().get(path) as answer:
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")
        assert "架け橋" in await answer.text()
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        for name, value in HEADERS.items():
            assert answer.headers[name] == value


async def test_files_with_a_hash_in_their_name_stay_for_ever(site: Site, built: Path) -> None:
    async with site.client().get("/assets/main-abc123.js") as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    async with site.client().get("/icon.svg") as answer:
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "path",
    ["/assets/../../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/assets/",
     "/assets/link.txt", "/assets/%00", "/assets//etc/passwd", "/secret.txt", "/assets/nothing.js"],
)  # fmt: skip
async def test_nothing_outside_the_folder_is_served(site: Site, built: Path, path: str) -> None:
    url = URL(site.url + path, encoded=True)
    made = aiohttp.ClientSession()
    site.clients.append(made)
    async with made.get(url) as answer:
        assert answer.status == 404
        assert "not for you" not in await answer.text()


async def test_pages_that_are_not_built_say_how(site: Site) -> None:
    async with site.client().get("/agent") as answer:
        assert answer.status == 503
        assert "npm run build" in await answer.text()


async def test_every_answer_carries_the_security_headers(site: Site) -> None:
    client = await site.logged_in("tanaka")
    for path in ("/api/me", "/api/nonsense", "/healthz", "/agent", "/api/openapi.json"):
        async with client.get(path) as answer:
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, path
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
