"""A queue's plan on its page: drawn, written, checked as it is written, published, put back, overtaken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from playwright.async_api import Page, expect

from cti.domain.model import AgentId, QueueId, SkillId, SkillLevel
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.records import SATO
from tests.e2e.pages.site import Site
from tests.e2e.pages.supervisor_scenes import PLAN, published, published_by_yamada
from tests.e2e.pages.test_supervisor import at_queues

ROADSIDE = QueueId("roadside")


async def until(wanted: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not wanted():
            await asyncio.sleep(0.02)


async def at_plan(site: Site, opened: Opener, **how: Any) -> Page:
    page = await at_queues(site, opened, **how)
    await page.locator(".to-plan").nth(1).click()
    await expect(page.locator(".drawing")).to_be_visible()
    return page


async def test_a_plan_is_written_checked_and_published(site: Site, opened: Opener) -> None:
    page = await at_plan(site, opened)
    await expect(page.get_by_text("No steps: anybody")).to_be_visible()
    publish = page.get_by_role("button", name="Publish")
    await expect(publish).to_have_attribute("aria-disabled", "true")
    await page.get_by_role("button", name="Add a step").click()
    first = page.get_by_role("group", name="Step 1", exact=True)
    await expect(first.get_by_label("Kind of condition")).to_be_focused()
    await first.get_by_label("Kind of condition").select_option("skill")
    await first.get_by_label("Which skill").select_option("en")
    await first.get_by_label("Level").select_option("3")
    drawing = page.get_by_role("list", name="Steps of the plan")
    await expect(drawing).to_contain_text("English ≥ 3")  # the server's words for what is being written
    await expect(drawing).to_contain_text("nobody fits now")
    await expect(drawing).to_contain_text("Nobody of this desk fits: callers pass this step over.")
    await first.get_by_label("Until second (from entry)").fill("0")
    await expect(page.get_by_text("Write seconds, from 1 to 86400.")).to_be_visible()
    await expect(publish).to_have_attribute("aria-disabled", "true")
    await first.get_by_label("Until second (from entry)").fill("25")
    await page.get_by_label("Why (kept with the version)").fill("before the holidays")
    await expect(publish).not_to_have_attribute("aria-disabled", "true")
    await publish.click()
    await expect(page.get_by_text("Version 1 is published.")).to_be_visible()
    (version,) = site.supervision.versions[ROADSIDE]
    assert version.plan == [{"want": {"skill": "en", "level": 3}, "expires_s": 25}]
    assert (version.note, version.published_by) == ("before the holidays", "tanaka")
    await expect(page.locator(".versions")).to_contain_text("before the holidays")


async def test_steps_are_moved_and_removed_by_keyboard_alone(site: Site, opened: Opener) -> None:
    published(site, PLAN)
    page = await at_plan(site, opened)
    press = page.keyboard.press
    await page.get_by_role("button", name="Move step 3 up").focus()
    await press("Enter")
    await expect(page.get_by_role("button", name="Move step 2 up")).to_be_focused()
    await press("Enter")
    await expect(page.get_by_role("button", name="Move step 1 down")).to_be_focused()  # it is the first now
    await page.get_by_role("button", name="Remove step 2").focus()
    await press("Enter")
    await expect(page.get_by_role("button", name="Remove step 2")).to_be_focused()
    publish = page.get_by_role("button", name="Publish")
    await expect(publish).not_to_have_attribute("aria-disabled", "true")
    await publish.focus()
    await press("Enter")
    await until(lambda: len(site.supervision.versions[ROADSIDE]) == 2)
    plan = site.supervision.versions[ROADSIDE][0].plan
    assert [step["want"] for step in plan] == [PLAN[2]["want"], PLAN[1]["want"]]
    assert [step["expires_s"] for step in plan] == [15, 90]


async def test_a_draft_survives_another_page_and_is_told_of_a_newer_version(site: Site, opened: Opener) -> None:
    published(site, PLAN)
    page = await at_plan(site, opened)
    await page.get_by_role("button", name="Remove step 3").click()
    await expect(page.locator(".step")).to_have_count(2)
    await page.get_by_role("link", name="← Queues").click()
    await page.locator(".to-plan").nth(1).click()
    await expect(page.locator(".step")).to_have_count(2)
    published_by_yamada(site)
    await expect(page.get_by_text("yamada published version 2 while you were editing.")).to_be_visible(timeout=8000)
    await expect(page.get_by_role("button", name="Publish")).to_have_attribute("aria-disabled", "true")
    await page.get_by_role("button", name="Discard the draft and show theirs").click()
    await expect(page.locator(".step")).to_have_count(2)
    await expect(page.get_by_role("heading", name="The plan now version 2")).to_be_visible()
    assert len(site.supervision.versions[ROADSIDE]) == 2


async def test_the_server_refuses_a_plan_that_somebody_overtook_in_the_last_second(site: Site, opened: Opener) -> None:
    published(site, PLAN)
    page = await at_plan(site, opened, language="ja")
    await page.get_by_role("button", name="ステップ 3 を削除").click()
    publish = page.get_by_role("button", name="公開する")
    await expect(publish).not_to_have_attribute("aria-disabled", "true")
    published_by_yamada(site)
    await publish.click()
    await expect(page.get_by_role("alert").filter(has_text="ほかの人が先にプランを公開しました")).to_be_visible()
    assert [one.published_by for one in site.supervision.versions[ROADSIDE]] == ["yamada", "tanaka"]


async def test_an_earlier_version_comes_back_after_a_question(site: Site, opened: Opener) -> None:
    published(site, PLAN[:1], PLAN)
    page = await at_plan(site, opened)
    await expect(page.locator(".step")).to_have_count(3)
    await page.get_by_role("button", name="Back to version 1").click()
    dialog = page.get_by_role("dialog", name="Back to version 1")
    await dialog.get_by_label("Why (kept with the version)").fill("too slow")
    await dialog.get_by_role("button", name="Go back").click()
    await expect(page.locator(".step")).to_have_count(1)
    newest = site.supervision.versions[ROADSIDE][0]
    assert (newest.version, newest.reverts_to, newest.note) == (3, 1, "too slow")


async def test_agents_are_counted_who_fit_now(site: Site, opened: Opener) -> None:
    suzuki = AgentId("suzuki")
    site.desk.agents[suzuki] = replace(
        site.desk.agents[suzuki], skills=(SkillLevel(skill=SkillId("en"), level=5),), phone=site.desk.agents[SATO].phone
    )
    published(site, [{"want": {"skill": "en", "level": 3}, "expires_s": 20}])
    page = await at_plan(site, opened)
    drawing = page.get_by_role("list", name="Steps of the plan")
    await expect(drawing.locator("li").nth(0)).to_contain_text("fit now: 1, of whom 1 available")
    await expect(drawing.locator("li").nth(1)).to_contain_text("fit now: 3, of whom 0 available")
