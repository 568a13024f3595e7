"""Dialling over HTTP: what is asked, what is answered, and what each refusal says in both languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from cti.domain.errors import NotFound, Unavailable
from cti.domain.model import AgentId, CallId, TenantId
from cti.outbound.desk import Dialled, Dialling, Ordered
from cti.outbound.rules import NEVER, Refused
from cti.web.context import PARTS
from tests.unit.web.conftest import Site

GOOD = "090-1234-5678"


@dataclass
class FakeDialling:
    """Takes every order, or answers with ``error``."""

    error: Exception | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    async def dial(self, tenant: TenantId, agent: AgentId, text: str) -> Dialled:
        self.asked.append((tenant, agent, text))
        if self.error is not None:
            raise self.error
        return Dialled(call_id=CallId("c-1"), shown=GOOD)

    def dialling(self, tenant: TenantId, agent: AgentId) -> Dialling:
        order = Ordered(call_id=CallId("c-1"), state="lost") if self.asked else None
        return Dialling(number="+815012345000", left=7, order=order)

    def refusal(self, tenant: TenantId, agent: AgentId, text: str) -> Refused | None:
        return self.error if isinstance(self.error, Refused) else None

    def refusals(self, tenant: TenantId, agent: AgentId, texts: Sequence[str]) -> list[Refused | None]:
        return [self.refusal(tenant, agent, text) for text in texts]


@pytest.fixture
def dialling(site: Site) -> FakeDialling:
    fake = FakeDialling()
    object.__setattr__(site.server.app[PARTS], "dialling", fake)
    return fake


async def test_an_agent_dials_and_is_told_the_number_as_people_write_it(site: Site, dialling: FakeDialling) -> None:
    sato = await site.logged_in("sato")
    async with sato.post("/api/my/dial", json={"number": "０９０１２３４５６７８"}) as answer:
        assert (answer.status, await answer.json()) == (200, {"call_id": "c-1", "number": GOOD})
    async with sato.get("/api/my/dial") as answer:
        order = {"call_id": "c-1", "state": "lost"}
        wanted = {"number": "+815012345000", "left": 7, "refused": None, "detail": None, "order": order}
        assert await answer.json() == wanted
    assert dialling.asked == [("demo", "sato", "０９０１２３４５６７８")]


@pytest.mark.parametrize(
    ("error", "status", "key", "detail"),
    [
        (Refused("dial_prefix", "03, 080"), 409, "dial_prefix", "03, 080"),
        (Refused("dial_emergency"), 409, "dial_emergency", None),
        (NotFound("no such agent"), 403, "no_agent", None),
        (Unavailable("Asterisk is away"), 503, "unavailable", None),
    ],
)
async def test_a_refusal_says_why(
    site: Site, dialling: FakeDialling, error: Exception, status: int, key: str, detail: str | None
) -> None:
    dialling.error = error
    sato = await site.logged_in("sato")
    async with sato.post("/api/my/dial", json={"number": GOOD}) as answer:
        said = await answer.json()
        assert (answer.status, said["key"], said.get("detail")) == (status, key, detail)


async def test_what_would_be_said_of_a_number_is_told_before_anybody_dials(site: Site, dialling: FakeDialling) -> None:
    dialling.error = Refused("dial_prefix", "03, 080")
    sato = await site.logged_in("sato")
    async with sato.get("/api/my/dial", params={"number": GOOD}) as answer:
        said = await answer.json()
    assert (said["refused"], said["detail"]) == ("dial_prefix", "03, 080")
    async with sato.get("/api/my/dial", params={"number": "0" * 41}) as answer:
        assert answer.status == 400
    assert dialling.asked == []


@pytest.mark.parametrize("body", [{}, {"number": ""}, {"number": "0" * 41}, {"number": 90}, {"number": GOOD, "x": 1}])
async def test_what_is_no_order_reaches_nobody(site: Site, dialling: FakeDialling, body: dict[str, object]) -> None:
    sato = await site.logged_in("sato")
    async with sato.post("/api/my/dial", json=body) as answer:
        assert answer.status == 400
    assert dialling.asked == []


async def test_every_refusal_has_words_of_its_own_in_each_language(site: Site, dialling: FakeDialling) -> None:
    sato = await site.logged_in("sato")
    said: dict[str, set[str]] = {"ja": set(), "en": set()}
    keys = {*NEVER.values(), "dial_closed", "dial_agent_cap", "dial_desk_cap", "dial_off", "dial_busy"}
    for key in sorted(keys):
        dialling.error = Refused(key)
        for language, titles in said.items():
            header = {"Accept-Language": language}
            async with sato.post("/api/my/dial", json={"number": GOOD}, headers=header) as answer:
                titles.add((await answer.json())["title"])
    assert {language: len(titles) for language, titles in said.items()} == {"ja": len(keys), "en": len(keys)}
    assert not said["ja"] & said["en"]


async def test_a_server_without_a_way_out_says_so(site: Site) -> None:
    sato = await site.logged_in("sato")
    async with sato.get("/api/my/dial") as answer:
        assert await answer.json() == {"number": None, "left": 0, "refused": None, "detail": None, "order": None}
    async with sato.post("/api/my/dial", json={"number": GOOD}) as answer:
        assert (answer.status, (await answer.json())["key"]) == (409, "dial_off")
