"""Bad days of a phone in the browser: the page is reloaded in mid-call, or dies with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from playwright.async_api import CDPSession, Error, expect

from cti.demo.client import logged_in
from cti.demo.phones import Baresip
from cti.demo.stack import Stack
from cti.demo.tones import RATE_HZ, read_wav, tone_seconds
from tests.e2e.desk.office import at_work, calling, newest_call, of_call, offered, record_of, replayed
from tests.e2e.pages.browser import window
from tests.e2e.softphone.page import AGENT_HZ, CALLER_HZ, Phone

pytestmark = pytest.mark.asyncio(loop_scope="package")

COLLEAGUE_HZ = 700
PARTNERS = "05012345010"  # no menu; sato and suzuki have its skill
TALK_S = 2.0
FREED_S = 6.0  # the promise of docs/softphone.md


def heard_s(caller: Baresip, hz: float, *, last_s: float | None = None) -> float:
    """Seconds of that tone in what the caller heard, in the last seconds of it; asked when the call is over."""
    samples, rate_hz = read_wav(caller.heard()[0])
    return tone_seconds(samples[0][-int(last_s * rate_hz) :] if last_s else samples[0], hz, rate_hz)


async def die(session: CDPSession) -> None:
    """The page's process ends at once: no good-bye, no sound, no connection."""
    with suppress(Error, TimeoutError):
        async with asyncio.timeout(2.0):
            await session.send("Page.crash")


async def test_a_reload_in_mid_call_brings_the_caller_back_to_the_page(desk: Stack, phone: Phone) -> None:
    async with at_work(desk, "sato") as screens, calling(desk, number=PARTNERS, keys="", sound=CALLER_HZ) as caller:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        await phone.says("Ringing")
        await phone.press("Answer")
        await phone.says("On the line")
        await asyncio.sleep(TALK_S)  # sound takes the time it takes
        await phone.seen.page.reload()
        await phone.says("On the line", 20.0)  # nobody pressed anything
        hz, share = await phone.hears()
        assert hz == pytest.approx(CALLER_HZ, abs=12)
        assert share > 0.5
        await expect(phone.seen.page.locator(".talk-phase")).to_have_text("Talking with the caller")
        await phone.press("Hang up")
        await caller.wait_for("CALL_CLOSED")
        await phone.says("Ready for calls")
        call_id = offer["pop"]["call_id"]
        record = await record_of(desk, call_id, lambda record: record["ended_at"] is not None)
    assert (record["end_reason"], record["ended_by"], record["agents"]) == ("completed", "agent", ["sato"])
    assert heard_s(caller, AGENT_HZ) > TALK_S / 2 + 1.0
    assert heard_s(caller, AGENT_HZ, last_s=1.5) > 0.7
    assert len(record["talks"]) == 2
    assert len(record["offers"]) == 1  # nobody was asked anew
    assert '"bring_back"' in desk.run.log("kakehashi").read_text()  # the page asked, 5 s of silence were not waited for
    left, right = await replayed(desk, call_id)  # one recording, of both parts of the talk
    assert tone_seconds(left, CALLER_HZ, RATE_HZ) > TALK_S + 1.0
    assert tone_seconds(right, AGENT_HZ, RATE_HZ) > TALK_S / 2 + 1.0
    assert tone_seconds(right[-int(1.5 * RATE_HZ) :], AGENT_HZ, RATE_HZ) > 0.7


async def test_a_page_reloaded_while_it_rings_is_rung_again_at_once(desk: Stack, phone: Phone) -> None:
    async with at_work(desk, "sato") as screens, calling(desk, number=PARTNERS, keys="", sound=CALLER_HZ) as caller:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        call_id = offer["pop"]["call_id"]
        await phone.says("Ringing")
        await phone.seen.page.reload()
        # Not after the 20 s that the dead leg would ring.
        _, over = await screens["sato"].wait_for("pop", of_call("pop.withdraw", call_id), "withdrawal", 12.0)
        assert over["outcome"] == "unreachable"
        await phone.says("Ringing", 20.0)
        await phone.press("Answer")
        await phone.says("On the line")
        hz, _ = await phone.hears()
        assert hz == pytest.approx(CALLER_HZ, abs=12)
        await phone.press("Hang up")
        await caller.wait_for("CALL_CLOSED")
        await phone.says("Ready for calls")
        record = await record_of(desk, call_id, lambda record: record["ended_at"] is not None)
    assert [(one["agent"], one["outcome"]) for one in record["offers"]] == [
        ("sato", "unreachable"),
        ("sato", "accepted"),
    ]


async def test_a_dead_browser_frees_its_caller_who_is_rung_to_another_agent(desk: Stack, phone: Phone) -> None:
    suzuki = desk.phones["suzuki"]
    async with window(phone.browser, language="en") as seen:
        doomed = Phone(seen, desk, phone.browser)
        debugger = await seen.page.context.new_cdp_session(seen.page)
        await doomed.log_in()  # before anybody calls: it rings at the page that registered last
        async with at_work(desk, "sato"), calling(desk, number=PARTNERS, keys="", sound=CALLER_HZ) as caller:
            await doomed.says("Ringing", 25.0)
            await doomed.press("Answer")
            await doomed.says("On the line")
            async with logged_in(desk.web, "suzuki", desk.password("suzuki")) as colleague:
                await colleague.set_state("available")
            since = len(suzuki.events)
            died_at = datetime.now(UTC)
            await die(debugger)
            await suzuki.wait_for("CALL_INCOMING", since=since, deadline_s=30)
            await suzuki.accept()
            await asyncio.sleep(TALK_S)  # sound takes the time it takes
            call = await newest_call(desk, lambda call: call["ended_at"] is None)
            record = await record_of(desk, call["call_id"], lambda record: len(record["talks"]) == 2)
            await suzuki.hangup()
            await caller.wait_for("CALL_CLOSED")
    assert heard_s(caller, COLLEAGUE_HZ, last_s=1.5) > 0.7
    first, second = record["talks"]
    assert (first["agent"], second["agent"]) == ("sato", "suzuki")
    assert (datetime.fromisoformat(first["ended_at"]) - died_at).total_seconds() < FREED_S
    await phone.seen.page.reload()  # the page of the other tests takes the phone back
    await phone.says("Ready for calls")
