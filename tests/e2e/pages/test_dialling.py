"""Dialling out from the page: the field by keyboard, what is refused, how far the call has come, a number to click."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser

from cti.demo.folders import PortPool
from cti.domain.effects import Effect, EffectId
from cti.domain.events import CallAnswered, CallbackReported, OwnPhoneRings
from cti.domain.model import CallState, PhoneState, QueueId
from cti.outbound.desk import OutboundDesk
from cti.outbound.rules import OutboundRules
from cti.web.context import PARTS
from cti.web.texts import text
from tests.e2e.pages.browser import until, window
from tests.e2e.pages.records import DEMO, SATO, ringing_call
from tests.e2e.pages.scenes import at_desk
from tests.e2e.pages.site import Site, now, running_site
from tests.e2e.pages.sound import Sound
from tests.e2e.pages.test_access import violations

RULES = OutboundRules(number="+815012345000", queue=QueueId("members"), language="ja")
SAID = "document.querySelector('#dial-said').textContent"


class Orders:
    """Takes every order."""

    def __init__(self, site: Site) -> None:
        self.taken: list[str] = []
        self.later = timedelta()
        desk = OutboundDesk(
            sender=self, rules=lambda _: RULES, why_not=lambda *_: None, endpoint=lambda *_: "demo-sato",
            clock=self.clock,
        )  # fmt: skip
        object.__setattr__(site.server.app[PARTS], "dialling", desk)

    def clock(self) -> datetime:
        return now() + self.later

    async def do(self, effect: Effect, *also: Any) -> None:
        self.taken.append(effect.body["number"])
        self.later += timedelta(minutes=1)  # the next click is another wish

    def seen(self, effect_id: EffectId) -> None:
        raise AssertionError("nobody tells it here")


@pytest.mark.parametrize(("language", "dark", "width"), [("ja", True, 1366), ("en", False, 390)])
async def test_an_agent_dials(
    browser: Browser, ports: PortPool, sound: Sound, language: str, dark: bool, width: int
) -> None:
    async with (
        running_site(ports.tcp(), sound) as site,
        window(browser, width=width, language=language, dark=dark) as seen,
    ):
        seen.expected.append("status of 409")
        orders = Orders(site)
        await at_desk(site, seen)
        page = seen.page
        await page.locator("#dial-number").wait_for()
        await page.keyboard.press("d")
        await page.keyboard.type("0990-123-456")
        await page.keyboard.press("Enter")
        await until(page, f"{SAID}.includes({text('dial_premium', language)!r})")
        assert await violations(seen) == []
        await page.locator("#dial-number").fill("０９０ 1234 5678")
        await page.keyboard.press("Enter")
        await until(page, f"{SAID}.includes('090-1234-5678')")
        assert orders.taken == ["+819012345678"]
        call = replace(ringing_call(1, now()), offers=(), queue=None, queued_at=None, extra={"dialled_by": "sato"})
        site.set_phone(PhoneState.RINGING)
        site.happen(OwnPhoneRings(at=now(), tenant=DEMO, call=call, agent=SATO))
        reach = page.locator(".facts")
        await reach.get_by_text({"ja": "呼び出しています", "en": "Ringing"}[language]).wait_for()
        assert await page.locator(".number-to-dial").count() == 0, "not while it rings"
        site.set_phone(PhoneState.BUSY)
        call = replace(call, state=CallState.TALKING, answered_at=now())
        site.happen(CallAnswered(at=now(), tenant=DEMO, call=call, agent=SATO, offer_id=None))
        site.happen(CallbackReported(at=now(), tenant=DEMO, call=call, effect_id="e" * 32, status="ANSWER"))
        await reach.get_by_text({"ja": "つながりました", "en": "Connected"}[language]).wait_for()
        site.hang_up(call)
        async with page.expect_response(lambda one: one.url.endswith("/api/my/dial") and one.request.method == "POST"):
            await page.locator(".identity .number-to-dial:not([aria-disabled])").click()
        assert len(orders.taken) == 2
        assert await violations(seen) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways"
        assert seen.unexpected() == []
