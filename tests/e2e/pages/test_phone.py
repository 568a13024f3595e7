"""The phone in the page: who answers, which devices, what is said when one goes, and what is told of the sound."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
from playwright.async_api import expect

from cti.domain.quality import LineQuality
from cti.store.calls import CallStore
from cti.store.quality import QualityStore
from tests.e2e.pages.browser import Window, until
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.phone_scenes import BUILT_IN, HEADSET, ready, says, talking_phone
from tests.e2e.pages.phoneline import PlayedPhones, answered_after
from tests.e2e.pages.records import DEMO
from tests.e2e.pages.site import Site
from tests.e2e.pages.talk_scenes import on_the_line

PATIENCE_MS = 20_000
# Notifications as the page asks for them; nobody looks at the page.
NOTIFIED = """(() => {
  window.told = [];
  window.Notification = class {
    static permission = "default";
    static async requestPermission() { return (this.permission = "granted"); }
    constructor(title, { body }) { this.body = body; told.push(`${title}: ${body}`); }
    close() { told.push("closed"); }
  };
  document.hasFocus = () => false;
})()"""


async def said(seen: Window, words: str) -> None:
    await expect(seen.page.locator(".phone-says")).to_contain_text(words, timeout=PATIENCE_MS)


async def test_a_call_of_such_a_queue_is_answered_without_hands(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    line = await ready(site, seen)
    assert isinstance(site.parts.phones, PlayedPhones)
    site.parts.phones.phone = answered_after(roadside=1)  # decided after the log-in: it holds all the same
    site.ring()
    await line.ring()
    await said(seen, "On the line")
    assert "SIP/2.0 200 OK" in line.heard


async def test_how_a_call_sounded_is_told_when_it_is_over(site: Site, opened: Opener, pool: asyncpg.Pool[Any]) -> None:
    seen = await opened(language="en")
    line = await ready(site, seen)
    await seen.page.evaluate("played.loss = 0.2")
    call = site.ring()
    await line.ring()
    await says(seen.page, "ringing")
    await seen.page.keyboard.press("F2")
    await says(seen.page, "talking")
    await CallStore(pool).save([on_the_line(site, call)])
    await expect(seen.page.locator(".phone-bar .grade-poor")).to_be_visible(timeout=PATIENCE_MS)
    await seen.page.keyboard.press("F9")
    stored: Sequence[LineQuality] = ()
    async with asyncio.timeout(20):
        while not stored:
            await asyncio.sleep(0.05)
            stored = await QualityStore(pool).of_call(DEMO, call.call_id)
    (measured,) = stored
    assert (measured.agent, measured.round_trip_ms) == ("sato", 38.0)
    assert measured.lost_in * 4 == measured.received


async def test_a_microphone_that_is_pulled_in_mid_call_and_plugged_in_again(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    line = await talking_phone(site, seen)
    await seen.page.evaluate("played.unplug()")
    await said(seen, "the caller does not hear you")
    await seen.page.evaluate(f"played.plug('{BUILT_IN}')")
    await expect(seen.page.locator(".phone-says")).to_have_text("On the line", timeout=PATIENCE_MS)
    assert await seen.page.evaluate("played.streams.at(-1).getAudioTracks()[0].readyState") == "live"
    assert not [sent for sent in line.heard if sent.startswith("BYE")]


async def test_a_chosen_headset_is_taken_back_when_it_is_back(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    await talking_phone(site, seen)
    await seen.page.keyboard.press("v")
    await seen.page.locator(".phone-panel select").first.select_option(label=HEADSET)
    await seen.page.evaluate(f"played.unplug('{BUILT_IN}')")
    await said(seen, f"“{HEADSET}” is not plugged in: “{BUILT_IN}” is used.")
    await seen.page.evaluate(f"played.plug('{BUILT_IN}', '{HEADSET}')")
    await expect(seen.page.locator(".phone-says")).to_have_text("On the line", timeout=PATIENCE_MS)
    await until(seen.page, f"played.streams.at(-1).getAudioTracks()[0].label === '{HEADSET}'", 20)
    await seen.page.keyboard.press("Escape")
    await expect(seen.page.locator(".phone-panel")).to_have_count(0)


async def test_without_a_microphone_nobody_is_rung_until_one_is_plugged_in(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    line = await ready(site, seen)
    await seen.page.evaluate("played.unplug()")
    await said(seen, "No microphone was found")
    await seen.page.evaluate(f"played.plug('{HEADSET}')")
    await said(seen, "Ready for calls")
    assert len([sent for sent in line.heard if sent.startswith("REGISTER")]) >= 3  # in, out, and in again


async def test_the_system_tells_that_it_rings_and_who(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    await seen.page.add_init_script(NOTIFIED)
    line = await ready(site, seen)
    await seen.page.keyboard.press("v")
    await seen.page.get_by_label("Show a desktop notification when it rings").check()
    site.ring()
    await line.ring()
    await until(seen.page, "told.at(-1) === 'A call is ringing: 090-1234-5678'", 20)
    await seen.page.get_by_role("button", name="Decline").click()
    await until(seen.page, "told.at(-1) === 'closed'", 20)
