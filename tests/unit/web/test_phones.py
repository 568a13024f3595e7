"""One's own phone: what it is, with what the page registers, and where the page may connect to."""

from __future__ import annotations

from dataclasses import dataclass

from cti.domain.errors import NotFound, Unavailable
from cti.domain.model import AgentId, TenantId
from cti.web.context import PARTS
from cti.web.phoneports import PhoneLogIn
from cti.web.server import content_policy
from tests.unit.web.conftest import Site

LOG_IN = PhoneLogIn(
    url="wss://cti.example.com:8089/ws", endpoint="demo-sato", domain="cti.example.com", secret="s" * 32
)


@dataclass
class FakePhones:
    """Sato's is in the browser."""

    away: bool = False

    async def in_browser(self, tenant: TenantId, agent: AgentId) -> bool:
        if self.away:
            raise Unavailable("away")
        return agent == "sato"

    async def log_in(self, tenant: TenantId, agent: AgentId) -> PhoneLogIn:
        if not await self.in_browser(tenant, agent):
            raise NotFound("no")
        return LOG_IN


def given(site: Site, phones: FakePhones) -> None:
    object.__setattr__(site.server.app[PARTS], "phones", phones)


async def test_a_page_that_is_a_phone_is_told_with_what_it_registers(site: Site) -> None:
    given(site, FakePhones())
    sato = await site.logged_in("sato")
    async with sato.get("/api/my/phone") as answer:
        assert await answer.json() == {"phone": "browser"}
    async with sato.post("/api/my/phone") as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert await answer.json() == {
            "url": LOG_IN.url, "user": "demo-sato", "domain": "cti.example.com", "secret": LOG_IN.secret,
        }  # fmt: skip


async def test_nobody_is_told_another_phones_secret(site: Site) -> None:
    given(site, FakePhones())
    suzuki = await site.logged_in("suzuki")
    async with suzuki.get("/api/my/phone") as answer:
        assert await answer.json() == {"phone": "sip"}
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
        assert await answer.json() == {"phone": "sip"}


def test_pages_connect_to_asterisks_websocket_and_nowhere_else() -> None:
    assert "connect-src 'self';" in content_policy(None) + ";"
    assert "connect-src 'self' wss://cti.example.com:8089;" in content_policy("wss://cti.example.com:8089/ws") + ";"


def test_a_secret_is_not_in_what_is_printed() -> None:
    assert "ssss" not in repr(LOG_IN)
