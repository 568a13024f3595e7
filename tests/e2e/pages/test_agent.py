"""An agent's shift: log-in, first password, states, the pop from the first ring to the end of after-call work."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from playwright.async_api import Page, expect

from cti.domain.model import AgentState, PhoneState
from tests.e2e.pages import records
from tests.e2e.pages.browser import until
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.records import complete, linked, member, reservation, ticket
from tests.e2e.pages.site import PASSWORD, Site, now


async def at_desk(site: Site, opened: Opener, **how: Any) -> Page:
    seen = await opened(**how)
    await seen.log_in(site.url, "sato", PASSWORD)
    await expect(seen.page.locator(".own-state")).to_be_visible()
    return seen.page


async def test_a_wrong_password_is_said_in_the_pages_language(site: Site, opened: Opener) -> None:
    seen = await opened(language="ja")
    await seen.log_in(site.url, "sato", "wrong")
    await expect(seen.page.get_by_role("alert")).to_have_text("ログイン名またはパスワードが違います。")
    await expect(seen.page.locator("input[name=password]")).to_be_focused()
    await seen.page.get_by_role("button", name="English").click()
    await seen.page.keyboard.press("Tab")
    await seen.page.reload()
    await expect(seen.page.get_by_role("heading", name="Log in")).to_be_visible()  # kept over a reload
    await expect(seen.page.locator("html")).to_have_attribute("lang", "en")


async def test_the_first_password_has_to_be_changed(site: Site, opened: Opener) -> None:
    seen = await opened()
    page = seen.page
    seen.expected.append("status of 400")
    await seen.log_in(site.url, "shinjin", PASSWORD)
    fields = [page.locator(f"input[name={name}]") for name in ("current", "new", "again")]
    for texts, says in (
        ((PASSWORD, "ichiban-no-kagi", "niban-no-kagi-da"), "The two new passwords differ."),
        ((PASSWORD, PASSWORD, PASSWORD), "The new password is the old one. Choose another."),
    ):
        for one, text in zip(fields, texts, strict=True):
            await one.fill(text)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text(says)
    for one, text in zip(fields, (PASSWORD, "ichiban-no-kagi", "ichiban-no-kagi"), strict=True):
        await one.fill(text)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No call", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Log out").click()
    await seen.log_in(site.url, "shinjin", "ichiban-no-kagi")
    await expect(page.get_by_text("No call", exact=True)).to_be_visible()


async def test_by_keyboard_alone(site: Site, opened: Opener) -> None:
    seen = await opened()
    page, press = seen.page, seen.page.keyboard.press
    await page.goto(site.url)
    await expect(page.locator("input[name=login]")).to_be_focused()
    await page.keyboard.type("sato")
    await press("Tab")
    await page.keyboard.type(PASSWORD)
    await press("Enter")
    await expect(page.locator(".state-word")).to_have_text("Available")

    await press("b")
    await expect(page.get_by_role("button", name="Lunch")).to_be_focused()
    await press("Tab")
    await press("Enter")
    await expect(page.locator(".state-word")).to_have_text("Break")
    await expect(page.get_by_role("button", name="Short break")).to_have_attribute("aria-pressed", "true")
    assert site.desk.agents[records.SATO].reason == "rest"

    await press("?")
    keys = page.get_by_role("dialog", name="Keys")
    await expect(keys).to_contain_text("go to my state")
    await keys.get_by_role("checkbox").focus()
    await press("Space")
    await press("Escape")
    await expect(keys).to_be_hidden()
    await page.locator("body").evaluate("document.activeElement.blur()")
    await press("?")
    await press("q")
    await expect(keys).to_be_hidden()  # switched off: dictation types letters
    await page.get_by_role("button", name="Keys").focus()
    await press("Enter")
    await keys.get_by_role("checkbox").focus()
    await press("Space")
    await press("Escape")
    await page.locator("body").evaluate("document.activeElement.blur()")
    await press("q")
    await expect(page.get_by_role("heading", name="Queues")).to_be_visible()
    await press("d")
    await expect(page.locator(".own-state")).to_be_visible()


PLACES = """[".number", ".who-calls", ".facts", ".menu-facts", ".card-grid"]
    .map(s => { const b = document.querySelector(s).getBoundingClientRect(); return [s, b.left, b.top, b.width] })"""


async def test_a_pop_appears_and_fills_without_moving_anything(site: Site, opened: Opener) -> None:
    page = await at_desk(site, opened)
    call = site.ring()
    await expect(page.locator(".pop-ringing .number")).to_have_text("090-1234-5678")
    await expect(page.locator(".facts")).to_contain_text("Roadside help")
    await expect(page.locator("[aria-live=assertive] p")).to_have_text("It rings: 090-1234-5678, Roadside help")
    await expect(page.locator(".part-pending")).to_have_count(4)  # customer, bookings, tickets, earlier calls
    await expect(page).to_have_title("☎ 090-1234-5678 – Kakehashi")
    before = await page.evaluate(PLACES)
    site.happen(complete(call, now()))
    await expect(page.locator(".who-calls .name")).to_have_text("高橋 由美")
    assert await page.evaluate(PLACES) == before
    await expect(page.locator(".part", has_text="Reservations")).to_contain_text("品川 330 わ 12-34")
    await expect(page.locator(".questions")).to_contain_text("1988-04-12")
    # What a screen reader says: the number at once, and then only what is new.
    await expect(page.locator("[aria-live=polite] p")).to_have_text("高橋 由美, Confirmed")
    await expect(page.locator("[aria-live=polite] p")).to_have_attribute("lang", "ja")
    site.ring_out(call)
    await expect(page.locator(".empty").get_by_text("Last offer: not answered")).to_be_visible()
    await expect(page).to_have_title("Desk – Kakehashi")


async def test_a_whole_call_to_the_end_of_after_call_work(site: Site, opened: Opener, pool: asyncpg.Pool[Any]) -> None:
    page = await at_desk(site, opened, language="ja")
    call = site.ring()
    site.happen(complete(call, now()))
    call = site.answer(call)
    await expect(page.locator(".phase")).to_have_text("通話中")
    site.hold(call)
    await expect(page.locator(".phase")).to_have_text("保留中")
    await expect(page.get_by_text("まだ通話がありません。")).to_be_visible()
    await save(pool, records.closed_call(1, now()))  # the recorder's work
    site.hang_up(call)
    await expect(page.locator(".state-word")).to_have_text("後処理")
    await expect(page.locator(".pop-ended .who-calls")).to_contain_text("高橋 由美")
    await expect(page.locator(".today li")).to_contain_text("090-1234-5678")  # read again by itself
    site.set_phone(PhoneState.IDLE)
    await expect(page.locator(".pop-ended")).to_be_visible()  # a phone's change is not the end of the work
    await page.get_by_role("button", name="後処理を終えて受付可にする").click()
    await expect(page.locator(".pop")).to_have_count(0)
    assert site.desk.agents[records.SATO].state is AgentState.AVAILABLE


async def save(pool: asyncpg.Pool[Any], *calls: Any) -> None:
    from cti.store.calls import CallStore

    await CallStore(pool).save(calls)


@pytest.mark.parametrize("width", [1366, 390])
async def test_names_made_to_break_the_page(site: Site, opened: Opener, width: int) -> None:
    page = await at_desk(site, opened, width=width)
    at, call = now(), site.ring()
    people = [member("M-1", records.LONG_JA, notes=[records.LONG_WORD]), member("M-2", records.ARABIC)]
    bookings = [reservation(at, member_name=records.LONG_WORD, terms=[records.LONG_WORD], status="lost")]
    site.happen(linked(call, at, members=people, reservations=bookings, tickets=[ticket(at, records.MARKUP)]))
    await expect(page.locator(".part", has_text="Tickets")).to_contain_text("<script>document.title='broken in'")
    await expect(page).to_have_title("☎ 090-1234-5678 – Kakehashi")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    more = page.get_by_role("button", name="show all").first
    await more.click()
    await expect(page.get_by_role("region", name="Customer", exact=True)).to_contain_text("御中")


async def test_a_refused_state_is_said_and_not_shown(site: Site, opened: Opener) -> None:
    page = await at_desk(site, opened)
    site.desk.refuse = "not now"
    await page.get_by_role("button", name="Training").click()
    await expect(page.locator(".own-state").get_by_role("alert")).not_to_be_empty()
    await expect(page.locator(".state-word")).to_have_text("Available")
    site.desk.refuse = None
    await page.get_by_role("button", name="Offline").click()
    await expect(page.locator(".state-word")).to_have_text("Offline")
    await expect(page.locator(".own-state .problem")).to_have_text("")


async def test_the_server_restarts_under_a_ringing_phone(site: Site, opened: Opener) -> None:
    seen = await opened()
    seen.expected += ["ERR_CONNECTION_REFUSED", "WebSocket connection"]
    page = seen.page
    await seen.log_in(site.url, "sato", PASSWORD)
    call = site.ring()
    await expect(page.locator(".pop-ringing")).to_be_visible()
    await site.go_down()
    await expect(page.get_by_text("The connection to the server is lost")).to_be_visible()
    await page.get_by_role("button", name="Training").click()
    await expect(page.locator(".own-state").get_by_role("alert")).to_contain_text("cannot be reached")
    site.answer(call)  # meanwhile
    await site.come_up()
    await expect(page.locator(".pop-talking .number")).to_have_text("090-1234-5678")
    await expect(page.get_by_text("The connection to the server is lost")).to_be_hidden()


async def test_two_tabs_are_one_person(site: Site, opened: Opener) -> None:
    seen = await opened()
    seen.expected.append("HTTP Authentication failed")  # a tab may learn of the log-out by connecting once more
    await seen.log_in(site.url, "sato", PASSWORD)
    await expect(seen.page.locator(".state-word")).to_be_visible()  # the other tab needs the log-in's cookie
    other = await seen.context.new_page()
    await other.goto(f"{site.url}/agent")
    await other.get_by_role("button", name="Training").click()
    await expect(seen.page.locator(".state-word")).to_have_text("Training")
    await other.get_by_role("button", name="日本語").click()
    await expect(seen.page.locator(".state-word")).to_have_text("研修")
    await other.get_by_role("button", name="ログアウト").click()
    over = "ログインの有効期限が切れました。もう一度ログインしてください。"
    await expect(seen.page.get_by_text(over)).to_be_visible()
    await until(seen.page, "location.pathname === '/agent'")  # back to the same page after the log-in
