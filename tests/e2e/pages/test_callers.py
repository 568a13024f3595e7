"""Who is calling, in a real browser: chosen and verified by keyboard, seen by a colleague, and nothing jumps."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from cti.demo.folders import PortPool
from cti.domain.events import CallArrived, ConsultBegan
from cti.domain.model import AgentId, QueueId
from cti.domain.verification import VerificationPolicy, VerificationStep
from cti.linking.contract import LookupAnswer, LookupRequest
from cti.linking.linker import Linker
from cti.store.callers import CallerStore
from cti.store.links import LinkStore
from cti.web.context import PARTS
from cti.wiring.callers import StoredCallers
from tests.e2e.pages import records
from tests.e2e.pages.browser import window
from tests.e2e.pages.caller_scenes import earlier, said_of, with_calls
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.records import complete, linked, member, reservation, ticket
from tests.e2e.pages.site import PASSWORD, Site, now, running_site
from tests.e2e.pages.sound import Sound
from tests.unit.linking.builders import FakeLookups

LONG_MS = 20_000  # a bound, not a promise: the machine may be busy with other tests
SHIFTS = """() => {
    window.shifted = []
    const named = (node) => node instanceof Element ? node.className || node.nodeName : named(node.parentElement)
    new PerformanceObserver((list) => {
        for (const one of list.getEntries()) for (const { node, previousRect, currentRect } of one.sources)
            window.shifted.push([node ? named(node) : '?', previousRect.toJSON(), currentRect.toJSON()])
    }).observe({ type: 'layout-shift' })
}"""
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
POLICY = VerificationPolicy(
    policy="identity",
    queues=frozenset({QueueId("roadside")}),
    steps=(
        VerificationStep(step="birthday", name_ja="生年月日", name_en="Date of birth"),
        VerificationStep(step="plate", name_ja="ナンバーの下4桁", name_en="Last four of the plate"),
    ),
    needed=1,
    failures_most=0,
)


class _Bus:
    def __init__(self, site: Site) -> None:
        self.site = site

    def publish(self, event: Any) -> None:
        self.site.happen(event)


def company(_: LookupRequest) -> LookupAnswer:
    """Two drivers of one number, of the same reading."""
    asked = [{"prompt": "生年月日", "answer": "1980-01-02", "code": "birthday"}]
    people = [
        member(one, name, name_kana=kana, company="株式会社みなと設備", matched_by=["number"], verification=asked)
        for one, name, kana in (("M-1", "小林 誠", "コバヤシ マコト"), ("M-2", "小林 真琴", "コバヤシ マコト"))
    ]
    car = reservation(now(), "48120041", member_id="M-2", terms=[])
    said = {"as_of": now().isoformat(), "members": people, "reservations": [car], "tickets": []}
    return LookupAnswer.model_validate(said)


def look_up(site: Site, pool: asyncpg.Pool[Any]) -> Linker:
    """The real linker and store behind the pages, asked by a played service."""
    store = CallerStore(pool)
    linker = Linker(FakeLookups(company), _Bus(site), now, retry_s=(), policy_of=lambda *_: POLICY, earlier=store)
    callers = StoredCallers(linker, store, LinkStore(pool), now)
    object.__setattr__(site.server.app[PARTS], "callers", callers)
    return linker


async def at_desk(site: Site, opened: Opener, login: str) -> Page:
    seen = await opened(language="ja")
    await seen.log_in(site.url, login, PASSWORD)
    await expect(seen.page.locator(".own-state")).to_be_visible(timeout=LONG_MS)
    return seen.page


def part(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


async def test_a_choice_by_keyboard_is_seen_by_a_colleague_and_taken_back(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any]
) -> None:
    linker = look_up(site, pool)
    page = await at_desk(site, opened, "sato")
    call = site.ring(caller=records.COMPANY, menu=None)
    linker.handle(CallArrived(at=now(), tenant=call.tenant, call=call))
    people = part(page, "お客様")
    await expect(people.locator(".cards > li")).to_have_count(2, timeout=LONG_MS)
    await expect(people).to_contain_text("コバヤシ マコト")
    await expect(people).to_contain_text("品川 330 わ 12-34")  # the car tells two of the same reading apart
    first = people.locator(".choose-member").first
    await expect(first).to_have_attribute("aria-disabled", "true")
    call = site.answer(call)
    await expect(first).to_have_attribute("aria-disabled", "false", timeout=LONG_MS)
    await page.keyboard.press("w")
    await expect(first).to_be_focused(timeout=LONG_MS)
    await page.keyboard.press("Enter")  # the first: out with a car
    who, verified = page.locator(".who-calls"), page.locator(".who-calls .verify-verified")
    await expect(who.locator(".name")).to_have_text("小林 真琴", timeout=LONG_MS)
    await expect(who).to_contain_text("担当者が確認", timeout=LONG_MS)
    await expect(people).to_contain_text("佐藤 花子 が選択", timeout=LONG_MS)
    await expect(people).to_be_focused(timeout=LONG_MS)  # the button is gone, the keyboard is where it was
    await expect(people.locator(".verify-step").first).to_contain_text("1980-01-02", timeout=LONG_MS)
    await page.keyboard.press("i")
    await page.keyboard.press("Enter")
    await expect(verified).to_contain_text("本人確認済み 佐藤 花子", timeout=LONG_MS)
    await page.reload()
    await expect(verified).to_be_visible(timeout=LONG_MS)

    other = await at_desk(site, opened, "suzuki")
    site.happen(ConsultBegan(at=now(), tenant=call.tenant, call=call, agent=AgentId("suzuki")))
    await expect(other.locator(".who-calls .name")).to_have_text("小林 真琴", timeout=LONG_MS)
    await expect(other.locator(".who-calls .verify-verified")).to_contain_text("佐藤 花子", timeout=LONG_MS)
    await page.get_by_role("button", name="選択を取り消す").press("Enter")
    for one in (page, other):
        await expect(one.locator(".who-calls .name")).to_have_text("2名の可能性", timeout=LONG_MS)
        await expect(one.locator(".verify-verified")).to_have_count(0, timeout=LONG_MS)
    await linker.stop()


PLACES = """() => [...document.querySelectorAll(".talk, .identity > *, .facts, .menu-facts, .part, .after")]
    .map((one) => [one.classList[0] || one.nodeName, ...Object.values(one.getBoundingClientRect().toJSON())].join())"""


async def test_nothing_moves_while_a_call_fills_in(browser: Browser, ports: PortPool, sound: Sound) -> None:
    async with running_site(ports.tcp(), sound) as site:
        for width in (1366, 390):
            async with window(browser, width=width) as seen:
                page = seen.page
                await seen.log_in(site.url, "sato", PASSWORD)
                await expect(page.locator(".own-state")).to_be_visible(timeout=LONG_MS)
                call = site.ring()
                await expect(page.locator(".pop-ringing")).to_be_visible(timeout=LONG_MS)
                before = await page.evaluate(PLACES)
                await page.evaluate(SHIFTS)
                known = said_of(complete(call, now()), state="unverified")
                site.happen(with_calls(known, status="pending"))
                await expect(page.locator(".who-calls .name")).to_have_text("高橋 由美", timeout=LONG_MS)
                notes = [earlier(n, "再起動を案内" * 9) for n in range(5)]
                site.happen(with_calls(known, *notes))
                await expect(page.locator(".part-wide .cards > li")).to_have_count(5, timeout=LONG_MS)
                people = [member(f"M-{n}", records.LONG_JA) for n in range(9)]
                cars, asked = [reservation(now())], [ticket(now())]
                site.happen(linked(call, now(), members=people, reservations=cars, tickets=asked))
                await expect(part(page, "Customer").locator(".cards > li")).to_have_count(9, timeout=LONG_MS)
                await page.evaluate(FRAMES)
                assert await page.evaluate(PLACES) == before
                assert await page.evaluate("window.shifted") == []
                site.ring_out(call)
                assert seen.unexpected() == []


@pytest.mark.parametrize(("width", "dark"), [(1366, True), (390, False), (3840, True)])
async def test_words_made_to_break_the_parts(
    browser: Browser, ports: PortPool, sound: Sound, width: int, dark: bool
) -> None:
    texts = (records.MARKUP, records.ARABIC, records.LONG_WORD, records.LONG_JA)
    async with running_site(ports.tcp(), sound) as site, window(browser, width=width, dark=dark) as seen:
        page = seen.page
        await seen.log_in(site.url, "sato", PASSWORD)
        await expect(page.locator(".own-state")).to_be_visible(timeout=LONG_MS)
        event = linked(
            site.ring(), now(),
            members=[member("M-1001", records.ARABIC, name_kana=records.MARKUP), member("M-2", records.LONG_WORD)],
            reservations=[reservation(now(), member_name=records.ARABIC)], tickets=[ticket(now(), records.MARKUP)],
        )  # fmt: skip
        event = said_of(event, by=records.LONG_JA, chosen_by=records.ARABIC, step=records.LONG_WORD)
        site.happen(with_calls(event, *(earlier(n, text) for n, text in enumerate(texts))))
        for one in ("Tickets", "Earlier calls of this customer"):
            await expect(part(page, one)).to_contain_text("<script>document.title='broken in'", timeout=LONG_MS)
        await expect(page).to_have_title("☎ 090-1234-5678 – Kakehashi")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
        too_wide = """[...document.querySelectorAll('.part')].filter((one) => one.scrollWidth > one.clientWidth)
            .map((one) => [...one.querySelectorAll('*')].filter((in_it) => in_it.getBoundingClientRect().right >
                one.getBoundingClientRect().right).map((in_it) => in_it.className || in_it.nodeName))"""
        assert await page.evaluate(too_wide) == [], "a part scrolls sideways"
        own_direction = (
            "(text) => [...document.querySelectorAll('.pop *')].filter((one) => one.childElementCount === 0"
            " && one.textContent.includes(text) && !one.closest('bdi')).length"
        )
        assert await page.evaluate(own_direction, records.ARABIC) == 0, "a name from right to left turns its neighbours"
        assert seen.unexpected() == []
