"""Remarks at a second of a recording, searches of one's own, the search itself over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cti.domain.aftercall import Reason
from cti.domain.callsearch import SearchTooSlow
from cti.domain.model import UserLogin
from cti.web.callsearch import with_those_below
from tests.unit.web.conftest import Site
from tests.unit.web.fakes import call_id, recording


async def ask(client: Any, method: str, path: str, status: int, body: Any = None) -> Any:
    async with client.request(method, path, **({} if body is None else {"json": body})) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json() if answer.content_type.endswith("json") else None


COMMENTS = f"/api/recordings/{call_id(1)}/comments"


async def test_a_remark_is_written_anew_and_taken_away_by_its_author_and_the_trail_knows(site: Site) -> None:
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    client = await site.logged_in("watanabe")
    hostile = "<script>alert(1)</script>\nここで聞き返した"
    made = await ask(client, "POST", COMMENTS, 201, {"at_s": 83.5, "text": f"  {hostile} "})
    assert (made["at_s"], made["text"], made["mine"], made["edited_at"]) == (83.5, hostile, True, None)
    edited = await ask(client, "PUT", f"{COMMENTS}/{made['comment_id']}", 200, {"text": "直した"})
    assert edited["text"] == "直した"
    assert edited["edited_at"] is not None
    assert [one["text"] for one in (await ask(client, "GET", COMMENTS, 200))["comments"]] == ["直した"]
    await ask(client, "DELETE", f"{COMMENTS}/{made['comment_id']}", 204)
    await ask(client, "DELETE", f"{COMMENTS}/{made['comment_id']}", 404)
    assert await ask(client, "GET", COMMENTS, 200) == {"comments": []}
    trail = [entry for entry in site.fakes.audit.entries if entry.what.startswith("comment.")]
    assert [entry.what for entry in trail] == ["comment.added", "comment.edited", "comment.deleted"]
    assert all(entry.which == call_id(1) and "text" not in entry.detail for entry in trail)


async def test_nobody_changes_anothers_remark(site: Site) -> None:
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    made = await ask(await site.logged_in("watanabe"), "POST", COMMENTS, 201, {"at_s": 1, "text": "a"})
    for kept in site.fakes.listening.kept.values():
        kept[:] = [replace(one, author=UserLogin("tanaka")) for one in kept]
    client = await site.logged_in("watanabe")
    assert [one["mine"] for one in (await ask(client, "GET", COMMENTS, 200))["comments"]] == [False]
    await ask(client, "PUT", f"{COMMENTS}/{made['comment_id']}", 404, {"text": "b"})
    await ask(client, "DELETE", f"{COMMENTS}/{made['comment_id']}", 404)


@pytest.mark.parametrize(
    "body",
    [
        {"at_s": -1, "text": "a"}, {"at_s": 1, "text": " "}, {"at_s": 1, "text": "a" * 2001},
        {"at_s": 1, "text": "a\0b"},
        {"at_s": 1e9, "text": "a"}, {"text": "a"}, {"at_s": 1, "text": "a", "author": "tanaka"},
    ],
)  # fmt: skip
async def test_a_remark_that_cannot_be_is_refused(site: Site, body: Any) -> None:
    site.fakes.recordings.rows[call_id(1)] = recording(1)
    await ask(await site.logged_in("watanabe"), "POST", COMMENTS, 400, body)
    assert site.fakes.listening.kept == {}


async def test_there_is_nothing_to_remark_on_in_a_call_that_is_not_there(site: Site) -> None:
    client = await site.logged_in("watanabe")
    await ask(client, "POST", COMMENTS, 404, {"at_s": 1, "text": "a"})
    await ask(client, "PUT", f"{COMMENTS}/none", 404, {"text": "a"})


async def test_searches_are_ones_own(site: Site) -> None:
    client = await site.logged_in("watanabe")
    await ask(client, "PUT", "/api/my/searches", 200, {"name": "昨日の解錠", "query": "text=%E8%A7%A3&since=yesterday"})
    await ask(client, "PUT", "/api/my/searches", 200, {"name": "昨日の解錠", "query": "queue=members"})
    found = await ask(client, "GET", "/api/my/searches", 200)
    assert found == {"searches": [{"name": "昨日の解錠", "query": "queue=members"}]}
    await ask(client, "DELETE", "/api/my/searches/昨日の解錠", 204)
    await ask(client, "DELETE", "/api/my/searches/昨日の解錠", 404)
    for number in range(50):
        await ask(client, "PUT", "/api/my/searches", 200, {"name": f"{number}", "query": ""})
    await ask(client, "PUT", "/api/my/searches", 409, {"name": "one more", "query": ""})


async def test_filters_reach_the_search(site: Site) -> None:
    client = await site.logged_in("watanabe")
    await ask(
        client, "GET",
        "/api/recordings?text=解錠&plate=12-34&caller=company&recorded=true&min_silence=0.5&min_transfers=1&reservation=R1",
        200,
    )  # fmt: skip
    asked = site.fakes.recordings.asked[-1]
    assert (asked.text, asked.plate, asked.caller, asked.recorded) == ("解錠", "12-34", "company", True)
    assert (asked.min_silence, asked.min_transfers, asked.reservation) == (0.5, 1, "R1")
    for wrong in (
        "min_silence=2",
        "caller=police",
        "recorded=perhaps",
        "plate=1",
        "text=" + "a" * 201,
        "min_transfers=-1",
    ):
        await ask(client, "GET", f"/api/recordings?{wrong}", 400)
    assert await ask(client, "GET", "/api/recordings/count", 200) == {"count": 0, "more": False, "filled_to": None}


async def test_a_search_that_takes_too_long_says_what_to_do(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(*_: Any) -> Any:
        raise SearchTooSlow("3 s")

    monkeypatch.setattr(site.fakes.recordings, "page", slow)
    monkeypatch.setattr(site.fakes.recordings, "count", slow)
    client = await site.logged_in("watanabe")
    for path in ("/api/recordings", "/api/recordings/count"):
        assert (await ask(client, "GET", path, 422))["key"] == "search_too_slow"


def test_a_reason_is_looked_for_with_those_below_it() -> None:
    tree = [
        Reason(reason=reason, parent=parent, name_ja="", name_en="")
        for reason, parent in (("a", None), ("a.b", "a"), ("a.b.c", "a.b"), ("d", None), ("loop", "loop"))
    ]
    assert with_those_below("a", tree) == ("a", "a.b", "a.b.c")
    assert with_those_below("loop", tree) == ("loop",)
    assert with_those_below("gone", tree) == ("gone",)
    assert with_those_below(None, tree) == ()
