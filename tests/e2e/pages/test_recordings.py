"""QA: find a call, hear it, hear the next one; and what the page says when it cannot be heard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from playwright.async_api import Page, Response, Route, expect

from cti.domain.model import Call
from cti.store.calls import CallStore
from cti.web import auth, ports
from tests.e2e.pages.browser import Window, until
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.records import closed_call, queue
from tests.e2e.pages.site import PASSWORD, Site, now
from tests.e2e.pages.sound import Sound

TOKYO = ZoneInfo("Asia/Tokyo")
POSITION = "document.querySelector('audio').currentTime"


async def record(
    pool: asyncpg.Pool[Any], sound: Sound, begins: Sequence[datetime], state: str = "stored", reason: str = ""
) -> list[Call]:
    """Closed calls with their rows in the ledger."""
    calls = [closed_call(n, begin, missed_by="suzuki") for n, begin in enumerate(begins)]
    await CallStore(pool).save(calls)
    heard = state == "stored"
    for call in calls:
        await pool.execute(
            "INSERT INTO recordings (tenant, call_id, state, reason, moves, arrived_at, agents, queue, caller_kind,"
            " end_reason, sha256, bytes, duration_s, stored_at)"
            " VALUES ('demo', $1, $2, $3, 6, $4, '{sato}', 'roadside', 'number', 'completed', $5, $6, $7, $8)",
            call.call_id, state, reason, call.arrived_at, sound.sha256 if heard else None,
            len(sound.data) if heard else None, sound.duration_s if heard else None,
            call.arrived_at + timedelta(minutes=3) if heard else None,
        )  # fmt: skip
    return calls


async def at_list(site: Site, seen: Window) -> Page:
    site.desk.queues = (queue("members", now()), queue("roadside", now()))
    await seen.log_in(site.url, "watanabe", PASSWORD)
    await expect(seen.page.locator("h1")).to_be_visible()
    return seen.page


async def test_find_hear_seek_and_go_on(site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound) -> None:
    calls = await record(pool, sound, [now() - timedelta(minutes=10), now() - timedelta(minutes=50)])
    seen = await opened()
    page = await at_list(site, seen)
    statuses: list[int] = []

    def heard(response: Response) -> None:
        if response.url.endswith("/audio"):
            statuses.append(response.status)

    page.on("response", heard)
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("Roadside help")
    await expect(rows.first).to_contain_text("佐藤 花子")
    await rows.first.get_by_role("button").click()
    await until(page, f"{POSITION} > 0.3")
    assert set(statuses) == {206}
    await expect(page.get_by_role("link", name="Download")).to_have_count(0)  # to hear is not to take away
    await expect(page.locator(".journey")).to_contain_text("鈴木 一郎 · not answered")
    await expect(page.locator(".journey")).to_contain_text("queued Roadside help")

    await page.keyboard.press("Space")  # the keyboard is where the sound is
    assert await page.evaluate("document.querySelector('audio').paused")
    wave = page.locator(".wave canvas")
    box = await wave.bounding_box()
    assert box is not None
    await wave.click(position={"x": box["width"] / 2, "y": 20})  # where it is when it is clicked
    assert abs(await page.evaluate(POSITION) - sound.duration_s / 2) < 0.3
    await page.keyboard.press("ArrowRight")
    assert abs(await page.evaluate(POSITION) - sound.duration_s / 2 - 5) < 0.3
    await page.keyboard.press("Home")
    assert await page.evaluate(POSITION) == 0
    await page.get_by_role("button", name="1.5×").click()
    assert await page.evaluate("document.querySelector('audio').playbackRate") == 1.5
    await page.locator(".journey button", has_text="queued").click()
    assert abs(await page.evaluate(POSITION) - 11) < 0.3

    await page.keyboard.press("Escape")
    await expect(page.locator(".player")).to_have_count(0)
    await expect(rows.first.get_by_role("button")).to_be_focused()

    await page.keyboard.press("Enter")
    await until(page, f"{POSITION} > 0")
    await page.locator("[name=text]").focus()
    await page.evaluate("document.querySelector('audio').currentTime = 11.5")
    await expect(rows.nth(1)).to_have_attribute("aria-current", "true")  # over: the next one plays
    await until(page, f"{POSITION} > 0 && {POSITION} < 11")
    assert await page.evaluate("document.querySelector('audio').playbackRate") == 1.5
    assert page.url.endswith(f"/qa/{calls[1].call_id}")
    await expect(page.locator("[name=text]")).to_be_focused()  # who types goes on typing

    trail = await pool.fetch("SELECT who, which FROM audit WHERE what = 'recording.listened'")
    assert {(row["who"], row["which"]) for row in trail} == {("watanabe", str(call.call_id)) for call in calls}


async def test_a_day_is_the_desks_own_day(site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound) -> None:
    """The browser stands in Los Angeles; the desk's midnight counts."""
    midnight = now().astimezone(TOKYO).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    await record(pool, sound, [midnight - timedelta(minutes=1), midnight + timedelta(minutes=1)])
    page = await at_list(site, await opened())
    await expect(page.locator("tbody tr")).to_have_count(2)
    await page.get_by_label("From", exact=True).fill(f"{midnight:%Y-%m-%d}")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator("tbody tr")).to_contain_text("00:01")
    await page.get_by_role("button", name="Clear").click()
    await page.get_by_label("To", exact=True).fill(f"{midnight - timedelta(days=1):%Y-%m-%d}")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator("tbody tr")).to_contain_text("23:59")
    await page.get_by_role("button", name="Clear").click()
    await page.locator("[name=queue]").select_option("members")
    await expect(page.get_by_text("No calls match.")).to_be_visible()


