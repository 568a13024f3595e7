"""QA's tasks by keyboard alone, as docs/qa.md counts them: keystrokes and seconds are printed with ``-s``.

The seconds are the machine's: from the first key to what was looked for. A person's reading and typing come on top.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from playwright.async_api import Page, expect

from cti.domain.events import CallLinked
from cti.domain.model import Call, Link, LinkConfidence
from cti.store.calls import CallStore
from cti.store.evaluationforms import EvaluationFormStore
from cti.store.links import LinkStore
from tests.e2e.pages.browser import drawn, until
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.records import DEMO, closed_call
from tests.e2e.pages.site import PASSWORD, Site, now
from tests.e2e.pages.sound import Sound
from tests.e2e.pages.test_access import violations
from tests.e2e.pages.test_recordings import POSITION, at_list
from tests.unit.domain.evaluations import FORM

TOKYO = ZoneInfo("Asia/Tokyo")


class Keyboard:
    """Counts what is pressed."""

    def __init__(self, page: Page) -> None:
        self.page, self.pressed, self.begin = page, 0, time.monotonic()

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.pressed += 1
            await self.page.keyboard.press(key)

    async def type(self, text: str) -> None:
        self.pressed += len(text)
        await self.page.keyboard.type(text)

    def told(self, task: str) -> None:
        print(f"\n{task}: {self.pressed} keystrokes, {time.monotonic() - self.begin:.1f} s")


async def recorded(pool: asyncpg.Pool[Any], sound: Sound) -> list[Call]:
    """Yesterday's call of a car, passed on in its 9th second, and others; with notes and sound."""
    noon = now().astimezone(TOKYO).replace(hour=12, minute=0, second=0, microsecond=0)
    calls = [closed_call(n, noon - timedelta(days=n // 4, hours=n)) for n in range(1, 9)]
    wanted = calls[3] = replace(calls[3], transferred_at=(calls[3].arrived_at + timedelta(seconds=9),))
    await CallStore(pool).save(calls)
    for number, call in enumerate(calls):
        await pool.execute(
            "INSERT INTO recordings (tenant, call_id, state, moves, arrived_at, began_at, agents, queue, sha256, bytes,"
            " duration_s, silence_s) VALUES ('demo', $1, 'stored', 6, $2, $2, '{sato}', 'roadside', $3, $4, $5, 2)",
            call.call_id, call.arrived_at, sound.sha256, len(sound.data), sound.duration_s,
        )  # fmt: skip
        plate = "品川 500 わ 12-34" if call is wanted or number == 7 else f"品川 500 わ 56-{number:02d}"
        link = Link(
            confidence=LinkConfidence.CONFIRMED, score=1.0, why="both", member_id="M-1", reservation_id=f"R-{number}"
        )
        card = {"reservations": {"reservations": [{"reservation_id": f"R-{number}", "vehicle": {"plate": plate}}]}}
        await LinkStore(pool).handle(CallLinked(at=now(), tenant=DEMO, call=call, link=link, status="live", card=card))
    await pool.execute(
        "INSERT INTO call_notes SELECT tenant, call_id, 'sato', 1, 'アプリで解錠できない。レッカーを手配', '{}', now(),"
        " now() FROM calls WHERE call_id = $1",
        wanted.call_id,
    )
    return [wanted, *(call for call in calls if call is not wanted)]


async def test_yesterdays_call_of_a_plate_and_what_was_said_before_the_transfer(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    wanted = (await recorded(pool, sound))[0]
    seen = await opened()
    page = await at_list(site, seen)
    await expect(page.locator("tbody tr")).to_have_count(8)
    keys = Keyboard(page)
    await keys.press("y", "v")
    await expect(page.locator("[name=plate]")).to_be_focused()
    await keys.type("12-34")
    await keys.press("Enter")
    await expect(page.locator(f"[id='call-{wanted.call_id}']")).to_be_focused()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator("tbody tr")).to_contain_text("品川500わ1234")
    await expect(page.locator(".search-chips")).to_contain_text("yesterday")
    await keys.press("Enter")
    await until(page, f"{POSITION} > 0")
    keys.told("find yesterday's call of a plate")
    assert "plate=12-34&since=yesterday&until=yesterday" in page.url

    await expect(page.locator(".lane-mark").first).to_be_visible()  # the call's way is known only now
    again = Keyboard(page)
    await page.evaluate("document.querySelector('audio').currentTime = 5")
    await again.press("t")
    await until(page, f"{POSITION} < 4 && !document.querySelector('audio').paused")
    again.told("hear what was said just before the transfer")
    await page.keyboard.press("+")
    await expect(page.locator(".controls")).to_contain_text("2×")


async def test_a_call_is_scored_and_submitted(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    await recorded(pool, sound)
    await EvaluationFormStore(pool).publish(DEMO, "members", FORM, after=0, by="t", note="", at=now())
    page = await at_list(site, await opened())
    await page.locator("tbody tr button").first.press("Enter")
    await expect(page.locator(".begin-score button")).to_be_visible()
    await drawn(page)
    keys = Keyboard(page)
    await keys.press("e")
    await expect(page.locator(".question").first).to_be_focused()
    await keys.press("2", "j", "3", "j", "2", "j", "4")
    submit = page.get_by_role("button", name="Submit")
    for _ in range(20):
        await keys.press("Tab")
        if await submit.evaluate("button => button === document.activeElement"):
            break
    await keys.press("Enter")
    await expect(page.locator(".score-lines")).to_contain_text("75.6")
    keys.told("score a call of four questions")
    assert await pool.fetchval("SELECT state FROM evaluations") == "submitted"


async def test_a_remark_is_text_and_a_moment_is_shared_with_who_may_hear_it(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    wanted = (await recorded(pool, sound))[0]
    seen = await opened(language="ja")
    page = await at_list(site, seen)
    await expect(page.locator("tbody tr")).to_have_count(8)
    await page.goto(f"{site.url}/qa/{wanted.call_id}?t=6.5&plate=56")
    await expect(page.locator("audio")).to_have_count(1)
    await expect(page.locator("tbody tr")).to_have_count(6)  # it is not one of them
    await until(page, f"{POSITION} >= 6.5")
    await page.keyboard.press("Space")
    await page.keyboard.press("c")
    await expect(page.locator(".comment-write textarea")).to_be_focused()
    await page.keyboard.type("<img src=x onerror=alert(1)> ここで聞き返した")
    await page.keyboard.press("Enter")
    await expect(page.locator(".comment-text")).to_have_text("<img src=x onerror=alert(1)> ここで聞き返した")
    assert await pool.fetchval("SELECT count(*) FROM call_comments WHERE author = 'watanabe'") == 1
    await expect(page.locator(".player .play")).to_be_focused()  # Space plays on
    assert await violations(seen) == []
    await page.evaluate("const a = document.querySelector('audio'); a.currentTime = 11.7; void a.play()")
    await until(page, "document.querySelector('audio').ended")  # and no other call's begins
    assert f"/qa/{wanted.call_id}" in page.url

    other = await opened()
    await other.log_in(site.url, "tanaka", PASSWORD)  # a supervisor without the role "qa"
    await expect(other.page.locator("header nav")).to_be_visible()
    await other.page.goto(f"{site.url}/qa/{wanted.call_id}?t=6.5")
    await expect(other.page.locator("h1")).to_have_text("You may not hear recordings")


async def test_filters_are_chips_kept_under_a_name_and_an_empty_list_says_what_to_do(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    await recorded(pool, sound)
    page = await at_list(site, await opened(width=420))
    await expect(page.locator("tbody tr")).to_have_count(8)
    await page.goto(f"{site.url}/qa?text=%E8%A7%A3%E9%8C%A0&caller=known&min_transfers=1")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator("tbody mark")).to_have_text("解錠")
    await expect(page.locator(".count")).to_have_text("Calls found: 1")
    await page.get_by_label("Keep this search as").fill("解錠の転送")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Saved searches")).to_have_value("解錠の転送")
    await page.get_by_role("button", name="Take away: Words of notes").press("Enter")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.locator("[name=text]").fill("飛行船")
    await page.keyboard.press("Enter")
    await expect(page.locator(".empty")).to_contain_text("Take a filter away")
    await page.locator(".empty").get_by_role("button").press("Enter")
    await expect(page.locator("tbody tr")).to_have_count(8)
