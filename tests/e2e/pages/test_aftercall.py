"""Notes that save by themselves, reasons and tickets, in a real browser and by keyboard."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
from playwright.async_api import Page, expect

from cti.domain.aftercall import TicketState
from cti.domain.model import AgentState, Call
from tests.e2e.pages.aftercall_scenes import stored, written
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.records import SATO
from tests.e2e.pages.site import PASSWORD, Site
from tests.e2e.pages.talk_scenes import on_the_line
from tests.e2e.pages.test_agent import save

LONG_MS = 20_000  # a bound, not a promise: the machine may be busy with other tests


async def talking(site: Site, opened: Opener, **how: Any) -> tuple[Page, Call]:
    seen = await opened(**how)
    seen.expected.append("status of 503")  # of those who switch the database off
    await seen.log_in(site.url, "sato", PASSWORD)
    page = seen.page
    await expect(page.locator(".own-state")).to_be_visible(timeout=LONG_MS)
    call = on_the_line(site)
    await expect(page.locator(".call-note")).to_be_enabled(timeout=LONG_MS)
    return page, call


async def test_a_call_is_written_up_by_keyboard_alone(site: Site, opened: Opener, pool: asyncpg.Pool[Any]) -> None:
    kept = site.fakes.aftercall
    kept.required = {"roadside"}
    page, call = await talking(site, opened, language="ja")
    await page.locator("body").press("n")
    await page.keyboard.type("再起動を案内。sとqとgはただの文字。")
    await expect(page.locator(".note-state")).to_have_text("保存済み", timeout=LONG_MS)
    assert kept.rows[call.call_id, SATO].note == "再起動を案内。sとqとgはただの文字。"
    await save(pool, call)  # the recorder's work: once the pop is gone, the record tells whose call it was
    site.hang_up(call)
    await page.get_by_role("button", name="後処理を終えて受付可にする").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".over .problem")).to_have_text(
        "このキューの通話には用件が必要です。用件を選んでください。", timeout=LONG_MS
    )
    await expect(page.locator(".reason-search")).to_be_focused()
    await page.keyboard.type("ｱﾝﾛｯｸ")
    await expect(page.locator(".options li")).to_have_count(1, timeout=LONG_MS)
    await page.keyboard.press("Enter")
    await expect(page.locator(".reasons .chips")).to_contain_text("解錠できない")
    await page.get_by_role("button", name="後処理を終えて受付可にする").press("Enter")
    await expect(page.locator(".pop")).to_have_count(0, timeout=LONG_MS)
    async with asyncio.timeout(20):  # the page is gone, the note goes on
        while kept.rows[call.call_id, SATO].reasons != ("unlock",):
            await asyncio.sleep(0.02)
    assert site.desk.agents[SATO].state is AgentState.AVAILABLE


async def test_with_the_server_away_words_are_kept_and_saved_when_it_is_back(site: Site, opened: Opener) -> None:
    kept = site.fakes.aftercall
    page, call = await talking(site, opened)
    kept.away = True
    await page.locator(".call-note").fill("The cable is on the back seat")
    await expect(page.locator(".note-state")).to_contain_text("Kept here", timeout=LONG_MS)
    await page.reload()
    kept.away = False
    await expect(page.locator(".call-note")).to_have_value("The cable is on the back seat", timeout=LONG_MS)
    await expect(page.locator(".note-state")).to_have_text("Saved", timeout=LONG_MS)
    assert kept.rows[call.call_id, SATO].note == "The cable is on the back seat"
    left = "Object.keys(localStorage).filter(key => key.startsWith('kakehashi.note.')).length"
    assert await page.evaluate(left) == 0


async def test_two_pages_of_one_agent_lose_no_words(site: Site, opened: Opener) -> None:
    kept = site.fakes.aftercall
    page, call = await talking(site, opened)
    await page.locator(".call-note").fill("first")
    await expect(page.locator(".note-state")).to_have_text("Saved", timeout=LONG_MS)
    stored(site, replace(written(call, "of the other page"), version=2))
    await page.locator(".call-note").fill("of this page")
    await expect(page.locator(".theirs")).to_have_text("of the other page", timeout=LONG_MS)
    assert kept.rows[call.call_id, SATO].note == "of the other page", "nothing was overwritten"
    await page.get_by_role("button", name="Keep what I wrote here").click()
    await expect(page.locator(".note-state")).to_have_text("Saved", timeout=LONG_MS)
    assert kept.rows[call.call_id, SATO].note == "of this page"


async def test_a_ticket_is_shown_until_it_is_done_and_joined_by_choice(site: Site, opened: Opener) -> None:
    kept = site.fakes.aftercall
    page, _ = await talking(site, opened)
    await page.locator(".ticket-title").fill("Will not unlock <script>alert(1)</script>")
    await page.get_by_role("button", name="Open a ticket").dblclick()
    await expect(page.locator(".asked-sending")).to_be_visible(timeout=LONG_MS)
    (key,) = kept.wishes  # two clicks are one wish
    assert kept.wishes[key].reservation_id == "R-48120017"
    kept.came_to[key] = TicketState.QUEUED
    await expect(page.locator(".asked-queued")).to_be_visible(timeout=LONG_MS)
    kept.came_to[key] = TicketState.DONE
    await expect(page.locator(".ticket-lines")).to_contain_text("T-10001", timeout=LONG_MS)
    await page.locator(".tickets-asked select").select_option(index=1)
    await page.get_by_role("button", name="Join this call to it").click()
    await expect(page.locator(".ticket-lines li")).to_have_count(2, timeout=LONG_MS)
    joined = list(kept.wishes.values())[-1]
    assert (joined.do, joined.ticket_id, joined.title) == ("join", "T-2207", "")
