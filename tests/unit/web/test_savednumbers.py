"""The phone book over HTTP: who reads it, who keeps it, what is refused, and what the trail says."""

from __future__ import annotations

import pytest

from cti.outbound.rules import Refused
from cti.web.context import PARTS
from tests.unit.web.conftest import Site
from tests.unit.web.saved import FakeSaved
from tests.unit.web.test_dialling import FakeDialling

POLICE = {"name": "渋谷警察署", "reading": "しぶやけいさつしょ", "number": "０３ 3498 0110", "agents": ["sato"]}


@pytest.fixture
def saved(site: Site) -> FakeSaved:
    fake = FakeSaved()
    object.__setattr__(site.server.app[PARTS], "saved", fake)
    return fake


async def test_a_supervisor_keeps_the_book_and_the_agent_reads_it(site: Site, saved: FakeSaved) -> None:
    tanaka, sato = await site.logged_in("tanaka"), await site.logged_in("sato")
    async with tanaka.post("/api/saved-numbers", json=POLICE) as answer:
        assert answer.status == 200, await answer.text()
        made = await answer.json()
    assert (made["national"], made["by_file"], made["changed_by"]) == ("03-3498-0110", False, "tanaka")
    async with sato.get("/api/my/saved-numbers") as answer:
        said = await answer.json()
    (mine,) = said["numbers"]
    assert said["readings"] == {"suzuki": "スズキ イチロウ"}
    assert (mine["id"], mine["e164"], mine["refused"]) == (made["id"], "+81334980110", "dial_off")
    async with tanaka.put(f"/api/saved-numbers/{made['id']}", json={**POLICE, "name": "原宿警察署"}) as answer:
        assert (await answer.json())["name"] == "原宿警察署"
    async with tanaka.get("/api/saved-numbers") as answer:
        assert [row["name"] for row in (await answer.json())["numbers"]] == ["原宿警察署"]
    async with tanaka.delete(f"/api/saved-numbers/{made['id']}") as answer:
        assert answer.status == 204
    trail = [(entry.who, entry.what, entry.which) for entry in site.fakes.audit.entries if "saved" in entry.what]
    assert trail == [("tanaka", f"saved_number.{what}", made["id"]) for what in ("added", "changed", "removed")]
    assert not any("3498" in str(entry.detail) for entry in site.fakes.audit.entries)


async def test_what_may_be_dialled_now_is_told_with_each(site: Site, saved: FakeSaved) -> None:
    dialling = FakeDialling()
    object.__setattr__(site.server.app[PARTS], "dialling", dialling)
    tanaka, sato = await site.logged_in("tanaka"), await site.logged_in("sato")
    async with tanaka.post("/api/saved-numbers", json=POLICE) as answer:
        assert answer.status == 200
    closed = Refused("dial_closed", "2026-11-24 09:00")
    for error, told in ((None, (None, None)), (closed, ("dial_closed", "2026-11-24 09:00"))):
        dialling.error = error
        async with sato.get("/api/my/saved-numbers") as answer:
            (mine,) = (await answer.json())["numbers"]
        assert (mine["refused"], mine["detail"]) == told


@pytest.mark.parametrize(
    ("change", "status", "key"),
    [
        ({"number": "110"}, 409, "dial_emergency"),
        ({"number": "0990-123-456"}, 409, "dial_premium"),
        ({"number": "x" * 41}, 400, "bad_request"),
        ({"name": "  "}, 400, "bad_request"),
        ({"name": "a\nb"}, 400, "bad_request"),
        ({"name": "あ" * 201}, 400, "bad_request"),
        ({"queues": ["nowhere"]}, 400, "bad_request"),
        ({"queues": "members"}, 400, "bad_request"),
        ({"colour": "red"}, 400, "bad_request"),
    ],
)
async def test_what_may_not_be_kept(
    site: Site, saved: FakeSaved, change: dict[str, object], status: int, key: str
) -> None:
    tanaka = await site.logged_in("tanaka")
    async with tanaka.post("/api/saved-numbers", json={**POLICE, **change}) as answer:
        assert (answer.status, (await answer.json())["key"]) == (status, key)
    assert saved.rows == {}


@pytest.mark.parametrize("which", ["p-9", "%00", "a%2Fb", "x" * 65])
async def test_an_entry_that_is_none(site: Site, saved: FakeSaved, which: str) -> None:
    tanaka = await site.logged_in("tanaka")
    for ask in (tanaka.put(f"/api/saved-numbers/{which}", json=POLICE), tanaka.delete(f"/api/saved-numbers/{which}")):
        async with ask as answer:
            assert answer.status == 404
