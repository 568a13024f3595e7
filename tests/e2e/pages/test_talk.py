"""The agent commands the call on the line, with the mouse and with the keyboard alone, in both languages."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from playwright.async_api import expect

from cti.domain.events import AgentPhoneChanged
from cti.domain.model import AgentState, PhoneState, TalkPhase
from cti.outbound.rules import Refused as Refused409
from cti.transfers import Refused
from cti.web.context import PARTS
from cti.web.texts import text
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.site import PASSWORD, Site, now
from tests.e2e.pages.talk_scenes import go, on_the_line, with_numbers
from tests.e2e.pages.test_access import violations
from tests.unit.web.fakes import DEMO, agent_status

WHOM = "#whom-list [role=option]"


async def asked(site: Site, wanted: tuple[str, str, str]) -> None:
    async with asyncio.timeout(5):
        while site.fakes.talks.asked != [wanted]:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("language", "hold", "resume"), [("ja", "保留", "保留を解除"), ("en", "Hold", "Resume")], ids=["ja", "en"]
)
async def test_hold_and_resume(site: Site, opened: Opener, language: str, hold: str, resume: str) -> None:
    seen = await opened(language=language, width=390, height=844)
    await seen.log_in(site.url, "sato", PASSWORD)
    await expect(seen.page.locator(".state-word")).to_be_visible()
    call = on_the_line(site)
    await seen.page.get_by_role("button", name=hold, exact=True).click()
    await asked(site, ("sato", "hold", ""))
    go(site, call, TalkPhase.HELD)
    await expect(seen.page.get_by_role("button", name=resume)).to_be_focused()  # the keyboard does not begin at the top
    await expect(seen.page.get_by_role("button", name=hold, exact=True)).to_have_count(0)


async def test_a_colleague_is_found_by_the_sound_of_their_name_with_the_keyboard_alone(
    site: Site, opened: Opener
) -> None:
    seen = await opened(language="en")
    await seen.log_in(site.url, "sato", PASSWORD)
    await expect(seen.page.locator(".state-word")).to_be_visible()
    with_numbers(site)
    on_the_line(site)
    await expect(seen.page.locator(".talk button")).not_to_have_count(0)
    await seen.page.keyboard.press("t")  # to the call controls
    await seen.page.keyboard.press("Tab")
    await seen.page.keyboard.press("Enter")
    field = seen.page.locator("#whom")
    await expect(field).to_be_focused()
    await expect(seen.page.locator(WHOM, has_text="鈴木 一郎")).to_be_visible()
    await expect(seen.page.locator(WHOM, has_text="Queue")).to_have_count(0)  # a queue cannot be asked
    await seen.page.keyboard.type("sibuya")
    await expect(seen.page.locator(WHOM)).to_have_count(1)
    await expect(seen.page.locator(f"{WHOM}[aria-selected=true]")).to_contain_text("渋谷警察署")
    await seen.page.keyboard.press("Escape")
    await expect(field).to_have_value("")
    await seen.page.keyboard.press("ArrowUp")
    await seen.page.keyboard.press("ArrowDown")
    await seen.page.keyboard.type("suzuki")
    await expect(seen.page.locator(f"{WHOM}[aria-selected=true]")).to_contain_text("鈴木 一郎")
    await seen.page.keyboard.press("Enter")
    await asked(site, ("sato", "consult", "suzuki"))


async def test_a_caller_is_passed_on_to_a_number_and_what_may_not_be_dialled_says_why(
    site: Site, opened: Opener
) -> None:
    seen = await opened(language="ja", width=390, height=844)
    await seen.log_in(site.url, "sato", PASSWORD)
    await expect(seen.page.locator(".state-word")).to_be_visible()
    with_numbers(site)
    on_the_line(site)
    await seen.page.get_by_role("button", name="転送する", exact=True).click()
    await expect(seen.page.locator(WHOM, has_text="キュー").first).to_be_visible()
    site.server.app[PARTS].dialling.error = Refused409("dial_premium")  # type: ignore[attr-defined]
    field = seen.page.locator("#whom")
    await field.fill("０９９０-123-456")
    await expect(seen.page.locator(WHOM)).to_contain_text(text("dial_premium", "ja"))
    assert await violations(seen) == []
    await seen.page.keyboard.press("Enter")
    site.server.app[PARTS].dialling.error = None  # type: ignore[attr-defined]
    await field.fill("０９０-1234-5678")
    await expect(seen.page.locator(f"{WHOM}[aria-selected=true]")).not_to_contain_text(text("dial_premium", "ja"))
    await seen.page.keyboard.press("Enter")
    await asked(site, ("sato", "to_outside", "09012345678"))
    assert await seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways"


async def test_what_the_server_refuses_is_said(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    await seen.log_in(site.url, "sato", PASSWORD)
    await expect(seen.page.locator(".state-word")).to_be_visible()
    on_the_line(site)
    site.fakes.talks.refusal = Refused("agent_not_free", "suzuki is not at a free phone")
    await seen.page.get_by_role("button", name="Hold", exact=True).click()
    await expect(seen.page.get_by_role("alert")).to_have_text(
        "This agent's phone cannot be rung now. Choose somebody else, or a queue."
    )
    assert site.fakes.talks.asked == []


async def test_nothing_moves_when_the_call_is_answered(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    await seen.log_in(site.url, "sato", PASSWORD)
    await expect(seen.page.locator(".state-word")).to_be_visible()
    call = site.ring()
    await expect(seen.page.locator(".talk")).to_have_text(
        "RingingHold, ask a colleague and transfer come here once you have answered."
    )
    ringing = await seen.page.locator(".pop").bounding_box()
    on_the_line(site, call)
    await expect(seen.page.get_by_role("button", name="Hold", exact=True)).to_be_visible()
    talking = await seen.page.locator(".pop").bounding_box()
    assert ringing is not None
    assert talking is not None
    assert (ringing["x"], ringing["y"]) == (talking["x"], talking["y"])


async def test_whom_one_was_about_to_choose_stays_chosen_when_somebody_becomes_free(site: Site, opened: Opener) -> None:
    """Enter is pressed on a name that was read, not on a place in a list."""
    seen = await opened(language="en")
    await seen.log_in(site.url, "sato", PASSWORD)
    await expect(seen.page.locator(".state-word")).to_be_visible()
    with_numbers(site)
    on_the_line(site)
    busy = agent_status("aoki", name="青木 明", state=AgentState.AVAILABLE, phone=PhoneState.BUSY)
    site.desk.agents = {busy.agent: busy, **site.desk.agents}
    await seen.page.get_by_role("button", name="Transfer", exact=True).click()
    first = seen.page.locator(f"{WHOM}[aria-selected=true]")
    await expect(first).to_contain_text("鈴木 一郎")
    await expect(seen.page.locator(WHOM, has_text="青木 明")).to_have_attribute("aria-disabled", "true")
    site.desk.agents[busy.agent] = replace(busy, phone=PhoneState.IDLE)
    site.happen(AgentPhoneChanged(at=now(), tenant=DEMO, agent=busy.agent, phone=PhoneState.IDLE))
    await expect(seen.page.locator(WHOM, has_text="青木 明")).not_to_have_attribute("aria-disabled", "true")
    await expect(seen.page.locator(WHOM).first).to_contain_text("青木 明")
    await expect(first).to_contain_text("鈴木 一郎")
    await seen.page.keyboard.press("Enter")
    await asked(site, ("sato", "to_agent", "suzuki"))


LONG = "東日本ロードサービス・レッカー手配センター（夜間・休日専用、首都高速と環状八号線を除く）" * 2
UNBROKEN = "A" * 180
BOOK = {
    "ja": ("まだ番号がありません。", "番号を追加", "名前", "電話番号", "保存する", "編集", "削除"),
    "en": ("No numbers yet.", "Add a number", "Name", "Telephone number", "Save", "Change", "Take out"),
}


@pytest.mark.parametrize(("language", "width"), [("ja", 390), ("en", 1366)])
async def test_the_phone_book_is_kept_by_a_supervisor(site: Site, opened: Opener, language: str, width: int) -> None:
    none, new, name, number, save, change, remove = BOOK[language]
    seen = await opened(language=language, width=width)
    seen.expected.append("status of 409")
    with_numbers(site).rows.clear()
    await seen.log_in(site.url, "tanaka", PASSWORD)
    page, book = seen.page, seen.page.locator("section[aria-labelledby=phone-book]")
    await expect(book).to_contain_text(none)
    assert await violations(seen) == []
    await book.get_by_role("button", name=new).focus()
    await page.keyboard.press("Enter")
    field = book.get_by_label(name, exact=True)
    await expect(field).to_be_focused()
    await page.keyboard.type(LONG)
    await book.get_by_label(number, exact=True).fill("110")
    await page.keyboard.press("Enter")
    await expect(book.get_by_role("alert").filter(has_text=text("dial_emergency", language))).to_be_visible()
    await book.get_by_label(number, exact=True).fill("０３-6458-1234")
    await page.keyboard.press("Enter")
    await expect(book.locator("li")).to_contain_text("03-6458-1234")
    await expect(field).to_have_count(0)
    await expect(book.get_by_role("button", name=new)).to_be_focused()
    await book.get_by_role("button", name=change).click()
    await expect(field).to_be_focused()
    await field.fill(UNBROKEN)
    await book.get_by_role("button", name=save).click()
    await expect(book.locator("li")).to_contain_text(UNBROKEN)
    assert await violations(seen) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways"
    await book.get_by_role("button", name=remove).click()
    await page.get_by_role("dialog").get_by_role("button", name=remove).click()
    await expect(book).to_contain_text(none)
