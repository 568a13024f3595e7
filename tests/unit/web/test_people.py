"""Disclosure and erasure over HTTP; what they do is held by tests/contract/recording/test_people.py."""

from __future__ import annotations

import aiohttp
import pytest

from cti.domain.errors import Unavailable
from cti.domain.person import Person
from cti.web.context import PARTS
from tests.unit.web.conftest import Site
from tests.unit.web.fakes import DEMO, call_id
from tests.unit.web.privacy import ERASURE_ID as ID
from tests.unit.web.privacy import FakePeople


@pytest.fixture
def people(site: Site) -> FakePeople:
    made = FakePeople()
    object.__setattr__(site.server.app[PARTS], "people", made)
    return made


HER = {"numbers": ["090-1234-5678", "+81 90 1234 5678"], "member_id": "M-7", "reference": " D-17 "}


async def test_an_erasure_is_ordered_for_numbers_as_people_write_them(site: Site, people: FakePeople) -> None:
    client = await site.logged_in("hogo")
    async with client.post("/api/people/erasures", json=HER) as answer:
        body = await answer.json()
    assert (answer.status, body["erasure_id"], body["waiting"], body["counts"]) == (202, ID, 1, {"notes": 3})
    person = Person(tenant=DEMO, numbers=("+819012345678",), member_id="M-7")
    assert people.asked == [(person, "hogo", "127.0.0.1", "D-17")]
    for path, status in ((f"/api/people/erasures/{ID}", 200), ("/api/people/erasures/x", 404),
                         (f"/api/people/erasures/{ID[:-1]}7", 404)):  # fmt: skip
        async with client.get(path) as answer:
            assert answer.status == status
    async with client.get("/api/people/erasures") as answer:
        assert [one["erasure_id"] for one in (await answer.json())["erasures"]] == [ID]


async def test_a_dry_look_says_what_would_stay_and_is_in_the_trail(site: Site, people: FakePeople) -> None:
    client = await site.logged_in("hogo")
    async with client.post("/api/people/counts", json=HER) as answer:
        body = await answer.json()
    assert (body["counts"], body["live"]) == ({"calls": 2, "held": 1}, [call_id(2)])
    assert [(one["call_id"], one["set_by"], one["reason"]) for one in body["held"]] == [
        (call_id(1), "legal", "case 17")
    ]
    entry = site.fakes.audit.entries[-1]
    assert (entry.who, entry.what, entry.which, entry.detail) == ("hogo", "person.looked_up", "", {"reference": "D-17"})
    assert people.asked == []
    site.fakes.audit.away = True  # what cannot be traced is not done
    async with client.post("/api/people/counts", json=HER) as answer:
        assert answer.status == 503


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"reference": "1"}, "number or a member_id"),
        ({"numbers": ["12"], "reference": "1"}, "numbers.0"),
        ({"numbers": ["090-1234-5678", "anonymous"], "reference": "1"}, "numbers.1"),
        ({"numbers": ["090-1234-5678"]}, "reference"),
        ({"numbers": ["090-1234-5678"], "reference": "x" * 101}, "reference"),
        ({"numbers": ["0"] * 21, "reference": "1"}, "numbers"),
        ({"member_id": "", "reference": "1"}, "member_id"),
        ({"member_id": "M\x00", "reference": "1"}, "member_id"),
        ({"member_id": "M-1", "reference": "1\x00"}, "reference"),
    ],
)
async def test_a_wrong_wish_is_named_and_nothing_happens(
    site: Site, people: FakePeople, body: dict[str, object], word: str
) -> None:
    client = await site.logged_in("hogo")
    for path in ("erasures", "export", "counts"):
        async with client.post(f"/api/people/{path}", json=body) as answer:
            said = await answer.json()
        assert (answer.status, said["key"]) == (400, "bad_request")
        assert word in " ".join(said["problems"])
    assert people.asked == []


async def test_the_archive_comes_in_pieces(site: Site, people: FakePeople) -> None:
    client = await site.logged_in("hogo")
    async with client.post("/api/people/export", json=HER) as answer:
        assert (answer.status, await answer.read()) == (200, b"PKrest")
        assert answer.headers["Content-Type"] == "application/zip"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="disclosure.zip"'


async def test_an_archive_that_breaks_off_does_not_look_whole(site: Site, people: FakePeople) -> None:
    client = await site.logged_in("hogo")
    people.pieces = [b"PK", Unavailable("away")]
    with pytest.raises(aiohttp.ClientError):
        async with client.post("/api/people/export", json=HER) as answer:
            await answer.read()
    people.pieces = [Unavailable("away")]
    async with client.post("/api/people/export", json=HER) as answer:
        assert answer.status == 503