async def test_a_long_list_comes_page_by_page(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    await record(pool, sound, [now() - timedelta(minutes=5 * n) for n in range(1, 121)])
    page = await at_list(site, await opened())
    await expect(page.locator("tbody tr")).to_have_count(50)
    await page.get_by_role("button", name="Show more").click()
    await expect(page.locator("tbody tr")).to_have_count(100)
    await page.locator("tbody button").last.click()
    await page.keyboard.press("n")  # behind the end of what is shown
    await expect(page.locator("tbody tr")).to_have_count(120)
    await expect(page.locator("tbody tr").nth(100)).to_have_attribute("aria-current", "true")
    await expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    await page.keyboard.press("Escape")
    await page.evaluate("scrollTo(0, 0)")
    await page.locator("tbody button").first.click()
    await expect(page.locator(".journey li")).not_to_have_count(0)
    search = page.get_by_role("button", name="Search", exact=True)
    await expect(search).to_be_in_viewport()
    assert await page.evaluate("scrollY") == 0, "the list is where it was"
    await search.click(timeout=5_000)  # nothing is in front of it
    for place in range(1, 4):
        await page.keyboard.press("n")
        await expect(page.locator("tbody tr").nth(place)).to_have_attribute("aria-current", "true")
        await expect(page.locator(".journey li")).not_to_have_count(0)
    playing = page.locator("tbody tr[aria-current] button")
    await expect(playing).to_be_in_viewport()
    line, player = "document.querySelector('tr[aria-current] button')", "document.querySelector('.player')"
    above = f"{line}.getBoundingClientRect().bottom <= {player}.getBoundingClientRect().top"
    await until(page, above)  # the line that plays is not behind the player, which grows as answers come


async def test_no_recording_has_its_reason_and_the_queue_page_leads_to_it(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    (call,) = await record(pool, sound, [now() - timedelta(minutes=9)], state="not_recorded", reason="no_sound")
    await pool.execute("UPDATE recordings SET ended_at = arrived_at + interval '95 s'")
    await pool.execute("UPDATE users SET roles = '{qa,supervisor}' WHERE login = 'watanabe'")
    why = "1 call(s) of the last hour have no recording"
    site.readiness.states["recordings"] = ports.PartState(ready=True, since=now(), why=why)
    page = await at_list(site, await opened())
    await expect(page.locator("tbody tr")).to_contain_text("no sound in it")
    await page.get_by_role("link", name="Queues").click()
    notice, line = page.locator(".health summary"), page.locator(".missing li")
    await notice.press("Enter")
    await expect(line).to_contain_text("no sound in it")
    await expect(line).to_be_in_viewport(ratio=1)
    for name in (call.call_id, "All without a recording"):
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name=name)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("[name=status]")).to_have_value("not_recorded")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.go_back()
    await notice.press("Enter")
    await expect(line).to_contain_text(call.call_id)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".player .warning")).to_have_text("not recorded – no sound in it")
    await expect(page.locator(".journey")).to_contain_text("answered 佐藤 花子")
    await expect(page.locator("audio")).to_have_count(0)


async def test_a_recording_that_is_still_processed_becomes_playable_by_itself(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    (call,) = await record(pool, sound, [now() - timedelta(minutes=1)], state="encoded")
    await pool.execute("UPDATE users SET roles = '{qa,download}' WHERE login = 'watanabe'")
    seen = await opened(language="ja")
    seen.expected.append("net::ERR_FAILED")
    page = await at_list(site, seen)
    lost: list[str] = []

    async def lose_the_first(route: Route) -> None:
        if route.request.resource_type == "media" and not lost:
            lost.append(route.request.url)
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/audio", lose_the_first)  # the player asks once more by itself
    await page.locator("tbody button").click()
    await expect(page.locator(".player .warning")).to_have_text("処理中")
    await pool.execute(
        "UPDATE recordings SET state = 'stored', sha256 = $1, bytes = $2, duration_s = 12",
        sound.sha256,
        len(sound.data),
    )
    await expect(page.locator("tbody tr")).to_contain_text("保存済み")
    await until(page, f"{POSITION} > 0")
    assert len(lost) == 1
    async with page.expect_download() as begun:
        await page.get_by_role("link", name="ダウンロード").click()
    taken = await begun.value
    assert taken.suggested_filename == f"{call.call_id}.webm"
    assert (await taken.path()).read_bytes() == sound.data
    assert await pool.fetchval("SELECT who FROM audit WHERE what = 'recording.downloaded'") == "watanabe"


async def test_a_changed_object_is_not_played_and_said(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    await record(pool, sound, [now() - timedelta(minutes=9)])
    site.shelf.changed = True
    seen = await opened()
    seen.expected.append("status of 502")
    page = await at_list(site, seen)
    await page.locator("tbody button").click()
    await expect(page.locator(".player").get_by_role("alert")).to_contain_text("changed or damaged")


async def test_a_session_that_is_over_leads_to_the_log_in_and_back(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QA has no socket that would tell: the next request does, the search or the player's word what was heard."""
    monkeypatch.setattr(auth, "FRESH_S", 0.0)
    calls = await record(pool, sound, [now() - timedelta(minutes=9)])
    seen = await opened()
    page = await at_list(site, seen)
    await page.locator("tbody button").click()
    await until(page, f"{POSITION} > 0")
    await pool.execute("DELETE FROM sessions")
    ended = page.get_by_text("Your log-in has ended.")
    await page.get_by_role("button", name="Search").or_(ended).click()
    await expect(ended).to_be_visible()
    await page.locator("input[name=login]").fill("watanabe")
    await page.locator("input[name=password]").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator(".player")).to_be_visible()
    assert page.url.endswith(calls[0].call_id)
