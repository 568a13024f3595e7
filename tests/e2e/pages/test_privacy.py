"""Who answers for recordings: keeps one, is refused its deletion, reads who listened; discloses and erases a person."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import asyncpg
from playwright.async_api import Page, expect

from cti.domain.keeping import Actor
from cti.domain.model import CallId
from cti.wiring.keeping import KeptRecordings
from tests.e2e.pages.browser import until
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.records import DEMO
from tests.e2e.pages.site import PASSWORD, Site, now
from tests.e2e.pages.sound import Sound
from tests.e2e.pages.test_recordings import record

NUMBER = "090-1234-5678"


async def logged_in(site: Site, page: Page, login: str, path: str) -> None:
    await page.goto(site.url)
    await page.locator("input[name=login]").fill(login)
    await page.locator("input[name=password]").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator("header nav")).to_be_visible()
    await page.goto(site.url + path)


async def test_a_recording_is_kept_its_deletion_refused_and_who_listened_is_read(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    (call,) = await record(pool, sound, [now() - timedelta(minutes=10)])
    listener = (await opened()).page
    await logged_in(site, listener, "watanabe", f"/qa/{call.call_id}")
    await until(listener, "document.querySelector('audio')?.currentTime > 0.2")
    await expect(listener.locator(".keeping")).to_have_count(0)  # no right to it: not a button of it
    await expect(listener.get_by_role("link", name="Privacy")).to_have_count(0)

    seen = await opened()
    seen.expected.append("409")
    page = seen.page
    await logged_in(site, page, "kansa", f"/qa/{call.call_id}")
    await expect(page.locator(".keeping")).to_contain_text("not under hold")
    await expect(page.locator("audio")).to_have_count(0)  # answers for it, and does not hear it
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Put under hold…").press("Enter")  # by keyboard alone
    await expect(dialog.get_by_label("Reason")).to_be_focused()
    await page.keyboard.type("case 17")
    await page.keyboard.press("Enter")
    held = page.locator(".keeping .holds li")
    await expect(held).to_contain_text("case 17")
    await expect(held).to_contain_text("神崎 司")
    await expect(held).to_contain_text("until it is released")
    await expect(page.get_by_role("button", name="Put under hold…")).to_be_focused()

    # Somebody else holds it as well; the page that was opened before does not know.
    until_then = now() + timedelta(days=30)
    await KeptRecordings(pool, now).hold(DEMO, CallId(call.call_id), Actor(who="hogo"), "case 18", until_then)
    await page.get_by_role("button", name="Delete…").click()
    await dialog.get_by_label("Reason").fill("asked by the caller")
    await dialog.get_by_role("button", name="Delete for good").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("under legal hold and cannot be deleted")
    await expect(dialog.locator(".holds li").first).to_contain_text("保科 恵")
    await page.keyboard.press("Escape")
    await expect(held).to_have_count(2)
    assert await pool.fetchval("SELECT delete_asked_at FROM recordings") is None

    await page.get_by_role("button", name="Who listened").click()
    await expect(page.locator(".sittings li")).to_contain_text("渡辺 健")
    await expect(page.locator(".sittings li")).to_contain_text("0:00–0:")
    await expect(page.locator(".lane-heard")).to_have_count(1)

    await page.get_by_role("link", name="Privacy").click()
    lines = page.locator(".hold-list li")
    await expect(lines).to_have_count(2)
    await lines.filter(has_text="case 17").get_by_role("button", name="Release").click()
    await dialog.get_by_label("Reason").fill("closed")
    await page.keyboard.press("Enter")
    await expect(lines).to_have_count(1)
    await page.get_by_label("Show those that are over").check()
    await expect(lines.filter(has_text="case 17")).to_contain_text("released by 神崎 司")


async def test_the_trail_is_read_by_person_kind_and_day(site: Site, opened: Opener, pool: asyncpg.Pool[Any]) -> None:
    await pool.execute(
        "INSERT INTO audit (at, tenant, who, what, which, detail) SELECT now() - n * interval '1 day', 'demo',"
        " CASE n % 2 WHEN 0 THEN 'tanaka' ELSE 'sato' END, 'session.opened', 'x', '{}' FROM generate_series(1, 120) n"
    )
    page = (await opened()).page
    await logged_in(site, page, "kansa", "/privacy/trail")
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(50)
    await page.get_by_role("button", name="Show more").click()
    await expect(rows).to_have_count(100)
    await page.get_by_label("Person", exact=True).fill("田中 美咲")  # the name stands for the log-in
    await page.get_by_label("What was done").select_option("session.")
    day = now() - timedelta(days=10)
    await page.get_by_label("From", exact=True).fill(f"{day:%Y-%m-%d}")
    await page.get_by_role("button", name="Search", exact=True).press("Enter")
    await until(page, "location.search.includes('who=tanaka')")
    await expect(rows).to_have_count(5)
    assert {await row.locator("td").nth(1).inner_text() for row in await rows.all()} == {"田中 美咲"}
    await page.get_by_label("What was done").select_option("plan.")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.locator(".empty")).to_contain_text("Nothing in the trail fits")
    await page.go_back()
    await expect(rows).to_have_count(5)


async def test_a_person_is_looked_up_disclosed_and_erased_but_for_what_is_held(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    calls = await record(pool, sound, [now() - timedelta(minutes=10 * n) for n in (1, 2, 3)])
    await pool.execute("DELETE FROM recordings WHERE call_id <> $1", calls[0].call_id)  # no sound to wait for
    await KeptRecordings(pool, now).hold(DEMO, CallId(calls[0].call_id), Actor(who="hogo"), "case 17", None)
    seen = await opened()
    page = seen.page
    await logged_in(site, page, "kansa", "/privacy/person")
    await page.get_by_label("Telephone numbers").fill(NUMBER)
    await page.get_by_label("Number of the request").fill("D-17")
    await page.keyboard.press("Enter")
    known = page.locator(".person-known")
    await expect(known).to_contain_text("Calls: 3.")
    await expect(known.locator(".stays")).to_contain_text("case 17")
    async with page.expect_download() as download:
        await known.get_by_role("button", name="Disclose").click()
    file = await download.value
    assert file.suggested_filename == "disclosure-D-17.zip"
    archive = zipfile.ZipFile(io.BytesIO((await file.path()).read_bytes()))
    assert NUMBER in archive.read("index.html").decode() and archive.testzip() is None
    await expect(known.get_by_role("status")).to_contain_text("The file is fetched")

    await known.get_by_role("button", name="Erase…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("To confirm").fill("D-1")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert").first).to_contain_text("Nothing was erased")
    assert await pool.fetchval("SELECT count(*) FROM person_erasures") == 0
    await dialog.get_by_label("To confirm").fill("D-17")
    await page.keyboard.press("Enter")
    report = page.locator(".erasure")
    await expect(report).to_contain_text("done", timeout=15_000)
    await expect(report.locator(".report")).to_contain_text("Calls that are nobody's now: 2.")
    await expect(report.locator(".stays")).to_contain_text("held by 保科 恵 · until it is released")
    whose = await pool.fetch("SELECT call_id::text AS call, caller_e164 FROM calls WHERE caller_e164 IS NOT NULL")
    assert [row["call"] for row in whose] == [calls[0].call_id]
    trail = [row["what"] for row in await pool.fetch("SELECT what FROM audit WHERE what LIKE 'person.%' ORDER BY id")]
    assert trail == ["person.looked_up", "person.exported", "person.erasure_ordered", "person.erased"]
