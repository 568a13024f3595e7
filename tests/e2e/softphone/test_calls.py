"""A call rings in a real browser, is answered there, both sides hear each other, and the page hangs up."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from playwright.async_api import expect

from cti.demo.stack import Stack
from cti.demo.tones import RATE_HZ, read_wav, tone_seconds
from tests.e2e.desk.office import at_work, calling, of_call, offered, record_of, replayed
from tests.e2e.pages.browser import window
from tests.e2e.softphone.page import AGENT_HZ, CALLER_HZ, Phone

pytestmark = pytest.mark.asyncio(loop_scope="package")

TALK_S = 3.0
MUTED_S = 2.0


def of_pages(record: Any) -> list[Any]:
    """How it sounded, as pages measured it."""
    return [one for one in record["quality"] if one["measured_by"] == "page"]


async def test_a_call_in_the_browser(desk: Stack, phone: Phone) -> None:
    async with at_work(desk, "sato") as screens, calling(desk, sound=CALLER_HZ) as caller:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        call_id = offer["pop"]["call_id"]
        await phone.says("Ringing")
        await phone.press("Answer")
        await phone.says("On the line")
        hz, share = await phone.hears()
        assert hz == pytest.approx(CALLER_HZ, abs=12)
        assert share > 0.5
        await asyncio.sleep(TALK_S - 2)  # sound takes the time it takes
        await phone.press("Hang up")
        await caller.wait_for("CALL_CLOSED")
        await phone.says("Ready for calls")
        # How it sounded comes from the page, when the call is over.
        record = await record_of(
            desk, call_id, lambda record: record["ended_at"] is not None and len(of_pages(record)) > 0
        )
        heard, rate_hz = read_wav(caller.heard()[0])
    (sounded,) = of_pages(record)
    # Asterisk measured both legs too: the agent's own page knows more of it, the caller's side has no page.
    assert [(one["agent"], one["measured_by"]) for one in record["quality"]] == [(None, "asterisk"), ("sato", "page")]
    assert (sounded["agent"], sounded["talk_at"]) == ("sato", record["answered_at"])
    assert sounded["measured_s"] > 1.0
    assert sounded["grade"] is not None
    assert sounded["loss_in"] < 0.5
    assert (record["end_reason"], record["ended_by"], record["agents"]) == ("completed", "agent", ["sato"])
    assert tone_seconds(heard[0], AGENT_HZ, rate_hz) > TALK_S / 2
    left, right = await replayed(desk, call_id)
    assert tone_seconds(left, CALLER_HZ, RATE_HZ) > TALK_S / 2
    assert tone_seconds(right, AGENT_HZ, RATE_HZ) > TALK_S / 2


async def test_by_keyboard_muted_and_held(desk: Stack, phone: Phone) -> None:
    keys, page = phone.seen.page.keyboard, phone.seen.page
    async with at_work(desk, "sato") as screens, calling(desk, sound=CALLER_HZ) as caller:
        await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        await phone.says("Ringing")
        await keys.press("F2")
        await phone.says("On the line")
        began_s = time.monotonic()
        await keys.press("F8")
        await phone.says("Your microphone is off")
        await asyncio.sleep(MUTED_S)
        await keys.press("F8")
        # Held and fetched back by Asterisk: the page's phone stays on the line all the while.
        await page.get_by_role("button", name="Hold", exact=True).click()
        await expect(page.locator(".talk-phase").get_by_text("The caller is on hold")).to_be_visible()
        await phone.says("On the line")
        await page.get_by_role("button", name="Resume").click()
        await expect(page.locator(".talk-phase")).to_have_text("Talking with the caller")
        hz, _ = await phone.hears()
        assert hz == pytest.approx(CALLER_HZ, abs=12)
        talked_s = time.monotonic() - began_s
        await caller.hangup()
        await phone.says("Ready for calls")
        heard, rate_hz = read_wav(caller.heard()[0])
    assert 1.0 < tone_seconds(heard[0], AGENT_HZ, rate_hz) < talked_s - MUTED_S + 0.5


async def test_a_declined_call_leaves_the_phone_ready(desk: Stack, phone: Phone) -> None:
    async with at_work(desk, "sato") as screens, calling(desk):
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        await phone.says("Ringing")
        await phone.press("Decline")
        _, over = await screens["sato"].wait_for("pop", of_call("pop.withdraw", offer["pop"]["call_id"]), "withdrawal")
        assert over["outcome"] == "rejected"
        await phone.says("Ready for calls")


async def test_who_has_a_sip_phone_loads_none(desk: Stack, phone: Phone) -> None:
    async with window(phone.browser, language="en") as seen:
        loaded: list[str] = []
        seen.page.on("request", lambda request: loaded.append(request.url))
        await seen.log_in(desk.web, "suzuki", desk.password("suzuki"))
        await expect(seen.page.locator(".state-word")).to_be_visible()
        await expect(seen.page.locator(".phone-bar")).to_have_count(0)
        assert any("/api/my/phone" in url for url in loaded)
        assert [url for url in loaded if "JsSIP" in url] == []
