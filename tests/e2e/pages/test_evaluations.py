"""A call is scored by keyboard beside its wave, disputed by the agent and decided; a form is published."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import asyncpg
from playwright.async_api import Page, expect

from cti.domain.model import TenantId
from cti.store.evaluationforms import EvaluationFormStore
from tests.e2e.pages.browser import Window, drawn, until
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.site import PASSWORD, Site, now
from tests.e2e.pages.sound import Sound
from tests.e2e.pages.test_recordings import POSITION, at_list, record
from tests.unit.domain.evaluations import FORM


async def at_player(site: Site, seen: Window, pool: asyncpg.Pool[Any], sound: Sound) -> Page:
    """QA with the player of a call open, and a form to score on."""
    await record(pool, sound, [now() - timedelta(minutes=10), now() - timedelta(minutes=50)])
    await EvaluationFormStore(pool).publish(TenantId("demo"), "members", FORM, after=0, by="t", note="", at=now())
    page = await at_list(site, seen)
    await page.locator("tbody tr button").first.click()
    await expect(page.locator(".begin-score button")).to_be_visible()
    await drawn(page)
    return page


async def stored(pool: asyncpg.Pool[Any]) -> Any:
    row = await pool.fetchrow("SELECT state, tenths, answers, outcome FROM evaluations")
    assert row is not None
    return row


async def test_a_call_is_scored_by_keyboard_disputed_and_decided(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    page = await at_player(site, await opened(), pool, sound)
    await page.keyboard.press("e")
    await expect(page.locator(".question").first).to_be_focused()
    for key in ("2", "j", "3"):
        await page.keyboard.press(key)
    # When the sound is over the next call would play; not while this one is being scored.
    await page.evaluate("document.querySelector('audio').currentTime = document.querySelector('audio').duration - 0.2")
    await until(page, "document.querySelector('audio').ended")
    await page.keyboard.press("c")
    await expect(page.locator(".comment textarea")).to_be_focused()
    await page.keyboard.type("jとxと1は文字")
    await page.keyboard.press("Escape")
    await expect(page.locator(".question").nth(1)).to_be_focused()
    for key in ("j", "2", "j", "x"):
        await page.keyboard.press(key)
    await expect(page.locator(".total strong")).to_have_text("90.6")
    await page.keyboard.press("4")
    await expect(page.locator(".total strong")).to_have_text("75.6")
    await expect(page.locator(".note-state")).to_have_text("Saved")
    assert json.loads(json.dumps((await stored(pool))["answers"]))["name"]["comment"] == "jとxと1は文字"
    await page.get_by_role("button", name="Submit").press("Enter")
    await expect(page.locator(".score-lines")).to_contain_text("75.6")

    agent = await opened()
    await agent.log_in(site.url, "sato", PASSWORD)
    await agent.page.get_by_role("link", name="My evaluations").click()
    await agent.page.locator("tbody a").first.click()
    await hears_it_alone(agent, pool)
    await agent.page.get_by_label("Why this score is wrong").fill("解決しました")
    await agent.page.get_by_role("button", name="Dispute this score").click()
    await agent.page.get_by_role("dialog").get_by_role("button", name="Dispute this score").click()
    await expect(agent.page.get_by_text("disputed").first).to_be_visible()

    lead = await opened()
    await lead.log_in(site.url, "tanaka", PASSWORD)
    await lead.page.get_by_role("link", name="Evaluations", exact=True).click()
    await lead.page.locator("tbody a").first.click()
    review = lead.page.get_by_role("region", name="Decide this dispute")
    await review.locator("[data-question=solved]").get_by_role("button", name="5").click()
    await review.get_by_label("Why you decide so").fill("確認しました")
    await review.get_by_role("button", name="Change", exact=True).click()
    await expect(lead.page.get_by_text("reviewed: changed")).to_be_visible()
    row = await stored(pool)
    assert (row["state"], row["outcome"], row["tenths"]) == ("reviewed", "changed", 906)


async def hears_it_alone(agent: Window, pool: asyncpg.Pool[Any]) -> None:
    """The call of one's own score, by keyboard; and why not, once a colleague is heard in it."""
    sound = agent.page.get_by_label("Hear the call")
    await expect(sound).to_have_attribute("controlslist", "nodownload")  # to hear is not to take away
    listened = "SELECT count(*) FROM audit WHERE who = 'sato' AND what = 'recording.listened'"
    await sound.focus()
    assert await pool.fetchval(listened) == 0, "nothing is asked for, and so nothing in the trail, before it is played"
    await agent.page.keyboard.press("Space")
    await until(agent.page, f"{POSITION} > 0.2")
    assert await pool.fetchval(listened) > 0
    await pool.execute("UPDATE recordings SET agents = '{sato,suzuki}'")
    agent.expected.append("status of 403")
    await agent.page.reload()
    await sound.focus()
    await agent.page.keyboard.press("Space")
    why_not = agent.page.get_by_text("Colleagues are heard in this call, too")
    await expect(why_not).to_be_visible()
    await expect(sound).to_be_focused()
    await pool.execute("UPDATE recordings SET agents = '{sato}'")
    await agent.page.keyboard.press("Space")  # what failed can be tried again
    await until(agent.page, f"{POSITION} > 0.2")
    await expect(why_not).to_have_count(0)


async def test_with_the_server_away_answers_are_kept_and_saved_when_it_is_back(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    seen = await opened()
    seen.expected.append("ERR_INTERNET_DISCONNECTED")
    page = await at_player(site, seen, pool, sound)
    await page.get_by_role("button", name="Score this call").click()
    await expect(page.locator(".question").first).to_be_focused()
    await page.context.set_offline(True)
    await page.keyboard.press("1")
    await expect(page.locator(".note-kept")).to_be_visible()
    await page.context.set_offline(False)
    await expect(page.locator(".note-saved")).to_be_visible()
    assert (await stored(pool))["answers"]["greeting"]["value"] == 1


async def test_a_form_is_written_tried_and_published_as_a_version(
    site: Site, opened: Opener, pool: asyncpg.Pool[Any], sound: Sound
) -> None:
    forms = EvaluationFormStore(pool)
    await forms.publish(TenantId("demo"), "members", FORM, after=0, by="t", note="", at=now())
    seen = await opened()
    await seen.log_in(site.url, "tanaka", PASSWORD)
    await seen.page.locator("nav").wait_for()
    await seen.page.goto(f"{site.url}/evaluation-forms/members")
    publish = seen.page.get_by_role("button", name="Publish")
    await seen.page.get_by_role("button", name="Retire").click()
    await seen.page.get_by_role("button", name="Use again").click()
    await expect(seen.page.get_by_role("button", name="Retire")).to_be_visible()
    await expect(publish).to_have_attribute("aria-disabled", "true")  # nothing was written
    section = seen.page.get_by_role("group", name="Section 2", exact=True)
    await section.get_by_role("button", name="Add a question").click()
    question = section.get_by_role("group", name="Question 2.3")
    await question.get_by_label("Name (Japanese)").fill("次の手順を伝えた")
    await question.get_by_label("Name (English)").fill("Told what happens next")
    await question.get_by_label("Steps", exact=True).fill("2")
    await expect(seen.page.locator("[data-question=care-3] .scale button")).to_have_count(3)
    await publish.click()
    await expect(seen.page.get_by_text("Version 2 by 田中 美咲 is in use")).to_be_visible()
    newest, first = await forms.history(TenantId("demo"), "members")
    assert (newest.form.questions[-1].name_ja, newest.form.questions[-1].steps) == ("次の手順を伝えた", 2)
    assert first.form == FORM
