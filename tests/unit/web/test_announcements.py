"""Announcements over HTTP: who may publish, what is refused and why, what the trail says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.web.conftest import Site
from tests.unit.web.fakes import T0

SOON = (T0 + timedelta(hours=2)).isoformat()
STORM = {"queue": "members", "text": {"ja": "台風です。", "en": "There is a typhoon."}, "ends_at": SOON}


async def test_published_listed_withdrawn_and_audited(site: Site) -> None:
    client = await site.logged_in("tanaka")
    async with client.post("/api/announcements", json=STORM) as answer:
        assert answer.status == 200, await answer.text()
        made = await answer.json()
    assert (made["queue"], made["number"], made["text_en"]) == ("members", None, "There is a typhoon.")
    assert made["published_by"] == "tanaka"
    async with client.get("/api/announcements") as answer:
        assert (await answer.json())["announcements"] == [made]
    async with client.delete(f"/api/announcements/{made['id']}") as answer:
        assert answer.status == 204
    async with client.delete(f"/api/announcements/{made['id']}") as answer:
        assert answer.status == 404
    trail = [(entry.what, entry.which, entry.who) for entry in site.fakes.audit.entries[-2:]]
    assert trail == [("announcement.published", made["id"], "tanaka"), ("announcement.withdrawn", made["id"], "tanaka")]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"queue": None}, "queue or number, one of the two"),
        ({"number": "+815012345000"}, "queue or number, one of the two"),
        ({"text": None}, "prompt or text, one of the two"),
        ({"prompt": "announce-busy"}, "prompt or text, one of the two"),
        ({"queue": "member"}, "no queue 'member'"),
        ({"queue": None, "number": "050-1234"}, "number"),
        ({"text": {"ja": "一\n二", "en": "x"}}, "control characters"),
        ({"text": {"ja": "日本語だけ"}}, "en"),
        ({"text": {"ja": "長" * 301, "en": "x"}}, "300"),
        ({"ends_at": (T0 - timedelta(seconds=1)).isoformat()}, "within 7 days from now"),
        ({"ends_at": (T0 + timedelta(days=8)).isoformat()}, "within 7 days from now"),
    ],
)
async def test_what_cannot_be_announced_says_why(site: Site, change: dict[str, Any], word: str) -> None:
    client = await site.logged_in("tanaka")
    async with client.post("/api/announcements", json={**STORM, **change}) as answer:
        assert answer.status == 400
        body = await answer.json()
    assert any(word in sentence for sentence in body["problems"]), body
    assert site.fakes.announcements.live == {}


async def test_only_supervisors_publish(site: Site) -> None:
    for login, status in (("sato", 403), ("watanabe", 403), ("kanri", 403), ("tanaka", 200)):
        client = await site.logged_in(login)
        async with client.post("/api/announcements", json=STORM) as answer:
            assert answer.status == status
