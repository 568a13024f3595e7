"""The agent commands the call on the line, with the mouse and with the keyboard alone, in both languages."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from cti.domain.model import TalkPhase
from cti.transfers import Refused
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.site import PASSWORD, Site
from tests.e2e.pages.talk_scenes import go, on_the_line


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
    await expect(seen.page.get_by_role("button", name=resume)).to_be_visible()
    await expect(seen.page.get_by_role("button", name=hold, exact=True)).to_have_count(0)


async def test_a_colleague_is_chosen_with_the_keyboard_alone(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    await seen.log_in(site.url, "sato", PASSWORD)
    await expect(seen.page.locator(".state-word")).to_be_visible()
    on_the_line(site)
    await expect(seen.page.locator(".talk button")).not_to_have_count(0)
    await seen.page.keyboard.press("t")  # to the call controls
    await seen.page.keyboard.press("Tab")
    await seen.page.keyboard.press("Enter")
    colleague = seen.page.get_by_role("button", name="鈴木 一郎")
    await expect(colleague).to_be_visible()
    await colleague.focus()
    await seen.page.keyboard.press("Enter")
    await asked(site, ("sato", "consult", "suzuki"))


async def test_what_the_server_refuses_is_said(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    await seen.log_in(site.url, "sato", PASSWORD)
    await expect(seen.page.locator(".state-word")).to_be_visible()
    on_the_line(site)
    site.fakes.talks.refusal = Refused("agent_not_free", "suzuki is not at a free phone")
    await seen.page.get_by_role("button", name="Hold", exact=True).click()
    await expect(seen.page.get_by_role("alert")).to_have_text("This agent's phone cannot be rung now.")
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
