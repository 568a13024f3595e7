"""A supervisor acts on the live queue page: by mouse, by keyboard alone, in both languages, and against refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from playwright.async_api import Page, expect

from cti.domain.errors import CallerError
from cti.domain.model import SkillId, SkillLevel
from cti.web import ports
from tests.e2e.pages import records
from tests.e2e.pages.conftest import Opener
from tests.e2e.pages.records import SATO
from tests.e2e.pages.site import PASSWORD, Site, now


async def at_queues(site: Site, opened: Opener, **how: Any) -> Page:
    at = now()
    site.desk.queues = (
        records.queue("members", at, waits_s=[12]),
        records.queue("roadside", at, waits_s=[640, 55], free=0, logged_in=3),
    )
    seen = await opened(**how)
    seen.expected += ["status of 400", "status of 409"]
    await seen.log_in(site.url, "tanaka", PASSWORD)
    await expect(seen.page.locator(".queue")).to_have_count(2)
    return seen.page


async def test_a_waiting_call_is_moved_and_put_first(site: Site, opened: Opener) -> None:
    page = await at_queues(site, opened)
    second = site.desk.queues[1].waiting[1].call_id
    await expect(page.locator(".queue").nth(1)).to_contain_text("The first waits because: all 3 with Roadside")
    opener = page.locator(".queue").nth(1).get_by_role("button", name="Act on the call in place 2")
    await opener.click()
    dialog = page.get_by_role("dialog", name="Waiting call (Roadside help)")
    await expect(dialog).to_contain_text("all 3 with Roadside ≥ 2 are on calls or in after-call work")
    await expect(dialog).to_contain_text("Step 2 of 3")
    await dialog.get_by_role("spinbutton").fill("50")
    await dialog.get_by_role("button", name="Set", exact=True).click()
    await expect(dialog.get_by_role("status")).to_have_text("The priority is now 50.")
    await dialog.get_by_role("button", name="The queue's own again").click()
    await expect(dialog.get_by_role("status")).to_have_text("The queue's priority counts again.")
    await dialog.get_by_label("To another queue (keeps its age)").select_option("members")
    await dialog.get_by_role("button", name="Move", exact=True).click()
    await expect(dialog.get_by_role("status")).to_have_text("Moved to Members.")
    assert site.supervision.done == [
        ("priority", second, "50", "tanaka"),
        ("priority", second, "None", "tanaka"),
        ("move", second, "members", "tanaka"),
    ]
    site.supervision.gone.add(second)
    await expect(dialog).to_contain_text("This call no longer waits")
    await expect(dialog.get_by_role("button", name="Move", exact=True)).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(opener).to_be_focused()


async def test_a_refusal_says_why_in_the_pages_language(site: Site, opened: Opener) -> None:
    page = await at_queues(site, opened, language="ja")
    await page.locator(".queue").nth(1).locator(".waiting button").nth(1).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator(".hopes")).to_be_visible()
    site.supervision.refusal = CallerError("queue 'members' is closed")
    await dialog.get_by_label("別のキューへ（待ち時間はそのまま）").select_option("members")
    await dialog.get_by_role("button", name="移す").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("queue 'members' is closed")
    await expect(dialog.get_by_role("status")).to_have_text("")
    assert site.supervision.done == []


async def test_an_agent_is_logged_out_only_after_a_question_by_keyboard_alone(site: Site, opened: Opener) -> None:
    page = await at_queues(site, opened)
    press = page.keyboard.press
    await page.get_by_role("button", name="Act on 佐藤 花子").focus()
    await press("Enter")
    dialog = page.get_by_role("dialog", name="佐藤 花子")
    await dialog.get_by_role("button", name="Log out…").focus()
    await press("Enter")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()  # the harmless one first
    assert site.supervision.done == []
    await press("Enter")
    await expect(dialog.get_by_role("button", name="Log out…")).to_be_focused()
    await press("Enter")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await press("Tab")
    await press("Enter")
    await expect(dialog.get_by_role("button", name="Is logged out")).to_be_focused()
    assert site.supervision.done == [("state", "sato", "offline", "", "tanaka")]
    await press("Escape")
    await expect(page.get_by_role("button", name="Act on 佐藤 花子")).to_be_focused()


async def test_skills_are_changed_and_somebody_elses_change_is_told(site: Site, opened: Opener) -> None:
    page = await at_queues(site, opened)
    await page.get_by_role("button", name="Act on 佐藤 花子").click()
    dialog = page.get_by_role("dialog", name="佐藤 花子")
    await dialog.get_by_label("English").select_option("4")
    await dialog.get_by_label("Billing").select_option("0")
    await dialog.get_by_role("button", name="Save skills").click()
    await expect(dialog).to_contain_text("Saved, and in force.")
    await expect(dialog).to_contain_text("changed by tanaka")
    ((_, agent, skills, by),) = site.supervision.done
    assert (agent, by) == (SATO, "tanaka")
    assert skills == "{'ja': 5, 'roadside': 4, 'en': 4}"
    await dialog.get_by_label("English").select_option("5")
    other = (SkillLevel(skill=SkillId("ja"), level=1),)
    site.desk.agents[SATO] = replace(site.desk.agents[SATO], skills=other)
    await expect(dialog.get_by_role("alert").first).to_contain_text("Somebody else changed these skills")
    await dialog.get_by_role("button", name="Show theirs").click()
    await expect(dialog.get_by_label("Japanese")).to_have_value("1")
    await expect(dialog.get_by_label("English")).to_have_value("0")


async def test_a_callback_is_cancelled_only_after_a_question(site: Site, opened: Opener) -> None:
    site.callbacks.add(1, now())
    page = await at_queues(site, opened)
    cancel = page.get_by_role("button", name="Cancel the callback to 090-1111-2201")
    await cancel.click()
    await page.get_by_role("dialog").get_by_role("button", name="Close").click()
    await expect(cancel).to_be_focused()
    assert len(site.callbacks.rows) == 1
    await cancel.click()
    question = page.get_by_role("dialog", name="Cancel the callback to 090-1111-2201?")
    await question.locator(".danger").click()
    await expect(page.get_by_text("Nobody waits to be called back.")).to_be_visible()
    assert site.callbacks.rows == {}


async def test_an_announcement_is_published_and_withdrawn(site: Site, opened: Opener) -> None:
    page = await at_queues(site, opened)
    await expect(page.get_by_text("Nothing is announced now.")).to_be_visible()
    await page.get_by_role("button", name="New announcement").click()
    await page.get_by_label("What").select_option("own")
    await page.get_by_label("Words in Japanese (up to 300 letters)").fill("台風のため休止しています。")
    await page.get_by_label("Words in English (up to 300 letters)").fill("Closed because of the typhoon.")
    await page.get_by_role("button", name="Announce", exact=True).click()
    await expect(page.locator(".announcements")).to_contain_text("Closed because of the typhoon.")
    await expect(page.get_by_role("button", name="New announcement")).to_be_focused()
    ((fact),) = site.fakes.announcements.live.values()
    assert (fact.queue, fact.text_ja) == ("members", "台風のため休止しています。")
    assert 3500 < (fact.ends_at - now()).total_seconds() < 3700
    await page.get_by_role("button", name="Withdraw").click()
    await page.get_by_role("dialog").locator(".danger").click()
    await expect(page.get_by_text("Nothing is announced now.")).to_be_visible()


async def test_what_an_agent_sees_has_nothing_to_act_with(site: Site, opened: Opener) -> None:
    site.desk.queues = (records.queue("members", now(), waits_s=[12]),)
    seen = await opened()
    await seen.log_in(site.url, "sato", PASSWORD)
    await seen.page.get_by_role("link", name="Queues").click()
    await expect(seen.page.locator(".waiting li")).to_have_count(1)
    for name in ("Act", "New announcement", "Cancel"):
        await expect(seen.page.get_by_role("button", name=name)).to_have_count(0)
    await expect(seen.page.get_by_role("link", name="Plan")).to_have_count(0)
    await seen.page.goto(f"{site.url}/queues/members/plan")
    await expect(seen.page.locator(".own-state")).to_be_visible()


async def test_closed_until_and_who_waits_for_nobody(site: Site, opened: Opener) -> None:
    at = now()
    opens = at + timedelta(days=3)
    site.desk.queues = (
        replace(
            records.queue("members", at), hours=ports.HoursFact(open=False, name=("海の日", "Marine Day"), until=opens)
        ),
        replace(records.queue("english", at), hours=ports.HoursFact(open=True, name=("", ""), until=opens)),
        # It closed a second ago, and no newer board has come.
        replace(
            records.queue("partners", at),
            hours=ports.HoursFact(open=True, name=("", ""), until=at - timedelta(seconds=1)),
        ),
        replace(records.queue("roadside", at, waits_s=[64, 5], free=0, logged_in=1), nobody_for=2),
    )
    seen = await opened()
    await seen.log_in(site.url, "tanaka", PASSWORD)
    cards = seen.page.locator(".queue")
    await expect(cards).to_have_count(4)
    there = opens.astimezone(ZoneInfo("Asia/Tokyo"))
    await expect(cards.nth(0).locator(".closed")).to_contain_text(f"{there:%H:%M}.")
    await expect(cards.nth(0).locator(".closed")).to_contain_text("Marine Day: Closed until")
    await expect(cards.nth(1).locator(".closed")).to_have_count(0)
    await expect(cards.nth(2).locator(".closed")).to_have_text("Closed.")
    await expect(cards.nth(3)).to_contain_text("Nobody who is logged in can take 2 of those who wait.")
