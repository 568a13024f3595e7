"""What can be wrong around the phone in the page, and how the agent gets out of it; the rest is in test_phone.py."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from playwright.async_api import expect

from cti.web.hub import HUB
from cti.web.passwords import Passwords
from tests.e2e.pages.browser import until
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.phone_scenes import BUILT_IN, HEADSET, PLAYED, phone_page, ready, says, talking_phone
from tests.e2e.pages.phoneline import PhoneLine
from tests.e2e.pages.scenes import at_desk
from tests.e2e.pages.site import PASSWORD, Site
from tests.e2e.pages.test_phone import PATIENCE_MS, said

# A machine whose clock is an hour ahead of the desk's.
AHEAD = """(() => {
  const Real = Date, ahead = 3_600_000;
  window.Date = class extends Real {
    constructor(...about) { about.length ? super(...about) : super(Real.now() + ahead); }
    static now() { return Real.now() + ahead; }
  };
})()"""


@pytest.mark.parametrize(
    ("fail", "words"),
    [("NotAllowedError", "may not use the microphone"), ("NotReadableError", "in use by another program")],
)
async def test_a_microphone_that_was_not_given_is_asked_for_again(
    site: Site, opened: Opener, fail: str, words: str
) -> None:
    seen = await opened(language="en")
    line = await phone_page(site, seen, fail=fail)
    await said(seen, words)
    assert line.heard == []  # nobody would be heard: it does not ring here
    await seen.page.evaluate("played.fail = ''")
    await seen.page.get_by_role("button", name="Try again").click()
    await said(seen, "Ready for calls")


async def test_a_websocket_that_is_blocked_is_said_and_taken_when_it_is_let_through(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    line = await site.use_phone_line(PhoneLine())
    await line.close()
    seen.expected += ["WebSocket connection to", "status of 50", "Failed to load resource"]
    await seen.page.add_init_script(PLAYED % (HEADSET, BUILT_IN))
    await at_desk(site, seen)
    await said(seen, "whether WebSockets reach Asterisk")
    await line.open()
    await said(seen, "Ready for calls")
    # And the one to our own server, by a network that lets everything else through.
    site.server.app[HUB].stopping = True
    await seen.page.reload()
    offline = seen.page.locator(".offline")
    await expect(offline).to_contain_text("no WebSocket comes through", timeout=PATIENCE_MS)
    site.server.app[HUB].stopping = False
    await expect(offline).to_be_empty(timeout=PATIENCE_MS)
    await expect(seen.page.locator(".state-word")).to_have_text("Available", timeout=PATIENCE_MS)


async def test_a_websocket_that_breaks_in_mid_call_keeps_the_call(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    line = await talking_phone(site, seen)
    await line.close()
    await said(seen, "No connection to Asterisk: you go on talking")
    await line.open()
    await expect(seen.page.locator(".phone-says")).to_have_text("On the line", timeout=PATIENCE_MS)
    await seen.page.keyboard.press("F9")
    await said(seen, "Ready for calls")
    assert [sent for sent in line.heard if sent.startswith("BYE")]


async def test_a_connection_that_is_cut_without_a_word_is_replaced_and_the_talk_goes_on(
    site: Site, opened: Opener
) -> None:
    seen = await opened(language="en")
    line = await talking_phone(site, seen)
    line.cut()
    heard = len(line.heard)
    await seen.page.evaluate("dispatchEvent(new Event('offline'))")  # else it looks within 5 s by itself
    async with asyncio.timeout(10):  # it says so for some milliseconds only: this network lets another one through
        while not any(first.startswith("UPDATE") for first in line.heard[heard:]):
            await asyncio.sleep(0.05)
    await said(seen, "On the line")
    await seen.page.keyboard.press("F9")
    await said(seen, "Ready for calls")
    sent = [first.split()[0] for first in line.heard[heard:] if not first.startswith("OPTIONS")]
    assert sent == ["REGISTER", "UPDATE", "BYE"]


async def test_a_log_in_that_ends_in_mid_call_ends_no_call_and_neither_does_the_next_one(
    site: Site, opened: Opener, pool: asyncpg.Pool[asyncpg.Record]
) -> None:
    seen = await opened(language="en")
    line = await talking_phone(site, seen)
    await pool.execute("DELETE FROM sessions")
    await site.go_down()  # the next thing that the page asks for is refused
    site.passwords = Passwords(time_cost=1, memory_kib=64)  # those before ended with their server
    await site.come_up()
    await expect(seen.page.locator("input[name=login]")).to_be_visible(timeout=PATIENCE_MS)
    await said(seen, "On the line")
    await expect(seen.page.get_by_text("Your call goes on.")).to_be_visible(timeout=PATIENCE_MS)
    await seen.page.locator("input[name=login]").fill("sato")
    await seen.page.locator("input[name=password]").fill(PASSWORD)
    await seen.page.keyboard.press("Enter")
    await expect(seen.page.locator(".pop-talking")).to_be_visible(timeout=PATIENCE_MS)
    await said(seen, "On the line")
    assert not [sent for sent in line.heard if sent.startswith("BYE")]
    await seen.page.keyboard.press("F9")
    await said(seen, "Ready for calls")  # registered anew, with the secret of this log-in
    assert [sent for sent in line.heard if sent.startswith("BYE")]


async def test_a_second_window_is_the_phone_when_the_first_is_closed(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    await ready(site, seen)
    second = await seen.context.new_page()
    await second.add_init_script(PLAYED % (HEADSET, BUILT_IN))
    await second.goto(site.url)
    await expect(second.locator(".phone-says")).to_contain_text("in another window", timeout=PATIENCE_MS)
    await seen.page.close()
    await expect(second.locator(".phone-says")).to_contain_text("Ready for calls", timeout=PATIENCE_MS)


async def test_a_clock_that_is_an_hour_wrong_shows_the_desks_times(site: Site, opened: Opener) -> None:
    seen = await opened(language="en")
    await seen.page.add_init_script(AHEAD)
    line = await ready(site, seen)
    site.ring()
    await line.ring()
    await says(seen.page, "ringing")
    await until(seen.page, "/^0:0\\d$/.test(document.querySelector('.pop .timer').textContent.trim())", 20)
